//! A running function under attack, honest tokens for it, and bytes over TCP for what no HTTP
//! client would send.

use std::{
    cell::RefCell,
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use shared::users::{NewUser, SqliteUsers, UserDirectory};
use system_tests::{
    Environment,
    contract::{ContractRequest, Door, SECRET, hash},
    forge,
    http::Answer,
    raw,
    service::Service,
};

/// The header of an honest HS256 token.
pub(crate) const HS256: &str = r#"{"typ":"JWT","alg":"HS256"}"#;
/// Whom the tokens name, and who may log in.
pub(crate) const USERNAME: &str = "canary@example.com";
/// The password of that user.
pub(crate) const PASSWORD: &str = "a passphrase for attacks";

/// In an hour, in seconds since the epoch.
pub(crate) fn expiry() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 3600
}

/// The claims of an honest token.
pub(crate) fn honest_claims() -> Value {
    json!({ "username": USERNAME, "admin": false, "exp": expiry() })
}

/// Their JSON.
pub(crate) fn honest() -> String {
    honest_claims().to_string()
}

/// A token that is signed as it should be, with this header.
pub(crate) fn with_header(header: impl AsRef<[u8]>) -> String {
    signed(&forge::message(header, honest()))
}

/// A token that is signed as it should be, with this payload.
pub(crate) fn with_payload(payload: impl AsRef<[u8]>) -> String {
    signed(&forge::message(HS256, payload))
}

/// The right MAC behind exactly this text, whatever it is.
pub(crate) fn signed(message: &str) -> String {
    forge::seal(message, forge::mac(SECRET.as_bytes(), message))
}

/// Environment variables.
pub(crate) fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A process that logs all it can, and what it was sent.
pub(crate) struct Target {
    service: Service,
    sent: RefCell<Vec<String>>,
}

impl Target {
    /// `validate` with the key of the tests.
    pub(crate) fn validate() -> Self {
        Self::start("validate", environment(&[("JWT_SECRET", SECRET)]))
    }

    /// `login` with the user of the tests, whose database is in `folder`.
    pub(crate) async fn login(folder: &Path) -> Self {
        let path = folder.join("users.sqlite");
        let user = NewUser { email: USERNAME.into(), hash: hash(PASSWORD).await, admin: false };
        SqliteUsers::open(&path).await.unwrap().add(&[user]).await.unwrap();
        let url = format!("sqlite:{}", path.display());
        Self::start("login", environment(&[("JWT_SECRET", SECRET), ("DATABASE_URL", &url)]))
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

    /// Sends `bytes` and reads until the server closes: what it answered.
    ///
    /// # Panics
    ///
    /// If the connection is still open after 10 s.
    pub(crate) fn exchange(&self, bytes: &[u8]) -> String {
        let mut connection = TcpStream::connect(raw::address(&self.service)).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        // It may have answered and closed before it has read everything.
        let _ = connection.write_all(bytes);
        let mut answers = Vec::new();
        match connection.read_to_end(&mut answers) {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => {
                panic!("{error} behind {:?}", String::from_utf8_lossy(&answers))
            }
            _ => String::from_utf8_lossy(&answers).into_owned(),
        }
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

/// The status of each answer.
pub(crate) fn statuses(answers: &str) -> Vec<u16> {
    let heads = answers.match_indices("HTTP/1.").map(|(start, _)| &answers[start..]);
    heads.filter_map(|head| head.get(9..12)?.parse().ok()).collect()
}

impl Door for Target {
    fn send(&self, _: &str, request: &ContractRequest) -> Answer {
        let mut sent = self.service.request(request.method, request.path);
        for (name, value) in &request.headers {
            if *name == "authorization" {
                self.note(&String::from_utf8_lossy(value));
            }
            sent = sent.header(name, value);
        }
        sent.send()
    }
}
