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
            ("evil.example", 421), ("localhost.evil.example", 421), ("localhost:80:80", 421), ("", 421), (nil, 400),
            ("localhost:evil", 421), ("127.0.0.1.evil:80", 421), ("localhost:\u{661}", 421),
        ] as [(String?, Int)])
    func onlyTheServersOwnNamesAreAnswered(_ host: String?, _ expected: Int) {
        let rules = AccessRules(hosts: AccessRules.localHosts, token: nil)
        #expect(status(rules, host: host) == expected)
        // Not even what is public.
        #expect(status(rules, host: host, isPublic: true) == expected)
    }

    @Test(arguments: [
        ("fovea.example", true), ("10.0.0.1", true), ("[::1]", true), ("a_b-c", true), ("", false),
        ("*", false), ("*.example", false), ("a b", false), ("a,b", false), ("a\n", false), ("a\u{1b}", false),
        ("a:80", false), ("http://a", false), ("::1", false), ("[a", false), ("[x]", false), ("é", false),
    ])
    func namesThatNoHostHeaderHasAreKnown(_ name: String, _ expected: Bool) {
        #expect(AccessRules.isName(name) == expected)
    }

    @Test func withoutNamesAnyHostIsAnswered() {
        #expect(status(AccessRules(hosts: nil, token: nil), host: "x.example") == 200)
        #expect(status(AccessRules(hosts: nil, token: nil), host: nil) == 400)
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
