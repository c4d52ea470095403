//! The function under attack, and tokens for it.

use std::cell::RefCell;

use serde_json::{Value, json};
use system_tests::{
    Environment,
    contract::{ContractRequest, Door, SECRET},
    forge,
    http::Answer,
    service::Service,
};

/// The header of an honest HS256 token.
pub(crate) const HS256: &str = r#"{"typ":"JWT","alg":"HS256"}"#;
/// Whom the tokens name.
pub(crate) const USERNAME: &str = "canary@example.com";

pub(crate) fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Seconds since the epoch, and `offset`.
pub(crate) fn seconds(offset: i64) -> i64 {
    use std::time::{SystemTime, UNIX_EPOCH};

    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    i64::try_from(now).unwrap() + offset
}

/// The claims of an honest token.
pub(crate) fn honest_claims() -> Value {
    json!({ "username": USERNAME, "admin": false, "exp": seconds(3600) })
}

/// Their JSON.
pub(crate) fn honest() -> String {
    honest_claims().to_string()
}

/// A token that is signed as it should be, with this header.
pub(crate) fn with_header(header: &str) -> String {
    forge::hs256(SECRET, header, honest())
}

/// A token that is signed as it should be, with this payload.
pub(crate) fn with_payload(payload: impl AsRef<[u8]>) -> String {
    forge::hs256(SECRET, HS256, payload)
}

/// A process that logs all it can, and what it was sent.
pub(crate) struct Target {
    service: Service,
    sent: RefCell<Vec<String>>,
}

impl Target {
    /// `validate` with this key.
    pub(crate) fn validate(key: &str) -> Self {
        Self::start("validate", environment(&[("JWT_SECRET", key)]))
    }

    /// A function with these variables.
    pub(crate) fn start(function: &str, mut variables: Environment) -> Self {
        variables.insert("RUST_LOG".into(), "trace".into());
        Self { service: Service::start(function, variables), sent: RefCell::default() }
    }

    pub(crate) fn service(&self) -> &Service {
        &self.service
    }

    /// Notes that this must not be logged.
    pub(crate) fn note(&self, credential: &str) {
        self.sent.borrow_mut().push(credential.to_owned());
    }

    /// Ends it. It has lived until now, logged no error, and nothing that was sent as a
    /// credential, nor a part of it.
    pub(crate) fn end(self, secrets: &[&str]) {
        let (status, log) = self.service.terminate();
        assert!(status.success(), "{status}");
        assert!(log.contains(r#""message":"request""#), "there is a log: {log}");
        let lines = log.lines().map(serde_json::from_str::<Value>);
        assert_eq!(lines.filter(Result::is_err).count(), 0, "each line is JSON: {log}");
        for mark in [r#""level":"ERROR""#, "panicked", "eyJ", "canary"] {
            assert!(!log.contains(mark), "{mark} is in the log: {log}");
        }
        let sent = self.sent.into_inner();
        let credentials = sent.iter().filter_map(|value| value.split_once(' '));
        let parts = credentials.flat_map(|(_, token)| token.split(['.', ' ', ',']));
        for part in parts.filter(|part| part.len() >= 12).chain(secrets.iter().copied()) {
            assert!(!log.contains(part), "{part} is in the log: {log}");
        }
    }
}

impl Door for Target {
    fn send(&self, _: &str, request: &ContractRequest) -> Answer {
        for (name, value) in &request.headers {
            if *name == "authorization" {
                self.note(&String::from_utf8_lossy(value));
            }
        }
        let sent = self.service.request(request.method, request.path);
        let headers = request.headers.iter();
        headers.fold(sent, |sent, (name, value)| sent.header(name, value)).send()
    }
}
