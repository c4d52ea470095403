//! The environment of the functions, with defaults that suit a laptop.

use std::{
    ffi::OsString,
    net::{Ipv4Addr, TcpListener},
};

use shared::config::{ProcessEnvironment, Variables};

const USUAL_PORT: u16 = 8080;

/// The variables of this process; where they do not say it, requests are answered on
/// the loopback address alone, and log lines are for a person.
pub(crate) struct LocalEnvironment {
    port: u16,
}

impl LocalEnvironment {
    pub(crate) fn new() -> Self {
        Self { port: free_port().unwrap_or(USUAL_PORT) }
    }
}

impl Variables for LocalEnvironment {
    fn get(&self, name: &str) -> Option<OsString> {
        ProcessEnvironment.get(name).or_else(|| match name {
            "HOST" => Some("127.0.0.1".into()),
            "PORT" => Some(self.port.to_string().into()),
            "LOG_FORMAT" => Some("text".into()),
            "DRAIN_SECONDS" => Some("0".into()),
            _ => None,
        })
    }
}

/// The usual port, or any other if that is taken.
fn free_port() -> Option<u16> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = bind(USUAL_PORT).or_else(|_| bind(0)).ok()?;
    listener.local_addr().ok().map(|address| address.port())
}
