//! What an attack is, what the contract answers to it, and the rows of `rows.yaml`.

use std::{fmt::Debug, sync::LazyLock};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::Request as HttpRequest,
};
use serde::Deserialize;
use shared::telemetry::Outcome;
use system_tests::{
    contract::refused,
    http::{Answer, Request},
};
use tower::ServiceExt;

/// One attack.
pub(crate) struct Attack {
    /// What is tried.
    pub(crate) name: String,
    /// Who describes it, or forbids it: an RFC's section, a CVE.
    pub(crate) source: &'static str,
    /// What comes of it: "passes", a kind of 401, or the reason that is logged for a 403.
    pub(crate) expected: &'static str,
    /// How it is tried.
    pub(crate) request: Request,
}

impl Attack {
    /// Panics unless this is what the contract answers, and the log is told this reason for a 403.
    pub(crate) fn compare(&self, answer: &Answer, reason: &str) {
        println!("{} ({}): {}", self.name, self.source, self.expected);
        match self.expected {
            "passes" => {
                let seen = (answer.status, answer.header("cache-control"));
                assert_eq!(seen, (200, Some("no-store")));
            }
            "missing bearer" | "missing basic" | "invalid credentials" => {
                refused(self.expected, answer);
            }
            expected => {
                assert_eq!(reason, expected);
                refused("not authorized", answer);
            }
        }
    }
}

/// Attacks on `validate`.
#[derive(Default)]
pub(crate) struct Table(pub(crate) Vec<Attack>);

impl Table {
    /// Adds a token.
    pub(crate) fn token(
        &mut self,
        source: &'static str,
        expected: &'static str,
        name: impl Debug,
        token: &str,
    ) {
        let request = Request::new("GET", "/validate").bearer(token);
        self.0.push(Attack { name: format!("{name:?}"), source, expected, request });
    }

    /// Adds the rows that are put into this place, by requests that hold them.
    pub(crate) fn rows(&mut self, place: &str, request: impl Fn(&str) -> Request) {
        self.0.extend(rows(place).map(|(source, expected, text)| {
            let name = format!("{place} {text:?}");
            Attack { name, source, expected, request: request(text) }
        }));
    }

    /// The same by tokens.
    pub(crate) fn token_rows(&mut self, place: &str, token: impl Fn(&str) -> String) {
        self.rows(place, |row| Request::new("GET", "/validate").bearer(&token(row)));
    }
}

/// Rows of `rows.yaml` that differ in their texts alone.
#[derive(Deserialize)]
struct Group {
    place: String,
    expected: String,
    source: String,
    rows: Vec<String>,
}

static GROUPS: LazyLock<Vec<Group>> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("rows.yaml")).unwrap());

/// Source, what is expected and text of all rows that are put into this place.
pub(crate) fn rows(
    place: &str,
) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    assert!(GROUPS.iter().any(|group| group.place == place), "there are no rows of {place}");
    GROUPS
        .iter()
        .filter(move |group| group.place == place)
        .flat_map(|group| group.rows.iter().map(|text| (&*group.source, &*group.expected, &**text)))
}

/// What a router answers, and the reason that it gives the log.
pub(crate) async fn answer(router: &Router, request: &Request) -> (Answer, Option<String>) {
    let mut sent = HttpRequest::builder().method(&*request.method).uri(&request.url);
    for (name, value) in &request.headers {
        sent = sent.header(name, value.as_slice());
    }
    let answer = router.clone().oneshot(sent.body(Body::empty()).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    let outcome = head.extensions.get::<Outcome>();
    let reason = outcome.and_then(|outcome| outcome.reason.clone()).map(Into::into);
    (Answer { status: head.status.as_u16(), headers: head.headers, body }, reason)
}
