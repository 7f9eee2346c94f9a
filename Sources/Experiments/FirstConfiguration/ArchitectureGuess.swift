import Backbones
import Weights

extension Architecture {
    /// The network whose weights a file holds, by the names that torchvision and timm give them; nil for others.
    init?(holding file: WeightFile) {
        let names = file.tensors.map(\.name)
        func has(_ name: String) -> Bool { names.contains { $0 == name || $0.hasSuffix("." + name) } }
        if has("blocks.0.0.conv_dw.weight"), has("conv_stem.weight") {
            self = has("blocks.4.1.conv_dw.weight") ? .mobilenetv1 : .mobilenetv1Short
        } else if has("layer1.0.conv3.weight") {
            // ResNet-101 and 152 have more blocks.
            guard has("layer3.5.conv3.weight"), !has("layer3.6.conv3.weight") else { return nil }
            self = .resnet50
        } else if has("layer1.0.conv2.weight") {
            self = has("layer3.5.conv2.weight") ? .resnet34 : .resnet18
        } else if let patches = file.tensors.first(where: { $0.name.hasSuffix("patch_embed.proj.weight") }) {
            // RETFound's networks average over patches, and so do those that begin as its masked autoencoder.
            let isMean = has("fc_norm.weight") || has("mask_token")
            guard !has("blocks.0.ls1.gamma"), patches.shape.count == 4, patches.shape[2...] == [16, 16] else {
                return nil
            }
            switch (patches.shape[0], isMean) {
            case (192, false): self = .vitTiny
            case (192, true): self = .vitTinyMean
            case (384, false): self = .vitSmall
            case (384, true): self = .vitSmallMean
            case (768, false): self = .vitBase
            case (768, true): self = .vitBaseMean
            case (1024, false): self = .vitLarge
            case (1024, true): self = .vitLargeMean
            default: return nil
            }
        } else {
            return nil
        }
    }
}
