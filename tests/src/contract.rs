//! The HTTP contract, row by row, for every door that a request may come through.
//!
//! The rows know requests and answers, not how they travel: [`Door`] does.

mod login;
mod validate;

pub use login::{ADMIN, USER, add_users, hash, login_rows};
pub use validate::validate_rows;

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::{
    forge,
    http::{self, Answer},
};

/// `JWT_SECRET` of the functions under test.
pub const SECRET: &str = "the key of the system tests, 32 bytes and more";

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

/// A row of the contract: this request gets this answer.
pub struct Row {
    /// What the row says.
    pub name: String,
    /// The request.
    pub request: ContractRequest,
    /// The status.
    pub status: u16,
    /// What the body is.
    pub body: Body,
    /// Headers that the answer has, with these values.
    pub headers: Vec<(&'static str, &'static str)>,
}

/// What a body is.
pub enum Body {
    /// Exactly this text.
    Text(&'static str),
    /// What this function finds good; it panics where it does not.
    Checked(Box<dyn Fn(&str)>),
}

impl Row {
    fn new(
        name: impl Into<String>,
        request: ContractRequest,
        status: u16,
        text: &'static str,
    ) -> Self {
        let headers = vec![("content-type", "text/plain")];
        Self { name: name.into(), request, status, body: Body::Text(text), headers }
    }

    /// Whether the request has two `Authorization` headers, which not every proxy passes on.
    #[must_use]
    pub fn is_doubled(&self) -> bool {
        let headers = self.request.headers.iter();
        headers.filter(|(name, _)| *name == "authorization").count() > 1
    }

    fn answers(mut self, check: impl Fn(&str) + 'static) -> Self {
        self.body = Body::Checked(Box::new(check));
        self
    }

    fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.retain(|(given, _)| *given != name);
        self.headers.push((name, value));
        self
    }
}

/// Sends every row through `door` and compares the answers.
///
/// # Panics
///
/// At the end, naming every row that failed.
pub fn check(door: &dyn Door, function: &str, rows: &[Row]) {
    let mut failed = Vec::new();
    for row in rows {
        let answer = door.send(function, &row.request);
        let outcome =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| compare(row, &answer)));
        if outcome.is_err() {
            failed.push(format!("{}: {:?} got {answer:?}", row.name, row.request));
        }
    }
    assert!(!rows.is_empty() && failed.is_empty(), "{function}: {}", failed.join("\n"));
}

fn compare(row: &Row, answer: &Answer) {
    assert_eq!(answer.status, row.status, "{}: status", row.name);
    for (name, value) in &row.headers {
        assert_eq!(answer.header(name), Some(*value), "{}: {name}", row.name);
    }
    // An answer to HEAD has no body over HTTP.
    if row.request.method == "HEAD" && answer.body.is_empty() {
        return;
    }
    match &row.body {
        Body::Text(text) => assert_eq!(answer.text(), *text, "{}: body", row.name),
        Body::Checked(check) => check(answer.text()),
    }
}
