import Serving
import Testing

struct AccessRulesTests {
    private func status(
        _ rules: AccessRules, host: String? = "localhost", authorization: [String] = [], isPublic: Bool = false
    ) -> Int {
        let head = RequestHead(
            method: "GET", target: "/", host: host, headers: authorization.map { ("authorization", $0) })
        do {
            try rules.check(head, isPublic: isPublic)
            return 200
        } catch { return error.status }
    }

    @Test(
        arguments: [
            ("localhost", 200), ("LocalHost:8080", 200), ("127.0.0.1:1", 200), ("[::1]", 200), ("[::1]:8080", 200),
            ("evil.example", 421), ("localhost.evil.example", 421), ("localhost:80:80", 421), ("", 421), (nil, 421),
            ("localhost:evil", 421), ("127.0.0.1.evil:80", 421), ("localhost:\u{661}", 421),
        ] as [(String?, Int)])
    func onlyTheServersOwnNamesAreAnswered(_ host: String?, _ expected: Int) {
        let rules = AccessRules(hosts: AccessRules.localHosts, token: nil)
        #expect(status(rules, host: host) == expected)
        // Not even what is public.
        #expect(status(rules, host: host, isPublic: true) == expected)
    }

    @Test func withoutNamesAnyHostIsAnswered() {
        #expect(status(AccessRules(hosts: nil, token: nil), host: "x.example") == 200)
    }

    @Test(arguments: [
        (["Bearer 0123456789abcdef"], 200), (["bearer 0123456789abcdef"], 200), ([], 401), (["Bearer "], 401),
        (["Bearer 0123456789abcde"], 401), (["Bearer 0123456789abcdef0"], 401), (["Basic 0123456789abcdef"], 401),
        (["0123456789abcdef"], 401), (["Bearer 0123456789abcdef", "Bearer 0123456789abcdef"], 400),
    ])
    func theTokenMustBeRight(_ authorization: [String], _ expected: Int) {
        let rules = AccessRules(hosts: nil, token: "0123456789abcdef")
        #expect(status(rules, authorization: authorization) == expected)
        #expect(status(rules, authorization: authorization, isPublic: true) == 200)
    }
}
