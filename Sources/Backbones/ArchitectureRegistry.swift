extension Architecture: CaseIterable {
    /// All networks, in the order in which the documents list them: one line for each file that describes some.
    public static let allCases: [Architecture] =
        ResNet.architectures
        + MobileNetV1.architectures
        + EfficientNetLite.architectures
        + VisionTransformer.architectures
}
