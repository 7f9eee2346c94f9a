import Basics
import Torch

extension ONNXTranslation {
    /// Adds a call's counterpart in ONNX to the graph and gives the name of its result.
    typealias Translation = @Sendable (inout ONNXTranslation, TracedCall) throws -> String

    /// Operators that change nothing but where a tensor lies.
    static let unchanging: Set<String> = ["aten::detach", "aten::contiguous", "aten::clone"]

    /// Arguments that are not translated: they must be absent or have this value.
    static let fixed: [String: [(index: Int, name: String, value: String)]] = [
        "aten::add.Tensor": [(2, "alpha", "1.0")],
        "aten::sub.Tensor": [(2, "alpha", "1.0")],
        "aten::add.Scalar": [(2, "alpha", "1.0")],
        "aten::gelu": [(1, "approximate", "\"none\"")],
        "aten::flatten.using_ints": [(2, "end_dim", "-1")],
        "aten::mean.dim": [(3, "dtype", "none")],
        "aten::log_softmax.int": [(2, "dtype", "none")],
        "aten::constant_pad_nd": [(2, "value", "0.0")],
        "aten::batch_norm": [(5, "training", "false")],
        "aten::max_pool2d": [(4, "dilation", "[1, 1]"), (5, "ceil_mode", "false")],
        "aten::adaptive_avg_pool2d": [(1, "output_size", "[1, 1]")],
        "aten::scaled_dot_product_attention": [
            (3, "attn_mask", "none"), (4, "dropout_p", "0.0"), (5, "is_causal", "false"), (6, "scale", "none"),
            (7, "enable_gqa", "false"),
        ],
    ]

    /// libtorch's operators that networks use, by name.
    static let operators: [String: Translation] = [
        "aten::add.Tensor": elementwise("Add"),
        "aten::sub.Tensor": elementwise("Sub"),
        "aten::mul.Tensor": elementwise("Mul"),
        "aten::div.Tensor": elementwise("Div"),
        "aten::add.Scalar": withNumber("Add"),
        "aten::mul.Scalar": withNumber("Mul"),
        "aten::neg": elementwise("Neg"),
        "aten::exp": elementwise("Exp"),
        "aten::log": elementwise("Log"),
        "aten::sqrt": elementwise("Sqrt"),
        "aten::sigmoid": elementwise("Sigmoid"),
        "aten::relu": elementwise("Relu"),
        "aten::matmul": elementwise("MatMul"),
        "aten::hardtanh": clip,
        "aten::clamp": clip,
        "aten::gelu": gelu,
        "aten::_to_copy": { graph, call in
            let type = Int(ONNXGraph.number(of: call.result.dtype))
            return graph.node("Cast", [try graph.name(of: call.tensor(0))], ["to": .int(type)])
        },
        "aten::permute": { graph, call in
            graph.node("Transpose", [try graph.name(of: call.tensor(0))], ["perm": .ints(try call.ints(1))])
        },
        "aten::transpose.int": { graph, call in
            var order = Array(0..<call.result.rank)
            order.swapAt(try call.dimension(1), try call.dimension(2))
            return graph.node("Transpose", [try graph.name(of: call.tensor(0))], ["perm": .ints(order)])
        },
        "aten::reshape": reshape,
        "aten::flatten.using_ints": { graph, call in
            // Zero keeps a side.
            let sides = Array(repeating: 0, count: try call.dimension(1)) + [-1]
            return graph.node("Reshape", [try graph.name(of: call.tensor(0)), try graph.vector(sides)])
        },
        "aten::expand": { graph, call in
            graph.node("Expand", [try graph.name(of: call.tensor(0)), try graph.shape(call.resultSides)])
        },
        "aten::narrow": { graph, call in
            let (axis, start, length) = (try call.dimension(1), try call.int(2), try call.int(3))
            return graph.node(
                "Slice",
                [
                    try graph.name(of: call.tensor(0)), try graph.vector([start]), try graph.vector([start + length]),
                    try graph.vector([axis]),
                ])
        },
        "aten::cat": { graph, call in
            let inputs = try call.tensorList(0).map { try graph.name(of: $0) }
            let axis = try call.int(1)
            return graph.node("Concat", inputs, ["axis": .int(axis < 0 ? axis + call.result.rank : axis)])
        },
        "aten::mean.dim": { graph, call in
            graph.node(
                "ReduceMean", [try graph.name(of: call.tensor(0))],
                ["axes": .ints(try call.ints(1)), "keepdims": .int(try call.bool(2) ? 1 : 0)])
        },
        "aten::log_softmax.int": { graph, call in
            graph.node("LogSoftmax", [try graph.name(of: call.tensor(0))], ["axis": .int(try call.dimension(1))])
        },
        "aten::linear": linear,
        "aten::conv2d": convolution,
        "aten::constant_pad_nd": { graph, call in
            let borders = try call.ints(1)
            let (left, right, top, bottom) = (borders[0], borders[1], borders[2], borders[3])
            let pads = try graph.vector([0, 0, top, left, 0, 0, bottom, right])
            return graph.node("Pad", [try graph.name(of: call.tensor(0)), pads])
        },
        "aten::batch_norm": { graph, call in
            let inputs = try (0..<5).map { try graph.name(of: call.tensor($0)) }
            return graph.node("BatchNormalization", inputs, ["epsilon": .float(Float(try call.double(7)))])
        },
        "aten::layer_norm": { graph, call in
            let inputs = try [0, 2, 3].map { try graph.name(of: call.tensor($0)) }
            let attributes: [String: ONNXGraph.Attribute] = [
                "axis": .int(-(try call.ints(1)).count), "epsilon": .float(Float(try call.double(4))),
            ]
            return graph.node("LayerNormalization", inputs, attributes)
        },
        "aten::max_pool2d": { graph, call in
            let border = try call.ints(3)
            return graph.node(
                "MaxPool", [try graph.name(of: call.tensor(0))],
                [
                    "kernel_shape": .ints(try call.ints(1)), "strides": .ints(try call.ints(2)),
                    "pads": .ints(border + border),
                ])
        },
        "aten::adaptive_avg_pool2d": { graph, call in
            graph.node("GlobalAveragePool", [try graph.name(of: call.tensor(0))])
        },
        "aten::scaled_dot_product_attention": attention,
    ]

