// swift-tools-version: 6.2
import Foundation
import PackageDescription

// The engine (libtorch) and the image library (libvips) are unpacked by `make setup` into a per-user cache;
// `.deps` holds links to them. Programs find the libraries by the cache's own path, so a clone may move.
let dependencies = Context.packageDirectory + "/.deps"

func resolved(_ name: String) -> String {
    URL(fileURLWithPath: dependencies + "/" + name).resolvingSymlinksInPath().path
}

let libtorch =
    Context.environment["LIBTORCH"].flatMap { $0.isEmpty ? nil : URL(fileURLWithPath: $0).path } ?? resolved("libtorch")
let libvips = resolved("libvips")

/// Set by `tools/package.py`: the program is then unpacked anywhere, with its libraries in the folder beside its own.
let isPackaged = Context.environment["FOVEA_PACKAGE"] == "1"

/// Where a program is linked with a library, and where it looks for it when it starts.
func searched(_ library: String) -> LinkerSetting {
    let atStart = isPackaged ? "$ORIGIN/../lib" : library + "/lib"
    return .unsafeFlags(["-L" + library + "/lib", "-Xlinker", "-rpath", "-Xlinker", atStart])
}

let swiftSettings: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// A module: a target in `Sources/`, and its tests in `Tests/`, which read their golden files in place.
func module(
    _ name: String, _ uses: Target.Dependency..., tests: [Target.Dependency] = [], hasTests: Bool = true,
    embedding files: [String] = []
) -> [Target] {
    let target = Target.target(
        name: name, dependencies: uses, resources: files.map { .embedInCode($0) }, swiftSettings: swiftSettings)
    guard hasTests else { return [target] }
    let files = ["Golden", "Messages", "Python"].filter {
        FileManager.default.fileExists(atPath: Context.packageDirectory + "/Tests/\(name)Tests/" + $0)
    }
    return [
        target,
        .testTarget(
            name: name + "Tests", dependencies: [.byName(name: name), "TestSupport"] + uses + tests,
            exclude: files, swiftSettings: swiftSettings),
    ]
}

/// Set by `make fuzz`: libFuzzer brings the main program, and chooses what is read by what it covers.
let isGuided = Context.environment["FOVEA_FUZZ"] == "guided"

