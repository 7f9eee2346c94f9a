/// The operators that Fovea uses, looked up once.
enum Ops {
    static let add = Operator("aten::add", "Tensor")
    static let addScalar = Operator("aten::add", "Scalar")
    static let sub = Operator("aten::sub", "Tensor")
    static let mul = Operator("aten::mul", "Tensor")
    static let mulScalar = Operator("aten::mul", "Scalar")
    static let div = Operator("aten::div", "Tensor")
    static let neg = Operator("aten::neg")
    static let exp = Operator("aten::exp")
    static let log = Operator("aten::log")
    static let log1p = Operator("aten::log1p")
    static let sqrt = Operator("aten::sqrt")
    static let abs = Operator("aten::abs")
    static let pow = Operator("aten::pow", "Tensor_Scalar")
    static let sigmoid = Operator("aten::sigmoid")
    static let logSigmoid = Operator("aten::log_sigmoid")
    static let relu = Operator("aten::relu")
    static let hardtanh = Operator("aten::hardtanh")
    static let clamp = Operator("aten::clamp")
    static let gelu = Operator("aten::gelu")
    static let isfinite = Operator("aten::isfinite")
    static let eq = Operator("aten::eq", "Scalar")
    static let ge = Operator("aten::ge", "Scalar")
    static let lt = Operator("aten::lt", "Scalar")
    static let whereSelf = Operator("aten::where", "self")
    static let sum = Operator("aten::sum", "dim_IntList")
    static let sumAll = Operator("aten::sum")
    static let mean = Operator("aten::mean", "dim")
    static let meanAll = Operator("aten::mean")
    static let max = Operator("aten::max")
    static let all = Operator("aten::all")
    static let norm = Operator("aten::linalg_vector_norm")
    static let reshape = Operator("aten::reshape")
    static let permute = Operator("aten::permute")
    static let transpose = Operator("aten::transpose", "int")
    static let expand = Operator("aten::expand")
    static let flatten = Operator("aten::flatten", "using_ints")
    static let indexSelect = Operator("aten::index_select")
    static let bicubic = Operator("aten::_upsample_bicubic2d_aa")
    static let narrow = Operator("aten::narrow")
    static let cat = Operator("aten::cat")
    static let stack = Operator("aten::stack")
    static let matmul = Operator("aten::matmul")
    static let logSoftmax = Operator("aten::log_softmax", "int")
    static let detach = Operator("aten::detach")
    static let clone = Operator("aten::clone")
    static let copy = Operator("aten::copy_")
    static let fill = Operator("aten::fill_", "Scalar")
    static let addInPlace = Operator("aten::add_", "Scalar")
    static let to = Operator("aten::_to_copy")
    static let contiguous = Operator("aten::contiguous")
    static let pinMemory = Operator("aten::pin_memory")
    static let full = Operator("aten::full")
    static let normalInPlace = Operator("aten::normal_")
    static let uniformInPlace = Operator("aten::uniform_")
    static let bernoulliInPlace = Operator("aten::bernoulli_", "float")
    static let divInPlace = Operator("aten::div_", "Scalar")
    static let emptyLike = Operator("aten::empty_like")
    static let dropout = Operator("aten::dropout")
}

extension Tensor {
    // MARK: Making

    /// A tensor filled with one number.
    public static func full(_ shape: [Int], _ value: Double, dtype: DType = .float32, device: Device = .cpu) throws
        -> Tensor
    {
        try Ops.full(.ints(shape), .double(value), .dtype(dtype), .none, .device(making == .shapes ? .meta : device))
    }

    /// A tensor of zeros.
    public static func zeros(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) throws -> Tensor {
        try full(shape, 0, dtype: dtype, device: device)
    }

    /// A tensor of ones.
    public static func ones(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) throws -> Tensor {
        try full(shape, 1, dtype: dtype, device: device)
    }

    /// What tensors are made with.
    private enum Making { case draws, zeros, shapes }
    @TaskLocal private static var making = Making.draws

