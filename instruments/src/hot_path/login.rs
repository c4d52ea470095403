//! Requests for `login`.

mod memory;

use std::sync::Arc;

use ::login::{LoginState, router};
use axum::{body::Body, http::Request};
use base64::{Engine, engine::general_purpose::STANDARD};
use shared::{
    config::{Argon2Config, ThrottleConfig, TokenConfig},
    password::PasswordHasher,
    serve::{Health, Service},
    throttle::Throttle,
};

use super::{Target, request, validate};
use memory::Memory;

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery staple";
/// The least that Argon2 knows: what is measured is everything else.
const LEAST: Argon2Config = Argon2Config { memory_kib: 8, iterations: 1, parallelism: 1 };

/// The function on stores in memory, and requests with the right password.
pub(super) async fn prepare(requests: usize) -> (Target, Vec<Request<Body>>) {
    let credentials = STANDARD.encode(format!("{EMAIL}:{PASSWORD}"));
    let request = || request("POST", "/login", Some(format!("Basic {credentials}")));
    (function().await, (0..requests).map(|_| request()).collect())
}

/// The same without credentials.
pub(super) async fn prepare_missing(requests: usize) -> (Target, Vec<Request<Body>>) {
    (function().await, (0..requests).map(|_| request("POST", "/login", None)).collect())
}

async fn function() -> Target {
    let passwords = PasswordHasher::new(LEAST, 1);
    let hash = passwords.hash(PASSWORD.into()).await.expect("a hash");
    let memory = Arc::new(Memory::new(EMAIL, hash));
    let throttle = Throttle::new(memory.clone(), &ThrottleConfig::default());
    let keys = validate::keys(validate::SECRET);
    let state = LoginState::new(memory, throttle, passwords, keys, TokenConfig::default());
    let health = Health::new(state.keys(), None);
    Target::Function(Service::new(router(state), health))
}
