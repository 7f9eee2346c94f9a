import Basics
import TestSupport
import Testing

/// What launchers say in the environment.
@Suite struct LaunchTests {
    private static let torchrun = [
        "RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4", "MASTER_ADDR": "node1",
        "MASTER_PORT": "29400", "TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "2",
    ]
    private static let slurm = [
        "SLURM_STEP_ID": "0", "SLURM_PROCID": "5", "SLURM_NTASKS": "8", "SLURM_LOCALID": "1",
        "SLURM_STEP_NODELIST": "gpu[03-04]-a,login", "SLURM_JOB_ID": "1234567",
    ]
    private static let openMPI = [
        "OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_RANK": "1",
        "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
    ]

    @Test func withoutALauncherThereIsNone() throws {
        #expect(try Launch([:]) == nil)
        // The script of a Slurm job is no step of it.
        var script = Self.slurm
        script["SLURM_STEP_ID"] = nil
        #expect(try Launch(script) == nil)
    }

    @Test func torchrunSaysEverything() throws {
        let launch = try #require(try Launch(Self.torchrun))
        #expect(launch.launcher == .torchrun)
        #expect((launch.rank, launch.size, launch.localRank, launch.localSize) == (5, 8, 1, 4))
        #expect((launch.host, launch.port, launch.isServed, launch.restarts) == ("node1", 29400, true, 2))
        #expect(launch.share(of: 16) == 4 && launch.share(of: 2) == 1)
        #expect(
            launch.summary == "process 5 of 8, started by torchrun; they meet at node1:29400; restart 2")
    }

    @Test func slurmNamesTheFirstMachine() throws {
        let launch = try #require(try Launch(Self.slurm))
        #expect((launch.rank, launch.size, launch.localRank, launch.localSize) == (5, 8, 1, nil))
        #expect((launch.host, launch.port, launch.isServed) == ("gpu03-a", 34067, false))
        for (list, host) in [("a", "a"), ("a,b", "a"), ("n[7]", "n7"), ("n[007-9,12].x,y", "n007.x")] {
            var other = Self.slurm
            other["SLURM_STEP_NODELIST"] = list
            #expect(try Launch(other)?.host == host)
            other["MASTER_ADDR"] = "given"
            #expect(try Launch(other)?.host == "given")
        }
    }

    @Test func openMPIOnOneMachineNeedsNoAddress() throws {
        let launch = try #require(try Launch(Self.openMPI))
        #expect((launch.rank, launch.size, launch.localRank, launch.localSize) == (1, 2, 1, 2))
        #expect((launch.host, launch.port) == ("127.0.0.1", 29500))
        var several = Self.openMPI
        (several["OMPI_COMM_WORLD_LOCAL_RANK"], several["OMPI_COMM_WORLD_LOCAL_SIZE"]) = ("0", "1")
        let error = try #require(throws: FoveaError.self) { try Launch(several) }
        #expect(error.message.hasSuffix("MASTER_ADDR is not set") && error.remedy?.contains("-x") == true)
    }

    @Test func theNearestLauncherCounts() throws {
        let all = Self.torchrun.merging(Self.slurm) { $1 }.merging(Self.openMPI) { $1 }
        #expect(try Launch(all)?.launcher == .torchrun)
        #expect(try Launch(Self.slurm.merging(Self.openMPI) { $1 })?.launcher == .openMPI)
    }

    @Test(arguments: [
        ("RANK", nil, "RANK is not set"), ("WORLD_SIZE", nil, "WORLD_SIZE is not set"),
        ("LOCAL_RANK", nil, "LOCAL_RANK is not set"), ("MASTER_ADDR", "", "MASTER_ADDR is not set"),
        ("MASTER_PORT", nil, "MASTER_PORT is not set"), ("RANK", "8", "RANK is \"8\"; allowed: 0 to 7"),
        ("RANK", "two", "RANK is \"two\"; allowed: 0 to 7"), ("RANK", "0", "LOCAL_RANK is \"1\"; allowed: 0 to 0"),
        ("WORLD_SIZE", "0", "WORLD_SIZE is \"0\"; allowed: 1 to 1000000"),
        ("LOCAL_WORLD_SIZE", "9", "LOCAL_WORLD_SIZE is \"9\"; allowed: 1 to 8"),
        ("LOCAL_WORLD_SIZE", "1", "LOCAL_RANK is \"1\"; allowed: 0 to 0"),
        ("MASTER_PORT", "0", "MASTER_PORT is \"0\"; allowed: 1 to 65535"),
        ("TORCHELASTIC_RESTART_COUNT", "-1", "TORCHELASTIC_RESTART_COUNT is \"-1\"; allowed: 0 and more"),
    ])
    func whatIsMissingOrContradictoryIsNamed(_ name: String, _ value: String?, _ words: String) throws {
        var environment = Self.torchrun
        environment[name] = value
        let error = try #require(throws: FoveaError.self) { try Launch(environment) }
        #expect(error.kind == .environment && error.message.hasSuffix(": " + words), "\(error)")
        #expect(error.remedy?.contains("torchrun --no-python") == true)
    }
}