    private static func elementwise(_ kind: String) -> Translation {
        { graph, call in graph.node(kind, try call.tensors.map { try graph.name(of: $0) }) }
    }

    private static func withNumber(_ kind: String) -> Translation {
        { graph, call in
            graph.node(kind, [try graph.name(of: call.tensor(0)), try graph.scalar(call.double(1))])
        }
    }

    private static let clip: Translation = { graph, call in
        let bounds = try [1, 2].map { try graph.scalar(call.double($0)) }
        return graph.node("Clip", [try graph.name(of: call.tensor(0))] + bounds)
    }

    /// x (1 + erf(x / sqrt 2)) / 2: the operator set has no GELU of its own.
    private static let gelu: Translation = { graph, call in
        let x = try graph.name(of: call.tensor(0))
        let scaled = graph.node("Mul", [x, try graph.scalar(0.5.squareRoot())])
        let sum = graph.node("Add", [graph.node("Erf", [scaled]), try graph.scalar(1)])
        return graph.node("Mul", [graph.node("Mul", [x, sum]), try graph.scalar(0.5)])
    }

    private static let reshape: Translation = { graph, call in
        let old = try call.sides(ofTensor: 0)
        let sides = try call.sides(1).enumerated().map { index, side -> Int in
            switch side {
            case .size(let size): size
            // Zero keeps a side, -1 is what is left; where photographs have several images, a side is a multiple of their number.
            case .batch: try index < old.count && old[index] == .batch && call.keepsSide(index) ? 0 : -1
            }
        }
        guard sides.count(where: { $0 == -1 }) < 2 else {
            throw FoveaError(.engine, "a reshape with two open sides is not translated")
        }
        return graph.node("Reshape", [try graph.name(of: call.tensor(0)), try graph.vector(sides)])
    }

    private static let linear: Translation = { graph, call in
        let (x, weight) = (try call.tensor(0), try graph.name(of: call.tensor(1)))
        let bias = try call.optionalTensor(2).map { try graph.name(of: $0) }
        if x.rank == 2 {
            return graph.node("Gemm", [try graph.name(of: x), weight] + (bias.map { [$0] } ?? []), ["transB": .int(1)])
        }
        let transposed = graph.node("Transpose", [weight], ["perm": .ints([1, 0])])
        let product = graph.node("MatMul", [try graph.name(of: x), transposed])
        return bias.map { graph.node("Add", [product, $0]) } ?? product
    }

    private static let convolution: Translation = { graph, call in
        let weight = try call.tensor(1)
        let bias = try call.optionalTensor(2).map { [try graph.name(of: $0)] } ?? []
        let border = try call.ints(4)
        return graph.node(
            "Conv", [try graph.name(of: call.tensor(0)), try graph.name(of: weight)] + bias,
            [
                "kernel_shape": .ints(Array(weight.shape.suffix(2))), "strides": .ints(try call.ints(3)),
                "pads": .ints(border + border), "dilations": .ints(try call.ints(5)), "group": .int(try call.int(6)),
            ])
    }

    /// softmax(q k^T / sqrt(d)) v, without mask and dropout.
    private static let attention: Translation = { graph, call in
        let (query, rank) = (try call.tensor(0), try call.tensor(0).rank)
        var order = Array(0..<rank)
        order.swapAt(rank - 1, rank - 2)
        let keys = graph.node("Transpose", [try graph.name(of: call.tensor(1))], ["perm": .ints(order)])
        let factor = try graph.scalar(1 / Double(query.shape[rank - 1]).squareRoot())
        let scaled = graph.node("Mul", [try graph.name(of: query), factor])
        let weights = graph.node("Softmax", [graph.node("MatMul", [scaled, keys])], ["axis": .int(rank - 1)])
        return graph.node("MatMul", [weights, try graph.name(of: call.tensor(2))])
    }
}