    /// Runs `body`, in which `normal` and `uniform` give zeros: networks whose weights come from a file need no others, and
    /// draws take longer than reading.
    public static func withoutDrawing<Value>(_ body: () throws -> Value) rethrows -> Value {
        try $making.withValue(making == .shapes ? .shapes : .zeros, operation: body)
    }

    /// Runs `body`, in which tensors that are made have a shape and no elements: what a network is known by before there is
    /// memory for it.
    public static func withoutElements<Value>(_ body: () throws -> Value) rethrows -> Value {
        try $making.withValue(.shapes, operation: body)
    }

    /// A tensor of draws from N(0, deviation^2), by the device's generator.
    public static func normal(_ shape: [Int], deviation: Double = 1, device: Device = .cpu) throws -> Tensor {
        guard making == .draws else { return try zeros(shape, device: device) }
        return try Ops.normalInPlace(.tensor(zeros(shape, device: device)), .double(0), .double(deviation))
    }

    /// A tensor of draws from the uniform distribution on [low, high), by the device's generator.
    public static func uniform(_ shape: [Int], _ low: Double, _ high: Double, device: Device = .cpu) throws -> Tensor {
        guard making == .draws else { return try zeros(shape, device: device) }
        return try Ops.uniformInPlace(.tensor(zeros(shape, device: device)), .double(low), .double(high))
    }

    /// This tensor with elements set to zero with a probability in [0, 1), the others scaled up, by the device's generator.
    public func dropped(_ rate: Double) throws -> Tensor {
        // libtorch's own operator draws from the process's generator; this is what it does, bit for bit.
        guard device == .cpu else { return try Ops.dropout(.tensor(self), .double(rate), .bool(true)) }
        let mask = try Autograd.withoutGrad { () -> Tensor in
            let mask = try Ops.bernoulliInPlace(.tensor(Ops.emptyLike(.tensor(self))), .double(1 - rate))
            return try Ops.divInPlace(.tensor(mask), .double(1 - rate))
        }
        return try self * mask
    }

    // MARK: Arithmetic

    /// Element by element.
    public static func + (a: Tensor, b: Tensor) throws -> Tensor { try Ops.add(.tensor(a), .tensor(b)) }
    /// Element by element.
    public static func + (a: Tensor, b: Double) throws -> Tensor { try Ops.addScalar(.tensor(a), .double(b)) }
    /// Element by element.
    public static func - (a: Tensor, b: Tensor) throws -> Tensor { try Ops.sub(.tensor(a), .tensor(b)) }
    /// Element by element.
    public static func - (a: Tensor, b: Double) throws -> Tensor { try Ops.addScalar(.tensor(a), .double(-b)) }
    /// Element by element.
    public static func - (a: Double, b: Tensor) throws -> Tensor { try -b + a }
    /// Element by element.
    public static func * (a: Tensor, b: Tensor) throws -> Tensor { try Ops.mul(.tensor(a), .tensor(b)) }
    /// Element by element.
    public static func * (a: Tensor, b: Double) throws -> Tensor { try Ops.mulScalar(.tensor(a), .double(b)) }
    /// Element by element.
    public static func * (a: Double, b: Tensor) throws -> Tensor { try b * a }
    /// Element by element.
    public static func / (a: Tensor, b: Tensor) throws -> Tensor { try Ops.div(.tensor(a), .tensor(b)) }
    /// Element by element.
    public static func / (a: Tensor, b: Double) throws -> Tensor { try a * (1 / b) }
    /// The negative.
    public static prefix func - (a: Tensor) throws -> Tensor { try Ops.neg(.tensor(a)) }

