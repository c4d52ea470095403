//! An answer that `validate` gave, from the file that `bench` wrote it to: the status, a
//! line for each header, an empty line and the body.

use std::{env, fs, net::Ipv4Addr};

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
};

/// What every request is answered with.
#[derive(Debug, Clone)]
pub struct RecordedAnswer {
    /// The status.
    pub status: StatusCode,
    /// All headers but those that the server adds itself.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl RecordedAnswer {
    /// The answer in the file that `ANSWER_FILE` names.
    ///
    /// # Panics
    ///
    /// If there is none: nothing can be measured then.
    #[must_use]
    pub fn read() -> Self {
        let path = env::var_os("ANSWER_FILE").expect("ANSWER_FILE is set");
        let text = fs::read_to_string(path).expect("ANSWER_FILE can be read");
        let (head, body) = text.split_once("\n\n").expect("an empty line behind the headers");
        let mut lines = head.lines();
        let status = lines.next().and_then(|status| status.parse().ok()).expect("a status");
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").expect("a header");
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            (name, HeaderValue::from_str(value).expect("a value"))
        };
        Self { status, headers: lines.map(header).collect(), body: body.to_owned().into() }
    }
}

/// Where to listen: `PORT` of the loopback interface.
///
/// # Panics
///
/// If `PORT` is no port.
#[must_use]
pub fn address() -> (Ipv4Addr, u16) {
    let port = env::var("PORT").ok().and_then(|port| port.parse().ok());
    (Ipv4Addr::LOCALHOST, port.expect("PORT is a port"))
}
