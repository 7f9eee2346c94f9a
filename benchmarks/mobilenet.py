"""MobileNet v1 (Howard et al., arXiv 1704.04861) in plain PyTorch, with timm's parameter names (`mobilenetv1_100`)."""
import torch
from torch import nn
from torch.nn import functional as F

# (repeats, stride of the first, output channels) of each stage.
STAGES = [(1, 1, 64), (2, 2, 128), (2, 2, 256), (6, 2, 512), (2, 2, 1024)]


class Conv(nn.Conv2d):
    """A 3x3 convolution with TensorFlow's SAME padding: the odd pixel goes right and below."""

    def forward(self, x):
        stride = self.stride[0]
        size = x.shape[-2:]
        high, wide = (max((-(-n // stride) - 1) * stride + 3 - n, 0) for n in size)
        if high == wide == 2:  # symmetric: the convolution can pad by itself
            return F.conv2d(x, self.weight, self.bias, self.stride, 1, 1, self.groups)
        x = F.pad(x, (wide // 2, wide - wide // 2, high // 2, high - high // 2))
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, 1, self.groups)


def norm(channels):
    return nn.BatchNorm2d(channels, eps=1e-3)


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv_dw = Conv(inputs, inputs, 3, stride, groups=inputs, bias=False)
        self.bn1 = norm(inputs)
        self.conv_pw = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.bn2 = norm(outputs)

    def forward(self, x):
        x = F.relu6(self.bn1(self.conv_dw(x)), inplace=True)
        return F.relu6(self.bn2(self.conv_pw(x)), inplace=True)


class MobileNet(nn.Module):
    """Images (batch, 3, height, width) in [-1, 1] to logits (batch, classes)."""

    def __init__(self, classes, last_block=True, dropout=0.0):
        super().__init__()
        self.conv_stem = Conv(3, 32, 3, 2, bias=False)
        self.bn1 = norm(32)
        stages, channels = [], 32
        for number, (repeats, stride, outputs) in enumerate(STAGES):
            if number == 4 and not last_block:
                repeats = 1
            blocks = [Block(channels if i == 0 else outputs, outputs, stride if i == 0 else 1) for i in range(repeats)]
            stages.append(nn.Sequential(*blocks))
            channels = outputs
        self.blocks = nn.Sequential(*stages)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x):
        x = F.relu6(self.bn1(self.conv_stem(x)), inplace=True)
        return self.classifier(self.dropout(self.blocks(x).mean((2, 3))))
