//! Known attacks on tokens, credentials and HTTP, as a table: `rows.yaml`, and beside it what has to
//! be computed, such as signatures. Each row says what is tried and who described it, and each
//! kind has requests beside it that differ in just the attack and are let through.
//!
//! Every row is sent to the routers in this process. What only a socket can show, such as framing,
//! is sent to a running function, as bytes.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

mod credentials;
mod key_pairs;
mod running;
mod table;
mod tokens;

use std::{
    io::ErrorKind,
    net::{TcpListener, TcpStream},
    sync::Arc,
};

use shared::{config::TokenConfig, keys::Keys};
use table::{Table, answer};
use validate::ValidateState;

async fn check(Table(attacks): Table, config: TokenConfig) {
    let keys = Arc::new(Keys::read(&tokens::keys().into()).unwrap());
    let router = validate::router(ValidateState::new(keys, config));
    for attack in attacks {
        let (answer, reason) = answer(&router, &attack.request).await;
        attack.compare(&answer, reason.as_deref().unwrap_or_default());
    }
}

#[tokio::test]
async fn every_attack_is_refused_for_its_own_reason_and_no_address_in_it_is_connected_to() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let mut attacks = Table::default();
    tokens::add(&mut attacks);
    key_pairs::add(&mut attacks, address);
    check(attacks, TokenConfig::default()).await;
    let seen = listener.accept().map(|(_, from)| from).map_err(|error| error.kind());
    assert_eq!(seen, Err(ErrorKind::WouldBlock), "a client has connected");
    let _connection = TcpStream::connect(address).unwrap();
    assert!(listener.accept().is_ok(), "a connection would have been seen");
}

#[tokio::test]
async fn a_token_for_others_is_refused_where_issuer_and_audience_are_demanded() {
    let issuer = Some("https://issuer.example".into());
    let config = TokenConfig { issuer, audience: Some("api".into()), ..TokenConfig::default() };
    check(tokens::demanded(), config).await;
}
