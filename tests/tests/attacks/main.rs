//! Known attacks on tokens, credentials and HTTP, as a table: `rows.yaml`, and rows that have to
//! be computed, such as signatures. Each row has its source. Each kind of attack has control rows,
//! which lack only the attack and are accepted.
//!
//! Most rows are sent to the routers in this process. Rows that need a socket, such as those on
//! framing, are sent to a running function.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

mod credentials;
mod key_pairs;
mod running;
mod tokens;

use std::{
    io::ErrorKind,
    net::{TcpListener, TcpStream},
    sync::{Arc, LazyLock},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::Request as HttpRequest,
};
use serde::Deserialize;
use shared::{config::VerifyConfig, keys::Keys, respond::Cause, token::TokenVerifier};
use system_tests::{Answer, Request, contract::assert_refused};
use tower::ServiceExt;

/// One attack.
struct Attack {
    /// The row's name in messages.
    name: String,
    /// The document that describes or forbids it: a section of an RFC, a CVE.
    source: &'static str,
    /// "passes", "passes in" and the groups, a kind of 401, or the logged reason for a 403.
    expected: &'static str,
    /// The request of the attack.
    request: Request,
}

impl Attack {
    /// Panics unless the answer is the expected one and, for a 403, the logged reason.
    async fn run(&self, router: &Router) {
        println!("{} ({}): {}", self.name, self.source, self.expected);
        let (answer, reason) = answer(router, &self.request).await;
        match self.expected {
            expected if expected.starts_with("passes") => {
                let seen = (answer.status, answer.header("cache-control"));
                assert_eq!(seen, (200, Some("no-store")));
                if let Some(groups) = expected.strip_prefix("passes in ") {
                    assert_eq!(answer.header("x-auth-request-groups"), Some(groups));
                }
            }
            "missing bearer" | "missing basic" | "invalid credentials" => {
                assert_refused(self.expected, &answer);
            }
            expected => {
                assert_eq!(reason, expected);
                assert_refused("not authorized", &answer);
            }
        }
    }
}

/// Attacks on `validate`.
#[derive(Default)]
struct Table(Vec<Attack>);

impl Table {
    /// Adds an attack by a token.
    fn token(&mut self, source: &'static str, expected: &'static str, name: &str, token: &str) {
        let request = Request::new("GET", "/validate").bearer(token);
        self.0.push(Attack { name: name.into(), source, expected, request });
    }

    /// Adds all rows of this place; `request` makes a request from the text of a row.
    fn rows(&mut self, place: &str, request: impl Fn(&str) -> Request) {
        self.0.extend(rows(place).map(|(source, expected, text)| {
            let name = format!("{place} {text:?}");
            Attack { name, source, expected, request: request(text) }
        }));
    }

    /// Adds all rows of this place; `token` makes a token from the text of a row.
    fn token_rows(&mut self, place: &str, token: impl Fn(&str) -> String) {
        self.rows(place, |row| Request::new("GET", "/validate").bearer(&token(row)));
    }
}

/// Rows of `rows.yaml` with the same place, source and expected answer.
#[derive(Deserialize)]
struct Group {
    place: String,
    expected: String,
    source: String,
    rows: Vec<String>,
}

/// The source, expected answer and text of all rows of this place.
fn rows(place: &str) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    static GROUPS: LazyLock<Vec<Group>> =
        LazyLock::new(|| serde_saphyr::from_str(include_str!("rows.yaml")).unwrap());
    assert!(GROUPS.iter().any(|group| group.place == place), "there are no rows of {place}");
    let groups = GROUPS.iter().filter(move |group| group.place == place);
    groups
        .flat_map(|group| group.rows.iter().map(|text| (&*group.source, &*group.expected, &**text)))
}

/// Replaces each name in a row by its value.
fn filled(row: &str, places: &[(&str, &str)]) -> String {
    places.iter().fold(row.to_owned(), |row, (name, value)| row.replace(name, value))
}

/// Sends a request to a router, and returns the answer and the reason for the log.
async fn answer(router: &Router, request: &Request) -> (Answer, String) {
    let mut sent = HttpRequest::builder().method(&*request.method).uri(&request.url);
    for (name, value) in &request.headers {
        sent = sent.header(name, value.as_slice());
    }
    let answer = router.clone().oneshot(sent.body(Body::empty()).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    let reason = head.extensions.get::<Cause>().and_then(|cause| cause.reason.clone());
    let answer = Answer { status: head.status.as_u16(), headers: head.headers, body };
    (answer, reason.unwrap_or_default().into())
}

async fn run(Table(attacks): Table, config: VerifyConfig) {
    let keys = Arc::new(Keys::read(&tokens::keys().into()).unwrap());
    let router = validate::router(TokenVerifier::new(keys, config));
    for attack in attacks {
        attack.run(&router).await;
    }
}

#[tokio::test]
async fn every_attack_is_refused_for_the_expected_reason_and_no_url_in_a_token_is_fetched() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let mut attacks = Table::default();
    tokens::add(&mut attacks);
    key_pairs::add(&mut attacks, address);
    run(attacks, VerifyConfig::default()).await;
    let seen = listener.accept().map(|(_, from)| from).map_err(|error| error.kind());
    assert_eq!(seen, Err(ErrorKind::WouldBlock), "the URL was fetched");
    let _connection = TcpStream::connect(address).unwrap();
    assert!(listener.accept().is_ok(), "the listener does not work");
}

#[tokio::test]
async fn a_token_for_another_issuer_or_audience_is_refused_if_they_are_configured() {
    let issuer = Some("https://issuer.example".into());
    let config = VerifyConfig { issuer, audience: Some("api".into()), ..VerifyConfig::default() };
    run(tokens::with_issuer_and_audience(), config).await;
}

#[tokio::test]
async fn a_token_in_the_configured_cookie_is_used_only_without_an_authorization_header() {
    let config = VerifyConfig { cookie: Some("token".into()), ..VerifyConfig::default() };
    run(tokens::cookies(), config).await;
}