    /// e to the power of each element.
    public func exp() throws -> Tensor { try Ops.exp(.tensor(self)) }
    /// Natural logarithm.
    public func log() throws -> Tensor { try Ops.log(.tensor(self)) }
    /// log(1 + x), exact for small x.
    public func log1p() throws -> Tensor { try Ops.log1p(.tensor(self)) }
    /// Square root.
    public func sqrt() throws -> Tensor { try Ops.sqrt(.tensor(self)) }
    /// Absolute value.
    public func abs() throws -> Tensor { try Ops.abs(.tensor(self)) }
    /// Each element to a power.
    public func pow(_ exponent: Double) throws -> Tensor { try Ops.pow(.tensor(self), .double(exponent)) }
    /// 1 / (1 + e^-x).
    public func sigmoid() throws -> Tensor { try Ops.sigmoid(.tensor(self)) }
    /// log(sigmoid(x)), stable for large |x|.
    public func logSigmoid() throws -> Tensor { try Ops.logSigmoid(.tensor(self)) }
    /// log(1 + e^x), stable for large |x|.
    public func softplus() throws -> Tensor { try -((-self).logSigmoid()) }
    /// max(x, 0).
    public func relu() throws -> Tensor { try Ops.relu(.tensor(self)) }
    /// min(max(x, 0), 6).
    public func relu6() throws -> Tensor { try Ops.hardtanh(.tensor(self), .double(0), .double(6)) }
    /// x times the standard normal distribution function of x, without approximation.
    public func gelu() throws -> Tensor { try Ops.gelu(.tensor(self), .string("none")) }
    /// Limits each element to [low, high]; nil leaves a side open.
    public func clamped(_ low: Double?, _ high: Double?) throws -> Tensor {
        try Ops.clamp(
            .tensor(self), low.map(Argument.double) ?? .none, high.map(Argument.double) ?? .none)
    }

    // MARK: Comparison

    /// True where the element equals a number.
    public func equals(_ value: Double) throws -> Tensor { try Ops.eq(.tensor(self), .double(value)) }
    /// True where the element is at least a number.
    public func atLeast(_ value: Double) throws -> Tensor { try Ops.ge(.tensor(self), .double(value)) }
    /// True where the element is below a number.
    public func below(_ value: Double) throws -> Tensor { try Ops.lt(.tensor(self), .double(value)) }
    /// Elements of `a` where this mask is true, else of `b`.
    public func choose(_ a: Tensor, _ b: Tensor) throws -> Tensor {
        try Ops.whereSelf(.tensor(self), .tensor(a), .tensor(b))
    }
    /// Whether every element is finite.
    public func isAllFinite() throws -> Bool {
        try Ops.all(.tensor(Ops.isfinite(.tensor(self)))).item() != 0
    }

    // MARK: Reduction

    /// The sum over all elements, or over the given dimensions.
    public func sum(_ dimensions: [Int]? = nil, keepingDimensions: Bool = false) throws -> Tensor {
        guard let dimensions else { return try Ops.sumAll(.tensor(self)) }
        return try Ops.sum(.tensor(self), .ints(dimensions), .bool(keepingDimensions))
    }
    /// The mean over all elements, or over the given dimensions.
    public func mean(_ dimensions: [Int]? = nil, keepingDimensions: Bool = false) throws -> Tensor {
        guard let dimensions else { return try Ops.meanAll(.tensor(self)) }
        return try Ops.mean(.tensor(self), .ints(dimensions), .bool(keepingDimensions))
    }
    /// The largest element.
    public func max() throws -> Tensor { try Ops.max(.tensor(self)) }
    /// The Euclidean norm over all elements, or over the given dimensions.
    public func norm(_ dimensions: [Int]? = nil, keepingDimensions: Bool = false) throws -> Tensor {
        try Ops.norm(
            .tensor(self), .double(2), dimensions.map(Argument.ints) ?? .none, .bool(keepingDimensions))
    }

    // MARK: Shape