/// False in the first `make demo`: the packages of the server take half as long to build as all the rest.
let hasServer = Context.environment["FOVEA_MODULES"] != "without-server"
let serverPackages: [Package.Dependency] = [
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0", traits: []),
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let hummingbird = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioHTTPTypesHTTP1 = Target.Dependency.product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "fovea",
    products: [.executable(name: "fovea", targets: ["fovea"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.6.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    ] + (hasServer ? serverPackages : []),
    targets: [
        .target(name: "CHash"),
        .target(name: "CProcess"),
        .target(name: "TestSupport", dependencies: ["Basics"], path: "Tests/TestSupport", swiftSettings: swiftSettings),
        .target(
            name: "RunTestSupport",
            dependencies: [
                "TestSupport", "Comparisons", "Runs", "RunFiles", "Execution", "Settings", "Phantoms", "Distillation",
                "Models", "FundusImaging", "Backbones", "ConfigurationFile", "Torch", "Basics", logging,
            ], path: "Tests/RunTestSupport", swiftSettings: swiftSettings),
        .target(
            name: "CTorch",
            cxxSettings: [
                .headerSearchPath("stubs"),
                .unsafeFlags(
                    ["-isystem", libtorch + "/include", "-isystem", libtorch + "/include/torch/csrc/api/include"]),
            ],
            linkerSettings: [
                searched(libtorch), .linkedLibrary("torch_cpu"), .linkedLibrary("c10"), .linkedLibrary("dl"),
            ]),
        .target(
            name: "CVips",
            linkerSettings: [searched(libvips), .linkedLibrary("vips")]),
        .executableTarget(
            name: "fovea",
            dependencies: [
                "Runs", "Comparisons", "Prediction", "Export", "Onboarding", "Diagnostics", "RunFiles", "Execution",
                "Settings",
                "Training", "Models", "Phantoms", "Plots", "Server", "Serving", "Suggestions", "Evaluation", "Cohorts",
                "ConfigurationFile",
                "Torch", "CProcess", "Basics", argumentParser, logging,
            ],
            exclude: [hasServer ? "ServeWithoutServer.swift" : "Serve.swift"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "foveaTests", dependencies: ["fovea", "Phantoms", "RunTestSupport", "TestSupport"],
            exclude: ["Golden", "Messages"],
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "fuzz",
            dependencies: ["Serving", "Weights", "FundusImaging", "Cohorts", "ConfigurationFile", "Basics"],
            swiftSettings: swiftSettings + (isGuided ? [.define("GUIDED"), .unsafeFlags(["-parse-as-library"])] : [])),
        .testTarget(
            name: "fuzzTests", dependencies: ["fuzz", "Basics"], exclude: ["Corpus"], swiftSettings: swiftSettings),
    ]
        + module("Basics", "CHash", logging, system, yams)
        + module("ConfigurationFile", "Basics", yams)
        + module("Torch", "CTorch", "Basics")
        + module("NN", "Torch", "Basics")
        + module("Backbones", "NN", "Torch", "Weights", "Basics")
        + module("Weights", "Basics")
        + module("FundusImaging", "CVips", "Basics", logging)
        + module("Cohorts", "Basics", yams)
        + module("Sampling", "Basics")
        + module("Suggestions", "Basics")
        + module("Evaluation", "Basics")
        + module("Losses", "ConfigurationFile", "Torch", "Basics")
        + module("Models", "Backbones", "FundusImaging", "NN", "Torch", "Weights", "Basics")
        + module("Distillation", "NN", "Losses", "Cohorts", "Models", "Torch", "Basics")
        + module(
            "Settings", "ConfigurationFile", "Cohorts", "FundusImaging", "Evaluation", "Losses", "Distillation",
            "Models",
            "Backbones", "NN", "Torch", "Basics")
        + module(
            "Training", "Settings", "Models", "Losses", "Sampling", "Distillation", "Evaluation", "Cohorts",
            "FundusImaging", "Backbones", "NN", "Torch", "Weights", "Basics", logging)
        + module("Plots", "Evaluation", "Basics", hasTests: false)
        + module("Reports", "Plots", "Evaluation", "Cohorts", "Basics")
        + module(
            "Execution", "Settings", "FundusImaging", "Losses", "Backbones", "NN", "Models", "Torch", "Basics", logging,
            hasTests: false)
        + module(
            "RunFiles", "Execution", "Settings", "ConfigurationFile", "Reports", "Models", "Evaluation", "Cohorts",
            "FundusImaging", "Torch", "Basics", logging,
            tests: ["RunTestSupport", "Comparisons", "Prediction", "Runs", "Training", "Backbones", "Phantoms", yams])
        + module(
            "Runs", "RunFiles", "Execution", "Settings", "Training", "Plots", "Reports", "Models", "Losses", "Sampling",
            "Distillation", "Evaluation", "Cohorts", "FundusImaging", "Backbones", "NN", "Torch", "Weights",
            "ConfigurationFile", "Basics", logging,
            tests: ["RunTestSupport", "Comparisons", "Prediction", "Onboarding", "Diagnostics", "Phantoms", yams])
        + module(
            "Prediction", "RunFiles", "Execution", "Settings", "Plots", "Reports", "Models", "Suggestions", "Backbones",
            "Evaluation", "Cohorts", "FundusImaging", "Torch", "ConfigurationFile", "Basics", logging, yams,
            tests: ["RunTestSupport", "Runs", "Training", "Phantoms"])
        + module(
            "Export", "Prediction", "RunFiles", "Execution", "Models", "Backbones", "FundusImaging", "NN", "Torch",
            "Basics", tests: ["RunTestSupport"])
        + module(
            "Comparisons", "Runs", "Prediction", "RunFiles", "Execution", "Settings", "Plots", "Reports",
            "Distillation", "Evaluation", "Cohorts", "FundusImaging", "Models", "NN", "Torch", "ConfigurationFile",
            "Basics", logging, tests: ["RunTestSupport", "Training", "Phantoms", "Backbones", yams])
        + module(
            "Onboarding", "RunFiles", "Execution", "Settings", "Reports", "Evaluation", "Cohorts", "FundusImaging",
            "Models", "Backbones", "Weights", "ConfigurationFile", "Basics", logging,
            tests: ["RunTestSupport", "Phantoms"])
        + module(
            "Diagnostics", "Execution", "Settings", "Training", "Losses", "Sampling", "Reports", "Cohorts",
            "FundusImaging", "Models", "Backbones", "NN", "Torch", "Basics", logging, tests: ["RunTestSupport"])
        + module("Phantoms", "FundusImaging", "Basics")
        + module("Serving", "Basics")
        + module(
            "Server", "Serving", "Prediction", "Execution", "Models", "Backbones", "FundusImaging", "Torch", "Basics",
            logging, hummingbird, httpTypes, nioCore, nioPosix, nioHTTP1, nioHTTPTypes,
            nioHTTPTypesHTTP1,
            tests: ["RunTestSupport", "Phantoms", "NN"],
            embedding: ["Page/index.html", "Page/page.css", "Page/page.js", "Page/openapi.yaml"]),
    cxxLanguageStandard: .cxx20
)

if !hasServer {
    package.targets.removeAll { ["Server", "ServerTests"].contains($0.name) }
    for target in package.targets where target.name == "fovea" {
        target.dependencies.removeAll { if case .byNameItem("Server", _) = $0 { true } else { false } }
    }
}

/// Set by `make sanitize`: only the modules without the engine, which the sanitizers cannot look into.
if Context.environment["FOVEA_MODULES"] == "pure" {
    let pure = [
        "CHash", "Basics", "ConfigurationFile", "Weights", "CVips", "FundusImaging", "Cohorts", "Sampling",
        "Evaluation",
        "Phantoms", "Serving", "Suggestions", "TestSupport", "fuzz",
    ]
    package.targets.removeAll { target in !pure.contains { target.name == $0 || target.name == $0 + "Tests" } }
    package.products = []
}
