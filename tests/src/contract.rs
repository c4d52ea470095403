//! The HTTP contract, row by row. The rows know requests and answers, not how they travel.

mod rows;

pub use rows::{ADMIN, USER, add_users, claims, hash, users};

use std::{
    collections::BTreeSet,
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    Environment, forge,
    http::{Answer, Request},
    workspace,
};

/// `JWT_SECRET` of the functions under test.
pub const SECRET: &str = "the key of the system tests, 32 bytes and more";

const BASIC: &str = r#"Basic realm="auth", charset="UTF-8""#;
const INVALID: &str = r#"Bearer realm="auth", error="invalid_token""#;

/// These variables of a function, and [`SECRET`] where they name no other key.
pub fn with_key(mut variables: Environment) -> Environment {
    if !variables.keys().any(|name| name.starts_with("JWT_SECRET")) {
        variables.insert("JWT_SECRET".into(), SECRET.into());
    }
    variables
}

/// Seconds since the epoch, and `offset`.
pub fn seconds(offset: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    i64::try_from(now.as_secs()).expect("it is before the year 292277026596") + offset
}

/// A token for `username` as the Flask service made it.
pub fn token(username: &str, admin: bool) -> String {
    token_with(&json!({
        "username": username, "admin": admin, "iat": seconds(0), "exp": seconds(3600),
    }))
}

/// A properly signed token with these claims.
pub fn token_with(claims: &Value) -> String {
    forge::hs256(SECRET, r#"{"alg":"HS256","typ":"JWT"}"#, claims.to_string())
}

/// The bytes of a token's payload, if it has one.
pub fn payload(token: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()
}

/// Whether the request has two `Authorization` headers, which not every proxy passes on.
pub fn is_doubled(request: &Request) -> bool {
    request.headers.iter().filter(|(name, _)| name == "authorization").count() > 1
}

/// Panics unless this is the contract's answer of this kind.
pub fn refused(kind: &str, answer: &Answer) {
    let (status, text, header, value) = match kind {
        "missing basic" => (401, "missing credentials", "www-authenticate", BASIC),
        "invalid credentials" => (401, "invalid credentials", "www-authenticate", BASIC),
        "missing bearer" => {
            (401, "missing credentials", "www-authenticate", r#"Bearer realm="auth""#)
        }
        "not authorized" => (403, "not authorized", "www-authenticate", INVALID),
        "not found" => (404, "not found", "content-type", "text/plain"),
        "not POST" => (405, "method not allowed", "allow", "POST"),
        "not GET" => (405, "method not allowed", "allow", "GET, HEAD"),
        other => panic!("no answer {other}"),
    };
    assert_eq!((answer.status, answer.header(header)), (status, Some(value)), "{answer:?}");
    assert!(answer.header("x-auth-request-user").is_none(), "{answer:?}");
    match answer.header("content-type") {
        Some("application/problem+json") => {
            let problem: Value = serde_json::from_str(answer.text()).expect("JSON");
            assert_eq!((&problem["status"], &problem["detail"]), (&status.into(), &text.into()));
        }
        given => assert_eq!((given, answer.text()), (Some("text/plain"), text)),
    }
}

/// Sends every row that `is_passed` to its function, `login` or `validate`, and compares the
/// answers; last, that a token of the one passes the other.
pub fn check(send: impl Fn(&str, &Request) -> Answer, is_passed: impl Fn(&str, &Request) -> bool) {
    let document = fs::read_to_string(workspace().join("openapi.json")).expect("it is checked in");
    let document = serde_json::from_str(&document).expect("JSON");
    let login =
        |(email, password)| send("login", &Request::new("POST", "/login").basic(email, password));
    let mut passed = BTreeSet::new();
    for row in rows::read() {
        let function = &*row.function;
        for request in row.requests().iter().filter(|request| is_passed(function, request)) {
            println!("{function}, {}: {request:?}", row.name);
            let answer = send(function, request);
            row.compare(request, &answer);
            let (path, status) = (&*request.url, answer.status);
            assert!(is_described(&document, function, path, status), "openapi.json: {status}");
            passed.insert(function.to_owned());
        }
        if row.is_failure() {
            assert_eq!(login(USER).status, 200, "behind {}", row.name);
        }
    }
    assert_eq!(passed.len(), 2, "rows of {passed:?} alone");
    for ((email, password), groups) in [(USER, "users"), (ADMIN, "users,admins")] {
        let token = login((email, password));
        let request = Request::new("GET", "/validate").bearer(token.text());
        let validated = send("validate", &request);
        assert_eq!(validated.status, 200);
        assert_eq!(validated.header("x-auth-request-user"), Some(email));
        assert_eq!(validated.header("x-auth-request-groups"), Some(groups));
    }
}

/// Whether openapi.json has this status for a path of the function. What is no path of it is 404.
fn is_described(document: &Value, function: &str, path: &str, status: u16) -> bool {
    let is_any = path == "/" || path.starts_with("/validate/");
    let path = if is_any { format!("/{function}") } else { path.to_owned() };
    let methods = document["paths"][path].as_object().into_iter().flat_map(|it| it.values());
    let mut own = methods.filter(|it| (it["tags"][0] == "login") == (function == "login"));
    own.next().map_or(status == 404, |it| it["responses"].get(status.to_string()).is_some())
}
