//! Requests that two servers might read differently: one request gets one answer, and what has no
//! clear end gets 400 and a closed connection.

use system_tests::{contract::SECRET, http::basic, scratch};

use crate::target::{HS256, PASSWORD, Target, USERNAME, statuses, with_header};

/// What follows each request, on the same connection: answered where that goes on.
const NEXT: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// What comes of a request, with good credentials as without.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Expected {
    /// 400, and the connection is closed.
    Bad,
    /// The answer that the credentials deserve, and the connection is closed.
    Closed,
    /// The answer that the credentials deserve, and the next request is read.
    Goes,
    /// 404, and the next request is read.
    NotFound,
    /// Nothing, and the connection is closed.
    Silence,
}
use Expected::{Bad, Closed, Goes, NotFound, Silence};

/// Who describes it, what comes of it, and requests: `@` is method and path, `^` the request line
/// and `Host`, `~` the line with credentials, `$` the field that announces chunks.
type Rows = (&'static str, Expected, &'static [&'static str]);

const LENGTHS: &[Rows] = &[
    (
        "control",
        Goes,
        &["^~\r\n", "^~Content-Length: 5\r\n\r\n0\r\n\r\n", "^~$\r\n2\r\nab\r\n0\r\n\r\n"],
    ),
    ("RFC 9112 6.3", Goes, &["^~Content-Length: 5\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"]),
    (
        "RFC 9112 6.1",
        Closed,
        &["^~Content-Length: 4\r\n$\r\n0\r\n\r\n", "^~$Content-Length: 5\r\n\r\n0\r\n\r\n"],
    ),
    (
        "RFC 9112 6.3, RFC 9110 8.6",
        Bad,
        &[
            "^~Content-Length: 4\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            "^~Content-Length: 4, 5\r\n\r\n0\r\n\r\n",
            "^~Content-Length: +5\r\n\r\n0\r\n\r\n",
            "^~Content-Length: -5\r\n\r\n0\r\n\r\n",
            "^~Content-Length: 0x5\r\n\r\n0\r\n\r\n",
            "^~Content-Length: 5a\r\n\r\n0\r\n\r\n",
            "^~Content-Length: 99999999999999999999999\r\n\r\n",
        ],
    ),
    (
        "RFC 9112 6.1, 6.3",
        Bad,
        &[
            "^~Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            "^~Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
            "^~$Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
            "^~Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
            "@ HTTP/1.0\r\nHost: x\r\n~$\r\n0\r\n\r\n",
        ],
    ),
    (
        "RFC 9112 7.1, CVE-2025-55315",
        Closed,
        &[
            "^~$\r\nzz\r\n\r\n",
            "^~$\r\nfffffffffffffffff\r\n\r\n",
            "^~$\r\n2;a\nb\r\nxx\r\n0\r\n\r\n",
        ],
    ),
];

const FIELDS: &[Rows] = &[
    (
        "RFC 9110 5.1, 5.5, RFC 9112 5",
        Bad,
        &[
            "^~X-A: a\rb\r\n\r\n",
            "^~X-A: a\0b\r\n\r\n",
            "^~X-A: a\x07b\r\n\r\n",
            "^~X-A: a\r\n b\r\n\r\n",
            "^X-A: a\r\n ~\r\n",
            "@ HTTP/1.1\r\n Host: x\r\n~\r\n",
            "^~X-A : a\r\n\r\n",
            "^~X-A\t: a\r\n\r\n",
            "^~Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            "^~: a\r\n\r\n",
            "^~X-A\r\n\r\n",
            "^~Xä: a\r\n\r\n",
            "^~X\0: a\r\n\r\n",
        ],
    ),
    ("RFC 9112 2.2", Goes, &["^X-A: a\n~\r\n"]),
    ("RFC 9112 3.2", Goes, &["^Host: other\r\n~\r\n", "@ HTTP/1.1\r\nHost: a b/c@d:xyz\r\n~\r\n"]),
    (
        "RFC 9113 3.1, RFC 9110 7.6.1, 7.8",
        Goes,
        &[
            "^~Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n\r\n",
            "^~Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            "^~Connection: Authorization\r\n\r\n",
        ],
    ),
];

const LINES: &[Rows] = &[
    ("RFC 9110 2.5", Closed, &["@ HTTP/1.0\r\n~\r\n"]),
    (
        "RFC 9112 2.3, 3.2, RFC 9113 3.4",
        Bad,
        &[
            "@\r\n\r\n",
            "@ HTTP/1.2\r\nHost: x\r\n~\r\n",
            "@ HTTP/2.0\r\nHost: x\r\n~\r\n",
            "\x16\x03\x01\x02\0\x01\0\x01\x03\x03",
            "G(T / HTTP/1.1\r\nHost: x\r\n~\r\n",
            "@ /x HTTP/1.1\r\nHost: x\r\n~\r\n",
            "@\0 HTTP/1.1\r\nHost: x\r\n~\r\n",
            "POST \\ HTTP/1.1\r\nHost: x\r\n~\r\n",
        ],
    ),
    ("RFC 9113 3.4", Silence, &["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]),
    ("RFC 9112 3.2.2", Goes, &["POST http://other/ HTTP/1.1\r\nHost: x\r\n~\r\n"]),
    (
        "RFC 9112 3.2, RFC 3986",
        NotFound,
        &[
            "POST http://other/x HTTP/1.1\r\nHost: x\r\n~\r\n",
            "CONNECT other:443 HTTP/1.1\r\nHost: x\r\n~\r\n",
            "OPTIONS * HTTP/1.1\r\nHost: x\r\n~\r\n",
            "POST login HTTP/1.1\r\nHost: x\r\n~\r\n",
            "POST //login HTTP/1.1\r\nHost: x\r\n~\r\n",
            "POST /x/../login HTTP/1.1\r\nHost: x\r\n~\r\n",
            "POST /%6cogin HTTP/1.1\r\nHost: x\r\n~\r\n",
        ],
    ),
];

/// Each request is answered once, by 401 without credentials and by 200 with them.
fn check(target: &Target, route: &str, authorization: &str) {
    target.note(authorization);
    let credentials = format!("Authorization: {authorization}\r\n");
    for (source, expected, templates) in [LENGTHS, FIELDS, LINES].concat() {
        for (template, (line, deserved)) in
            templates.iter().flat_map(|it| [(it, ("", 401)), (it, (credentials.as_str(), 200))])
        {
            let start = format!("{route} HTTP/1.1\r\nHost: x\r\n");
            let request = template.replace('$', "Transfer-Encoding: chunked\r\n");
            let request = request.replace('^', &start).replace('@', route).replace('~', line);
            let answers = target.exchange(format!("{request}{NEXT}").as_bytes());
            let good = match expected {
                Bad => vec![400],
                Closed => vec![deserved],
                Goes => vec![deserved, 200],
                NotFound => vec![404, 200],
                Silence => vec![],
            };
            assert_eq!(statuses(&answers), good, "{source}, {request:?}: {answers}");
        }
    }
}

#[test]
fn validate_answers_one_request_once() {
    let target = Target::validate();
    check(&target, "POST /", &format!("Bearer {}", with_header(HS256)));
    target.end(&[SECRET]);
}

#[tokio::test]
async fn login_answers_one_request_once() {
    let folder = scratch::directory();
    let target = Target::login(folder.path()).await;
    check(&target, "POST /login", &basic(USERNAME, PASSWORD));
    target.end(&[SECRET, PASSWORD]);
}

#[test]
fn methods_are_told_apart_by_case() {
    let target = Target::validate();
    let line = format!("Authorization: Bearer {}\r\n", with_header(HS256));
    for method in ["get", "Get", "CONNECT", "TRACE", "PROPFIND", "X", "!#$%&'*+-.^_`|~"] {
        for (line, status) in [("", 401), (line.as_str(), 200)] {
            let head = format!("{method} /validate HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
            let answer = target.exchange(format!("{head}{line}\r\n").as_bytes());
            assert_eq!(statuses(&answer), [status], "{method} (RFC 9110 9.1): {answer}");
            // TRACE would send the credentials back (RFC 9110 9.3.8).
            assert!(!answer.contains("Bearer ey"), "{method}: {answer}");
        }
    }
    target.end(&[SECRET]);
}
