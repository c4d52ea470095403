//! What an attack is, what the contract answers, and the ways to a function.

use std::{collections::HashSet, fmt::Display, sync::Arc};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::Request,
};
use shared::{config::TokenConfig, keys::Keys, telemetry::Outcome, token::InvalidToken};
use system_tests::{
    Environment,
    contract::{ContractRequest, Door},
    http::Answer,
};
use tower::ServiceExt;
use validate::ValidateState;

use crate::{rows::rows, target::Target};

/// What the contract answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// 200, from either function.
    Passes,
    /// 403: a token that does not verify, and the reason that is logged.
    Refused(InvalidToken),
    /// 401 of `validate`.
    MissingBearer,
    /// 401 of `login` to a header that is none.
    MissingBasic,
    /// 401 of `login` to an unknown e-mail or a wrong password.
    InvalidCredentials,
}

/// One attack.
pub(crate) struct Attack {
    /// What is tried.
    pub(crate) name: String,
    /// Who describes it, or forbids it: an RFC's section, a CVE.
    pub(crate) source: &'static str,
    /// How it is tried.
    pub(crate) request: ContractRequest,
    /// What comes of it.
    pub(crate) expected: Expected,
}

impl Attack {
    /// Panics unless this is what the contract answers. `reason` is what the log is told, where
    /// that can be seen.
    pub(crate) fn compare(&self, answer: &Answer, reason: Option<&str>) {
        const BASIC: &str = r#"Basic realm="auth", charset="UTF-8""#;
        const BEARER: &str = r#"Bearer realm="auth""#;
        const INVALID: &str = r#"Bearer realm="auth", error="invalid_token""#;
        let what = format!("{} ({}): {:?}", self.name, self.source, self.expected);
        let (status, text, challenge) = match self.expected {
            Expected::Passes => {
                assert_eq!(answer.status, 200, "{what}");
                assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
                return;
            }
            Expected::Refused(invalid) => {
                let expected = invalid.to_string();
                assert_eq!(reason.unwrap_or(&expected), expected, "{what}");
                (403, "not authorized", INVALID)
            }
            Expected::MissingBearer => (401, "missing credentials", BEARER),
            Expected::MissingBasic => (401, "missing credentials", BASIC),
            Expected::InvalidCredentials => (401, "invalid credentials", BASIC),
        };
        assert_eq!((answer.status, answer.text()), (status, text), "{what}");
        assert_eq!(answer.header("www-authenticate"), Some(challenge), "{what}");
        assert!(answer.header("x-auth-request-user").is_none(), "{what}");
    }
}

/// Attacks on `validate` with one configuration.
pub(crate) struct Family {
    /// `JWT_SECRET`.
    pub(crate) key: String,
    /// The issuer and the audience that are demanded.
    pub(crate) config: TokenConfig,
    /// A token that passes before and behind all rows.
    control: String,
    rows: Vec<Attack>,
}

impl Family {
    pub(crate) fn new(key: impl Into<String>, control: impl Into<String>) -> Self {
        let (key, control) = (key.into(), control.into());
        Self { key, config: TokenConfig::default(), control, rows: Vec::new() }
    }

    /// Adds requests that have one source and one answer.
    pub(crate) fn requests<N: Display>(
        &mut self,
        source: &'static str,
        expected: Expected,
        requests: impl IntoIterator<Item = (N, ContractRequest)>,
    ) {
        let attack =
            |(name, request): (N, _)| Attack { name: name.to_string(), source, request, expected };
        self.rows.extend(requests.into_iter().map(attack));
    }

    /// Adds tokens that have one source and one answer.
    pub(crate) fn tokens<N: Display>(
        &mut self,
        source: &'static str,
        expected: Expected,
        tokens: impl IntoIterator<Item = (N, String)>,
    ) {
        let requests = tokens.into_iter().map(|(name, token)| (name, bearer(&token)));
        self.requests(source, expected, requests);
    }

    /// Adds the rows of `rows.txt` that are put into this place, by requests that hold them.
    pub(crate) fn rows(&mut self, place: &str, request: impl Fn(&str) -> ContractRequest) {
        for rows in rows(place) {
            let requests =
                rows.texts.iter().map(|text| (format!("{place} {text:?}"), request(text)));
            self.requests(rows.source, rows.expected(), requests);
        }
    }

    /// The same by tokens.
    pub(crate) fn token_rows(&mut self, place: &str, token: impl Fn(&str) -> String) {
        self.rows(place, |text| bearer(&token(text)));
    }

    /// The request that passes.
    pub(crate) fn control(&self) -> Attack {
        let request = bearer(&self.control);
        let name = "the control".to_owned();
        Attack { name, source: "control", request, expected: Expected::Passes }
    }

    /// Sends every row to the router in this process.
    pub(crate) async fn check_in_process(&self) {
        let keys = Arc::new(Keys::read(&self.key.as_str().into()).unwrap());
        let router = validate::router(ValidateState::new(keys, self.config.clone()));
        assert!(!self.rows.is_empty());
        for row in [&self.control()].into_iter().chain(&self.rows) {
            let (answer, reason) = answer(router.clone(), &row.request).await;
            let is_refused = matches!(row.expected, Expected::Refused(_));
            assert!(reason.is_some() || !is_refused, "{}: the log is told no reason", row.name);
            row.compare(&answer, reason.as_deref());
        }
    }

    /// Sends the selection to a running function.
    pub(crate) fn check_over_http(&self) {
        let config = [("JWT_ISSUER", &self.config.issuer), ("JWT_AUDIENCE", &self.config.audience)];
        let config = config.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
        let key = ("JWT_SECRET", self.key.clone());
        let variables: Environment =
            config.chain([key]).map(|(name, value)| (name.to_owned(), value)).collect();
        let target = Target::start("validate", variables);
        // A longer head is none, whatever is in it: `tests/tests/limits/heads.rs`.
        let fits = |request: &ContractRequest| {
            request.headers.iter().all(|(_, value)| value.len() < 12_000)
        };
        try_selection(self, &target, fits);
        target.end(&[&self.key]);
    }
}

/// Sends one row for each source and each kind of answer through `door`, of those that `fit`
/// through it, and the control before and behind them.
pub(crate) fn try_selection(family: &Family, door: &dyn Door, fits: fn(&ContractRequest) -> bool) {
    let mut seen = HashSet::new();
    let new = |row: &&Attack| seen.insert((row.source, row.expected == Expected::Passes));
    let rows = family.rows.iter().filter(|row| fits(&row.request)).filter(new);
    let control = family.control();
    for row in [&control].into_iter().chain(rows).chain([&control]) {
        row.compare(&door.send("validate", &row.request), None);
    }
}

/// What a router answers, and the reason that it gives the log.
pub(crate) async fn answer(router: Router, request: &ContractRequest) -> (Answer, Option<String>) {
    let mut sent = Request::builder().method(request.method).uri(request.path);
    for (name, value) in &request.headers {
        sent = sent.header(*name, value.as_slice());
    }
    let answer = router.oneshot(sent.body(Body::empty()).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    let outcome = head.extensions.get::<Outcome>();
    let reason = outcome.and_then(|outcome| outcome.reason.clone()).map(Into::into);
    (Answer { status: head.status.as_u16(), headers: head.headers, body }, reason)
}

/// The token as `validate` is given it.
pub(crate) fn bearer(token: &str) -> ContractRequest {
    ContractRequest::new("GET", "/validate").bearer(token)
}
