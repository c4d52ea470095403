//! Requests that two servers might read differently: one request gets one answer, and
//! what has no clear end gets 400 and a closed connection.

use base64::{Engine, engine::general_purpose::STANDARD};
use shared::users::{NewUser, SqliteUsers, UserDirectory};
use system_tests::{
    contract::{SECRET, hash},
    scratch,
};

use crate::{
    raw::{exchange, statuses},
    target::{HS256, Target, environment, with_header},
};

const EMAIL: &str = "canary@example.com";
const PASSWORD: &str = "a passphrase for framing";

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

/// `@` is method and path, `^` the request line and `Host`, `~` the line with credentials.
type Row = (&'static str, &'static str, &'static str, Expected);

const LENGTHS: &[Row] = &[
    ("the control", "control", "^~\r\n", Goes),
    ("a body of a length", "control", "^~Content-Length: 5\r\n\r\n0\r\n\r\n", Goes),
    (
        "a body in chunks",
        "control",
        "^~Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        Goes,
    ),
    (
        "one length twice",
        "RFC 9112 6.3",
        "^~Content-Length: 5\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        Goes,
    ),
    (
        "length, then chunks",
        "RFC 9112 6.1",
        "^~Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Closed,
    ),
    (
        "chunks, then length",
        "RFC 9112 6.1",
        "^~Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        Closed,
    ),
    (
        "two lengths",
        "RFC 9112 6.3",
        "^~Content-Length: 4\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        Bad,
    ),
    ("two lengths in a list", "RFC 9112 6.3", "^~Content-Length: 4, 5\r\n\r\n0\r\n\r\n", Bad),
    ("a length with a sign", "RFC 9110 8.6", "^~Content-Length: +5\r\n\r\n0\r\n\r\n", Bad),
    ("a negative length", "RFC 9110 8.6", "^~Content-Length: -5\r\n\r\n0\r\n\r\n", Bad),
    ("a hexadecimal length", "RFC 9110 8.6", "^~Content-Length: 0x5\r\n\r\n0\r\n\r\n", Bad),
    ("a length with a letter", "RFC 9110 8.6", "^~Content-Length: 5a\r\n\r\n0\r\n\r\n", Bad),
    ("an endless length", "RFC 9110 8.6", "^~Content-Length: 99999999999999999999999\r\n\r\n", Bad),
    ("an unknown coding", "RFC 9112 6.1", "^~Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", Bad),
    (
        "chunked, but not last",
        "RFC 9112 6.3",
        "^~Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        Bad,
    ),
    (
        "two codings in two lines",
        "RFC 9112 6.3",
        "^~Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        Bad,
    ),
    (
        "a vertical tab before chunked",
        "RFC 9112 6.1",
        "^~Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        Bad,
    ),
    (
        "chunks in HTTP/1.0",
        "RFC 9112 6.1",
        "@ HTTP/1.0\r\nHost: x\r\n~Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Bad,
    ),
    (
        "a chunk of no size",
        "RFC 9112 7.1",
        "^~Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        Closed,
    ),
    (
        "a chunk of endless size",
        "RFC 9112 7.1",
        "^~Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n\r\n",
        Closed,
    ),
    (
        "a line feed in a chunk's extension",
        "CVE-2025-55315",
        "^~Transfer-Encoding: chunked\r\n\r\n2;a\nb\r\nxx\r\n0\r\n\r\n",
        Closed,
    ),
];

const FIELDS: &[Row] = &[
    ("CR in a value", "RFC 9110 5.5", "^~X-A: a\rb\r\n\r\n", Bad),
    ("NUL in a value", "RFC 9110 5.5", "^~X-A: a\0b\r\n\r\n", Bad),
    ("another control character in a value", "RFC 9110 5.5", "^~X-A: a\x07b\r\n\r\n", Bad),
    ("a folded value", "RFC 9112 5.2", "^~X-A: a\r\n b\r\n\r\n", Bad),
    ("a folded value of credentials", "RFC 9112 5.2", "^X-A: a\r\n ~\r\n", Bad),
    ("a fold before the first field", "RFC 9112 2.2", "@ HTTP/1.1\r\n Host: x\r\n~\r\n", Bad),
    ("a blank before the colon", "RFC 9112 5.1", "^~X-A : a\r\n\r\n", Bad),
    ("a tab before the colon", "RFC 9112 5.1", "^~X-A\t: a\r\n\r\n", Bad),
    (
        "a blank before the colon of a coding",
        "RFC 9112 5.1",
        "^~Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        Bad,
    ),
    ("a field without a name", "RFC 9110 5.1", "^~: a\r\n\r\n", Bad),
    ("a field without a colon", "RFC 9112 5", "^~X-A\r\n\r\n", Bad),
    ("a letter outside ASCII in a name", "RFC 9110 5.1", "^~Xä: a\r\n\r\n", Bad),
    ("a NUL in a name", "RFC 9110 5.1", "^~X\0: a\r\n\r\n", Bad),
    ("a lone line feed ends the line", "RFC 9112 2.2", "^X-A: a\n~\r\n", Goes),
    ("two hosts", "RFC 9112 3.2", "^Host: other\r\n~\r\n", Goes),
    ("a host that is none", "RFC 9112 3.2", "@ HTTP/1.1\r\nHost: a b/c@d:xyz\r\n~\r\n", Goes),
    (
        "an upgrade to HTTP/2",
        "RFC 9113 3.1",
        "^~Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
        Goes,
    ),
    (
        "an upgrade to WebSocket",
        "RFC 9110 7.8",
        "^~Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        Goes,
    ),
    (
        "credentials named as hop-by-hop",
        "RFC 9110 7.6.1",
        "^~Connection: Authorization\r\n\r\n",
        Goes,
    ),
];

const LINES: &[Row] = &[
    ("HTTP/1.0", "RFC 9110 2.5", "@ HTTP/1.0\r\n~\r\n", Closed),
    ("HTTP/0.9", "RFC 9112 2.3", "@\r\n\r\n", Bad),
    ("HTTP/1.2", "RFC 9112 2.3", "@ HTTP/1.2\r\nHost: x\r\n~\r\n", Bad),
    ("HTTP/2.0 in a line", "RFC 9113 3.4", "@ HTTP/2.0\r\nHost: x\r\n~\r\n", Bad),
    ("the preface of HTTP/2", "RFC 9113 3.4", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Silence),
    ("the hello of TLS", "RFC 8446 4.1.2", "\x16\x03\x01\x02\0\x01\0\x01\x03\x03", Bad),
    ("a method that is no token", "RFC 9110 9.1", "G(T / HTTP/1.1\r\nHost: x\r\n~\r\n", Bad),
    ("a blank in the target", "RFC 9112 3.2", "@ /x HTTP/1.1\r\nHost: x\r\n~\r\n", Bad),
    ("a NUL in the target", "RFC 9112 3.2", "@\0 HTTP/1.1\r\nHost: x\r\n~\r\n", Bad),
    ("a backslash for a slash", "RFC 3986 2.2", "POST \\ HTTP/1.1\r\nHost: x\r\n~\r\n", Bad),
    (
        "the target with its origin",
        "RFC 9112 3.2.2",
        "POST http://other/ HTTP/1.1\r\nHost: x\r\n~\r\n",
        Goes,
    ),
    (
        "another path with its origin",
        "RFC 9112 3.2.2",
        "POST http://other/x HTTP/1.1\r\nHost: x\r\n~\r\n",
        NotFound,
    ),
    (
        "a target of CONNECT",
        "RFC 9112 3.2.3",
        "CONNECT other:443 HTTP/1.1\r\nHost: x\r\n~\r\n",
        NotFound,
    ),
    ("the target of OPTIONS", "RFC 9112 3.2.4", "OPTIONS * HTTP/1.1\r\nHost: x\r\n~\r\n", NotFound),
    (
        "a target without a slash",
        "RFC 9112 3.2.1",
        "POST login HTTP/1.1\r\nHost: x\r\n~\r\n",
        NotFound,
    ),
    ("two slashes", "RFC 3986 3.3", "POST //login HTTP/1.1\r\nHost: x\r\n~\r\n", NotFound),
    (
        "a path with dots",
        "RFC 3986 5.2.4",
        "POST /x/../login HTTP/1.1\r\nHost: x\r\n~\r\n",
        NotFound,
    ),
    (
        "a path that is encoded",
        "RFC 3986 2.3",
        "POST /%6cogin HTTP/1.1\r\nHost: x\r\n~\r\n",
        NotFound,
    ),
];

/// `denied` and `granted` are what it answers without credentials and with them.
fn check(target: &Target, route: &str, line: &str, [denied, granted]: [u16; 2]) {
    let rows = LENGTHS.iter().chain(FIELDS).chain(LINES);
    for (name, source, template, expected) in rows {
        for (line, deserved) in [("", denied), (line, granted)] {
            let start = format!("{route} HTTP/1.1\r\nHost: x\r\n");
            let request = template.replace('^', &start).replace('@', route).replace('~', line);
            let answers = exchange(target.service(), format!("{request}{NEXT}").as_bytes());
            let good = match expected {
                Bad => vec![400],
                Closed => vec![deserved],
                Goes => vec![deserved, 200],
                NotFound => vec![404, 200],
                Silence => vec![],
            };
            assert_eq!(statuses(&answers), good, "{name} ({source}), {request:?}: {answers}");
        }
    }
}

#[test]
fn validate_answers_one_request_once() {
    let target = Target::validate(SECRET);
    let bearer = format!("Bearer {}", with_header(HS256));
    target.note(&bearer);
    check(&target, "POST /", &format!("Authorization: {bearer}\r\n"), [401, 200]);
    target.end(&[SECRET]);
}

#[tokio::test]
async fn login_answers_one_request_once() {
    let folder = scratch::directory();
    let path = folder.path().join("users.sqlite");
    let user = NewUser { email: EMAIL.into(), hash: hash(PASSWORD).await, admin: false };
    SqliteUsers::open(&path).await.unwrap().add(&[user]).await.unwrap();
    let url = format!("sqlite:{}", path.display());
    let target =
        Target::start("login", environment(&[("JWT_SECRET", SECRET), ("DATABASE_URL", &url)]));
    let basic = format!("Basic {}", STANDARD.encode(format!("{EMAIL}:{PASSWORD}")));
    target.note(&basic);
    check(&target, "POST /login", &format!("Authorization: {basic}\r\n"), [401, 200]);
    target.end(&[SECRET, PASSWORD]);
}

#[test]
fn methods_are_told_apart_by_case() {
    let target = Target::validate(SECRET);
    let line = format!("Authorization: Bearer {}\r\n", with_header(HS256));
    for method in ["get", "Get", "CONNECT", "TRACE", "PROPFIND", "X", "!#$%&'*+-.^_`|~"] {
        for (line, status) in [("", 401), (line.as_str(), 200)] {
            let head = format!("{method} /validate HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
            let answer = exchange(target.service(), format!("{head}{line}\r\n").as_bytes());
            assert_eq!(statuses(&answer), [status], "{method} (RFC 9110 9.1): {answer}");
            // TRACE would send the credentials back (RFC 9110 9.3.8).
            assert!(!answer.contains("Bearer ey"), "{method}: {answer}");
        }
    }
    target.end(&[SECRET]);
}