    /// The same elements in another shape; one size may be -1.
    public func reshaped(_ shape: [Int]) throws -> Tensor { try Ops.reshape(.tensor(self), .ints(shape)) }
    /// Dimensions in another order.
    public func permuted(_ order: [Int]) throws -> Tensor { try Ops.permute(.tensor(self), .ints(order)) }
    /// Two dimensions exchanged.
    public func transposed(_ a: Int, _ b: Int) throws -> Tensor {
        try Ops.transpose(.tensor(self), .int(a), .int(b))
    }
    /// Dimensions of size 1 repeated without copying; -1 keeps a size.
    public func expanded(_ shape: [Int]) throws -> Tensor { try Ops.expand(.tensor(self), .ints(shape), .bool(false)) }
    /// All dimensions from `start` on made one.
    public func flattened(from start: Int = 0) throws -> Tensor {
        try Ops.flatten(.tensor(self), .int(start), .int(-1))
    }
    /// The rows of a dimension that `indices` (int64) names, in that order.
    public func selecting(_ indices: Tensor, in dimension: Int) throws -> Tensor {
        try Ops.indexSelect(.tensor(self), .int(dimension), .tensor(indices))
    }
    /// `length` rows of a dimension from `start` on, as a view.
    public func narrowed(_ dimension: Int, from start: Int, length: Int) throws -> Tensor {
        try Ops.narrow(.tensor(self), .int(dimension), .int(start), .int(length))
    }
    /// The two last dimensions of [N, C, H, W] resampled bicubically, with antialiasing where they shrink; pixel centres
    /// stay where they are.
    public func resampled(height: Int, width: Int) throws -> Tensor {
        try Ops.bicubic(.tensor(self), .ints([height, width]), .bool(false), .none, .none)
    }
    /// Tensors joined along an existing dimension.
    public static func concatenated(_ tensors: [Tensor], in dimension: Int) throws -> Tensor {
        try Ops.cat(.tensors(tensors), .int(dimension))
    }
    /// Tensors of one shape joined along a new dimension.
    public static func stacked(_ tensors: [Tensor], in dimension: Int = 0) throws -> Tensor {
        try Ops.stack(.tensors(tensors), .int(dimension))
    }
    /// Matrix product.
    public func matmul(_ other: Tensor) throws -> Tensor { try Ops.matmul(.tensor(self), .tensor(other)) }
    /// Logarithm of the softmax over a dimension.
    public func logSoftmax(_ dimension: Int) throws -> Tensor {
        try Ops.logSoftmax(.tensor(self), .int(dimension), .none)
    }

    // MARK: Copies and conversions

    /// The same values, outside the recorded computation.
    public func detached() throws -> Tensor { try Ops.detach(.tensor(self)) }
    /// A copy with memory of its own.
    public func cloned() throws -> Tensor { try Ops.clone(.tensor(self), .memoryFormat(.preserve)) }
    /// This tensor on another device, with another type or layout; itself when nothing changes.
    public func to(
        device: Device? = nil, dtype: DType? = nil, format: MemoryFormat = .preserve, nonBlocking: Bool = false
    ) throws -> Tensor {
        let device = device ?? self.device
        let dtype = dtype ?? self.dtype
        let layoutFits = format == .preserve || (format == .channelsLast && isChannelsLast)
        if device == self.device && dtype == self.dtype && layoutFits { return self }
        return try Ops.to(
            .tensor(self), .dtype(dtype), .none, .device(device), .none, .bool(nonBlocking), .memoryFormat(format))
    }
    /// This tensor with its elements in row order; itself when they are.
    public func contiguous(_ format: MemoryFormat = .contiguous) throws -> Tensor {
        try Ops.contiguous(.tensor(self), .memoryFormat(format))
    }
    /// A copy in page-locked memory, from which a GPU can fetch while the processor continues.
    public func pinned() throws -> Tensor { try Ops.pinMemory(.tensor(self)) }

    // MARK: In place

    /// Takes over the values of another tensor.
    public func copy(from source: Tensor, nonBlocking: Bool = false) throws {
        try Ops.copy.call([.tensor(self), .tensor(source), .bool(nonBlocking)])
    }
    /// Sets every element to a number.
    public func fill(_ value: Double) throws { try Ops.fill.call([.tensor(self), .double(value)]) }
    /// Adds a number to every element.
    public func add(_ value: Double) throws { try Ops.addInPlace.call([.tensor(self), .double(value)]) }
}
