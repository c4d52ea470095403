//! The HTTP contract, row by row, for every door that a request may come through.
//!
//! The rows know requests and answers, not how they travel: [`Door`] does.

mod rows;

pub use rows::{ADMIN, USER, add_users, claims, hash};

use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use crate::{
    forge,
    http::{self, Answer},
    workspace,
};

/// `JWT_SECRET` of the functions under test.
pub const SECRET: &str = "the key of the system tests, 32 bytes and more";

const BASIC: &str = r#"Basic realm="auth", charset="UTF-8""#;
const INVALID: &str = r#"Bearer realm="auth", error="invalid_token""#;

/// Seconds since the epoch, and `offset`.
fn seconds(offset: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    i64::try_from(now.as_secs()).expect("it is before the year 292277026596") + offset
}

/// A token for `username` as the Flask service made it.
#[must_use]
pub fn token(username: &str, admin: bool) -> String {
    token_with(&json!({
        "username": username, "admin": admin, "iat": seconds(0), "exp": seconds(3600),
    }))
}

/// A properly signed token with these claims.
#[must_use]
pub fn token_with(claims: &Value) -> String {
    forge::hs256(SECRET, r#"{"alg":"HS256","typ":"JWT"}"#, claims.to_string())
}

/// How a request reaches a function.
pub trait Door {
    /// Sends one request to `login` or `validate`.
    fn send(&self, function: &str, request: &ContractRequest) -> Answer;
}

/// A request without a body: no function reads one.
#[derive(Debug, Clone)]
pub struct ContractRequest {
    /// The method.
    pub method: &'static str,
    /// The path, without a stage.
    pub path: &'static str,
    /// Headers, several of one name too.
    pub headers: Vec<(&'static str, Vec<u8>)>,
}

impl ContractRequest {
    /// A request without headers.
    #[must_use]
    pub fn new(method: &'static str, path: &'static str) -> Self {
        Self { method, path, headers: Vec::new() }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With `Authorization: Basic`.
    #[must_use]
    pub fn basic(self, user_id: &str, password: &str) -> Self {
        self.header("authorization", http::basic(user_id, password))
    }

    /// With `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }
}

/// A row of the contract: this request gets an answer that is `good`.
pub struct Row {
    name: String,
    /// The request.
    pub request: ContractRequest,
    good: Box<dyn Fn(&Answer)>,
}

impl Row {
    fn new(name: &str, request: ContractRequest, good: impl Fn(&Answer) + 'static) -> Self {
        Self { name: name.into(), request, good: Box::new(good) }
    }

    fn refused(name: &str, request: ContractRequest, kind: &'static str) -> Self {
        Self::new(name, request, move |answer| refused(kind, answer))
    }

    /// Whether the request has two `Authorization` headers, which not every proxy passes on.
    #[must_use]
    pub fn is_doubled(&self) -> bool {
        let headers = self.request.headers.iter();
        headers.filter(|(name, _)| *name == "authorization").count() > 1
    }
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

/// Sends every row that `is_passed` by this door to its function through it, and compares the
/// answers.
pub fn check(door: &dyn Door, is_passed: impl Fn(&str, &Row) -> bool) {
    let document = fs::read_to_string(workspace().join("openapi.json")).expect("it is checked in");
    let document = serde_json::from_str(&document).expect("JSON");
    for (function, rows) in [("login", rows::login_rows()), ("validate", rows::validate_rows())] {
        let mut sent = 0;
        for row in rows.iter().filter(|row| is_passed(function, row)) {
            println!("{function}, {}: {:?}", row.name, row.request);
            let answer = door.send(function, &row.request);
            (row.good)(&answer);
            let (path, status) = (row.request.path, answer.status);
            assert!(is_described(&document, function, path, status), "openapi.json: {status}");
            sent += 1;
        }
        assert!(sent > 0, "no row of {function}");
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
