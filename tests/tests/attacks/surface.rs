//! What is there to be attacked at all, what an answer gives away, and what a client can
//! write into the log.

use serde_json::Value;
use shared::users::{NewUser, SqliteUsers, UserDirectory};
use system_tests::{
    contract::{SECRET, hash},
    http::basic,
    scratch,
};

use crate::{
    raw::{exchange, statuses},
    target::{HS256, Target, environment, with_header},
};

const EMAIL: &str = "canary@example.com";
const PASSWORD: &str = "a passphrase for the surface";

/// A `login` with one user, whose database is in `folder`.
async fn login(folder: &std::path::Path) -> Target {
    let path = folder.join("users.sqlite");
    let user = NewUser { email: EMAIL.into(), hash: hash(PASSWORD).await, admin: false };
    SqliteUsers::open(&path).await.unwrap().add(&[user]).await.unwrap();
    let url = format!("sqlite:{}", path.display());
    Target::start("login", environment(&[("JWT_SECRET", SECRET), ("DATABASE_URL", &url)]))
}

#[tokio::test]
async fn nothing_is_served_but_what_the_contract_names() {
    let folder = scratch::directory();
    let targets = [login(folder.path()).await, Target::validate(SECRET)];
    let basic = basic(EMAIL, PASSWORD);
    let bearer = format!("Bearer {}", with_header(HS256));
    for (target, authorization) in targets.into_iter().zip([basic, bearer]) {
        target.note(&authorization);
        for (path, source) in [
            ("/admin", "ASVS 6.3.4"),
            ("/login/", "ASVS 6.3.4"),
            ("/validator", "ASVS 6.3.4"),
            ("/register", "ASVS 6.3.4"),
            ("/metrics", "ASVS 13.4.5"),
            ("/debug/pprof", "ASVS 13.4.2"),
            ("/openapi.json", "ASVS 13.4.5"),
            ("/.env", "ASVS 13.4.1"),
            ("/.git/config", "ASVS 13.4.1"),
            ("/.well-known/", "RFC 8615 3"),
            ("/server-status", "ASVS 13.4.5"),
            ("/2018-06-01/runtime/invocation/next", "ASVS 13.4.5"),
            ("/healthz/x", "ASVS 13.4.5"),
            ("/readyz?verbose", "control"),
        ] {
            let request = target.service().request("POST", path);
            let answer = request.header("authorization", &authorization).send();
            let expected = if source == "control" { [200, 405] } else { [404, 405] };
            assert!(expected.contains(&answer.status), "{path} ({source}): {answer:?}");
            for name in
                ["server", "x-powered-by", "via", "access-control-allow-origin", "set-cookie"]
            {
                assert!(answer.header(name).is_none(), "{path} (ASVS 13.4.6): {answer:?}");
            }
        }
        target.end(&[SECRET, PASSWORD]);
    }
}

#[tokio::test]
async fn each_login_gives_another_token() {
    let folder = scratch::directory();
    let target = login(folder.path()).await;
    let tokens = [(); 3].map(|()| {
        let request = target.service().request("POST", "/login").basic(EMAIL, PASSWORD);
        request.send().text().to_owned()
    });
    let different = std::collections::HashSet::from(tokens.clone());
    assert_eq!(different.len(), tokens.len(), "ASVS 7.2.4");
    target.end(&[SECRET, PASSWORD]);
}

/// Headers and paths that try to write a line, or a member of one, into the log.
#[test]
fn a_client_writes_no_line_of_the_log() {
    const FORGED: &str = r#"","level":"ERROR","message":"forged"#;
    for format in ["json", "text"] {
        let key = ("JWT_SECRET", SECRET);
        let target = Target::start("validate", environment(&[key, ("LOG_FORMAT", format)]));
        let rows = [
            ("a request id that closes its text", "x-request-id", FORGED.as_bytes()),
            ("a request id with an escape in UTF-8", "x-request-id", "\u{9b}2J".as_bytes()),
            ("a request id with other bytes", "x-request-id", b"\xff\xfe".as_slice()),
            ("a request id with a separator of lines", "x-request-id", "a\u{2028}b".as_bytes()),
            ("a trace header", "traceparent", FORGED.as_bytes()),
            ("a user agent", "user-agent", FORGED.as_bytes()),
        ];
        for (name, header, value) in rows {
            let request = target.service().request("GET", "/validate").header(header, value);
            assert_eq!(request.send().status, 401, "{name} (ASVS 16.4.1)");
        }
        for path in ["/%0a%0dforged", "/%1b%5b2J", "/validate/%22,%22level%22:%22ERROR%22"] {
            let status = target.service().request("GET", path).send().status;
            assert!([401, 404].contains(&status), "{path} (ASVS 16.4.1): {status}");
        }
        // No client of ours sends these as they are.
        for path in ["/\u{9b}2J", "/\u{85}forged", "/\u{2028}forged", "/\u{202e}degrof"] {
            let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            let answer = exchange(target.service(), head.as_bytes());
            assert_eq!(statuses(&answer), [404], "{path:?} (RFC 3986 2.1): {answer}");
        }
        let log = target.service().log();
        for mark in ["\u{1b}", "\u{9b}", "\u{85}", "\u{2028}", "\u{202e}", "\nforged"] {
            assert!(!log.contains(mark), "{mark:?} is in the log (ASVS 16.4.1): {log:?}");
        }
        let requests = log.lines().filter(|line| line.contains("duration_ms")).count();
        assert_eq!(requests, rows.len() + 7, "one line a request: {log}");
        if format == "json" {
            let mut lines = log.lines().map(serde_json::from_str::<Value>);
            assert!(lines.all(|line| line.unwrap()["level"] != "ERROR"), "{log}");
        }
    }
}
