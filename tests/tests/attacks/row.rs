//! What an attack is, and what the contract answers.

use std::collections::HashSet;

use system_tests::{
    contract::{ContractRequest, Door},
    http::Answer,
};

/// One attack.
pub(crate) struct Attack {
    /// What is tried, in a few words.
    pub(crate) name: String,
    /// Who describes it, or forbids it: an RFC's section, a CVE.
    pub(crate) source: &'static str,
    /// How it is tried.
    pub(crate) request: ContractRequest,
    /// What comes of it.
    pub(crate) expected: Expected,
}

/// What the contract answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// 200, from either function.
    Passes,
    /// 403: a token that does not verify.
    NotAuthorized,
    /// 401 of `validate`.
    MissingBearer,
    /// 401 of `login` to a header that is none.
    MissingBasic,
    /// 401 of `login` to an unknown e-mail or a wrong password.
    InvalidCredentials,
}

impl Expected {
    fn fits(self, answer: &Answer) -> bool {
        const BASIC: &str = r#"Basic realm="auth", charset="UTF-8""#;
        const BEARER: &str = r#"Bearer realm="auth""#;
        const INVALID: &str = r#"Bearer realm="auth", error="invalid_token""#;
        let is = |status, text, challenge| {
            answer.status == status
                && answer.text() == text
                && answer.header("www-authenticate") == Some(challenge)
                && answer.header("x-auth-request-user").is_none()
        };
        match self {
            Self::Passes => {
                answer.status == 200 && answer.header("cache-control") == Some("no-store")
            }
            Self::NotAuthorized => is(403, "not authorized", INVALID),
            Self::MissingBearer => is(401, "missing credentials", BEARER),
            Self::MissingBasic => is(401, "missing credentials", BASIC),
            Self::InvalidCredentials => is(401, "invalid credentials", BASIC),
        }
    }
}

/// A token that must not verify.
pub(crate) fn refused(name: impl Into<String>, source: &'static str, token: &str) -> Attack {
    attack(name, source, bearer(token), Expected::NotAuthorized)
}

/// A token that verifies, beside those that do not.
pub(crate) fn passes(name: impl Into<String>, token: &str) -> Attack {
    attack(name, "control", bearer(token), Expected::Passes)
}

pub(crate) fn attack(
    name: impl Into<String>,
    source: &'static str,
    request: ContractRequest,
    expected: Expected,
) -> Attack {
    Attack { name: name.into(), source, request, expected }
}

/// The token as `validate` is given it.
pub(crate) fn bearer(token: &str) -> ContractRequest {
    ContractRequest::new("GET", "/validate").bearer(token)
}

/// Tries each attack. `control` differs from them in just what is attacked with: it passes
/// before and behind all of them.
pub(crate) fn try_all(door: &dyn Door, function: &str, control: &ContractRequest, rows: &[Attack]) {
    let names: HashSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    assert!(!rows.is_empty() && names.len() == rows.len(), "each row has its own name");
    assert!(rows.iter().all(|row| !row.source.is_empty()), "each row has a source");
    let passes = || Expected::Passes.fits(&door.send(function, control));
    assert!(passes(), "the control passes before the attacks");
    let failed: Vec<String> = rows.iter().filter_map(|row| failure(door, function, row)).collect();
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), rows.len(), failed.join("\n"));
    assert!(passes(), "the control passes behind the attacks");
}

fn failure(door: &dyn Door, function: &str, row: &Attack) -> Option<String> {
    let answer = door.send(function, &row.request);
    (!row.expected.fits(&answer))
        .then(|| format!("{} ({}): {:?}, but got {answer:?}", row.name, row.source, row.expected))
}
