import NN
import Testing

@Suite struct ScheduleTests {
    @Test func factorsArePyTorchs() throws {
        for expected in try Golden.read().schedules {
            let schedule = Schedule(expected.form, warmUpSteps: expected.warmUp, totalSteps: expected.total)
            let factors = (0..<expected.total).map(schedule.factor)
            #expect(
                distance(factors, expected.factors) < 1e-12,
                "\(expected.form), \(expected.warmUp) of \(expected.total)")
        }
    }

    @Test func anEndIsReachedAndNeverPassed() {
        let schedule = Schedule(.cosine, warmUpSteps: 3, totalSteps: 10)
        #expect(abs(schedule.factor(at: 10)) < 1e-12)
        #expect(abs(schedule.factor(at: 1000)) < 1e-12)
        #expect(Schedule(.step, totalSteps: 9).factor(at: 1000) == Schedule(.step, totalSteps: 9).factor(at: 8))
    }

    @Test func aRestartIsTwoCosines() {
        let twice = Schedule(.cosineTwice, warmUpSteps: 4, totalSteps: 24)
        let once = Schedule(.cosine, totalSteps: 10)
        let factors = (4..<24).map(twice.factor)
        for (found, expected) in zip(factors, (0..<20).map { once.factor(at: $0 % 10) }) {
            #expect(abs(found - expected) < 1e-12)
        }
    }

    @Test func aWarmUpLongerThanTheTrainingRisesToItsEnd() {
        let schedule = Schedule(.cosine, warmUpSteps: 60, totalSteps: 6)
        #expect((0..<6).map(schedule.factor) == (1...6).map { Double($0) / 60 })
    }
}
