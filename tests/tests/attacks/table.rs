//! What an attack is, what the contract answers to it, and the rows of `rows.txt`.

use std::fmt::Debug;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::Request as HttpRequest,
};
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
    /// Panics unless this is what the contract answers. `reason` is what the log is told, where
    /// that can be seen.
    pub(crate) fn compare(&self, answer: &Answer, reason: Option<&str>) {
        println!("{} ({}): {}", self.name, self.source, self.expected);
        match self.expected {
            "passes" => {
                assert_eq!(
                    (answer.status, answer.header("cache-control")),
                    (200, Some("no-store"))
                );
            }
            "missing bearer" | "missing basic" | "invalid credentials" => {
                refused(self.expected, answer);
            }
            expected => {
                assert_eq!(reason.unwrap_or(expected), expected);
                refused("not authorized", answer);
            }
        }
    }
}

/// Attacks on `validate`.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) attacks: Vec<Attack>,
}

impl Table {
    /// Adds tokens that have one source and one outcome.
    pub(crate) fn tokens<N: Debug>(
        &mut self,
        source: &'static str,
        expected: &'static str,
        tokens: impl IntoIterator<Item = (N, String)>,
    ) {
        self.attacks.extend(tokens.into_iter().map(|(name, token)| {
            let request = Request::new("GET", "/validate").bearer(&token);
            Attack { name: format!("{name:?}"), source, expected, request }
        }));
    }

    /// Adds the rows of `rows.txt` that are put into this place, by requests that hold them.
    pub(crate) fn rows(&mut self, place: &str, request: impl Fn(&str) -> Request) {
        self.attacks.extend(rows(place).into_iter().map(|Row { source, expected, text }| {
            let name = format!("{place} {text:?}");
            Attack { name, source, expected, request: request(&text) }
        }));
    }

    /// The same by tokens.
    pub(crate) fn token_rows(&mut self, place: &str, token: impl Fn(&str) -> String) {
        self.rows(place, |row| Request::new("GET", "/validate").bearer(&token(row)));
    }
}

/// A row of `rows.txt`.
pub(crate) struct Row {
    pub(crate) source: &'static str,
    pub(crate) expected: &'static str,
    pub(crate) text: String,
}

/// All rows that are put into this place.
pub(crate) fn rows(place: &str) -> Vec<Row> {
    let mut found = Vec::new();
    let (mut here, mut expected, mut source) = ("", "", "");
    let lines = include_str!("rows.txt").lines();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with("# ")) {
        if let Some(head) = line.strip_prefix("== ") {
            let (name, rest) = head.split_once(": ").unwrap();
            here = name;
            (expected, source) = rest.trim_end_matches(')').split_once(" (").unwrap();
        } else if here == place {
            found.push(Row { source, expected, text: unescaped(line) });
        }
    }
    assert!(!found.is_empty(), "there are no rows of {place}");
    found
}

fn unescaped(row: &str) -> String {
    let mut text = if row == "(nothing)" { String::new() } else { row.to_owned() };
    for (escape, letter) in [("\\0", "\0"), ("\\t", "\t"), ("\\r", "\r"), ("\\n", "\n")] {
        text = text.replace(escape, letter);
    }
    while let Some(start) = text.find("\\u{") {
        let end = start + text[start..].find('}').unwrap();
        let number = u32::from_str_radix(&text[start + 3..end], 16).unwrap();
        text.replace_range(start..=end, &char::from_u32(number).unwrap().to_string());
    }
    text
}

/// What a router answers, and the reason that it gives the log.
pub(crate) async fn answer(router: Router, request: &Request) -> (Answer, Option<String>) {
    let mut sent = HttpRequest::builder().method(&*request.method).uri(&request.url);
    for (name, value) in &request.headers {
        sent = sent.header(name, value.as_slice());
    }
    let answer = router.oneshot(sent.body(Body::empty()).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    let outcome = head.extensions.get::<Outcome>();
    let reason = outcome.and_then(|outcome| outcome.reason.clone()).map(Into::into);
    (Answer { status: head.status.as_u16(), headers: head.headers, body }, reason)
}
