//! Requests for `validate`.

use std::{sync::Arc, time::SystemTime};

use ::validate::{ValidateState, router};
use axum::{body::Body, http::Request};
use shared::{
    config::TokenConfig,
    keys::Keys,
    serve::{Health, Service},
    token::{Subject, issue},
};

use super::{HotPath, Target, request};

/// The text that signs under HS256.
pub const SECRET: &str = "a secret for instruments, of 32 bytes or more";
const OTHER_SECRET: &str = "another secret of 32 bytes or more, of a stranger";
const P256: &str = include_str!("../../../shared/src/keys/tests/pem/p256.pem");
const ED25519: &str = include_str!("../../../shared/src/keys/tests/pem/ed25519.pem");

/// The function with the keys of `path`, and requests with tokens under them.
pub(super) fn prepare(path: HotPath, requests: usize) -> (Target, Vec<Request<Body>>) {
    let material = match path {
        HotPath::ValidateEs256 => P256,
        HotPath::ValidateEdDsa => ED25519,
        _ => SECRET,
    };
    let keys = keys(material);
    let requests = match path {
        HotPath::ValidateMissing => {
            (0..requests).map(|_| request("GET", "/validate", None)).collect()
        }
        HotPath::ValidateRefused => with_tokens(&self::keys(OTHER_SECRET), requests),
        _ => with_tokens(&keys, requests),
    };
    let state = ValidateState::new(keys, TokenConfig::default());
    let health = Health::new(state.keys(), None);
    (Target::Function(Service::new(router(state), health)), requests)
}

/// Requests with good tokens under HS256.
pub(super) fn good(requests: usize) -> Vec<Request<Body>> {
    with_tokens(&keys(SECRET), requests)
}

/// Keys of this material.
pub(super) fn keys(material: &str) -> Arc<Keys> {
    Arc::new(Keys::read(&material.into()).expect("a usable key"))
}

/// A good request under HS256 as it is sent.
#[must_use]
pub fn head() -> Vec<u8> {
    let request = good(1).remove(0);
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method(), request.uri()).into_bytes();
    for (name, value) in request.headers() {
        head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    head.extend(b"\r\n");
    head
}

fn with_tokens(keys: &Keys, requests: usize) -> Vec<Request<Body>> {
    let subject = Subject { id: "7", username: "ada@example.com", admin: false };
    let (config, now) = (TokenConfig::default(), SystemTime::now());
    let token = || issue(keys, &config, subject, now).expect("a token").token;
    (0..requests)
        .map(|_| request("GET", "/validate", Some(format!("Bearer {}", token()))))
        .collect()
}
