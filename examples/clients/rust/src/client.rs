//! The client.

use std::time::{Duration, Instant};

use reqwest::{
    Client, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE},
    redirect::Policy,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Requests for one answer.
const TRIES: u32 = 5;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Where the service is, and who logs in.
pub(crate) struct Settings {
    pub(crate) login_url: String,
    pub(crate) validate_url: String,
    pub(crate) email: String,
    pub(crate) password: SecretString,
    /// A token of an earlier run, which is used until it is refused.
    pub(crate) token: Option<SecretString>,
    /// For each request, from the first byte to the last.
    pub(crate) timeout: Duration,
    /// For all waiting on 429 and 503 in one call.
    pub(crate) max_wait: Duration,
}

/// What went wrong, in a line without secrets. The text begins with the call.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthError {
    #[error("{0}: {1}")]
    Refused(&'static str, String),
    #[error("{0}: {1} after {TRIES} tries")]
    StillBusy(&'static str, StatusCode),
    #[error("{0}: {1}, asked to wait {2} s")]
    TooLong(&'static str, StatusCode, u32),
    #[error("{0}: no answer within {1:?}")]
    TimedOut(&'static str, Duration),
    #[error("{0}: no answer ({1})")]
    Unreachable(&'static str, reqwest::Error),
    #[error("{0}: the answer is not what it should be")]
    Nonsense(&'static str),
}

/// A user's token, renewed when it is time.
pub(crate) struct AuthClient {
    settings: Settings,
    http: Client,
    token: Option<Token>,
}

struct Token {
    text: SecretString,
    /// When nine tenths of its life are over, by a clock that nobody sets.
    renew_at: Option<Instant>,
}

impl AuthClient {
    /// A client that has not logged in yet.
    ///
    /// # Errors
    ///
    /// If TLS cannot be set up.
    pub(crate) fn new(mut settings: Settings) -> reqwest::Result<Self> {
        let http = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(settings.timeout)
            .redirect(Policy::none())
            .build()?;
        let token = settings.token.take().map(|text| Token { text, renew_at: None });
        Ok(Self { settings, http, token })
    }

    /// The claims of a token that is good now, as JSON.
    ///
    /// # Errors
    ///
    /// If there is no such token to be had.
    pub(crate) async fn claims(&mut self) -> Result<Value, AuthError> {
        let token = match &self.token {
            Some(token) if token.is_fresh() => token.text.clone(),
            _ => self.log_in().await?,
        };
        let mut response = self.validate(&token).await?;
        if is_invalid_token(&response) {
            // It has expired, or its key is gone: one new login, and no more.
            let token = self.log_in().await?;
            response = self.validate(&token).await?;
        }
        if response.status() != StatusCode::OK {
            return Err(AuthError::Refused("validate", refusal(response).await));
        }
        let claims = response.json::<Map<String, Value>>().await;
        claims.map(Value::Object).map_err(|error| self.unreadable("validate", error))
    }

    /// Takes a new token. A wrong password is never tried again: five failures lock the account.
    async fn log_in(&mut self) -> Result<SecretString, AuthError> {
        let Settings { login_url, email, password, .. } = &self.settings;
        let request = self.http.post(login_url).basic_auth(email, Some(password.expose_secret()));
        let response = self.send("login", request).await?;
        if response.status() != StatusCode::OK {
            return Err(AuthError::Refused("login", refusal(response).await));
        }
        let answer = response.json::<TokenAnswer>().await;
        let answer = answer.map_err(|error| self.unreadable("login", error))?;
        let lifetime = Duration::from_secs(answer.expires_in.into());
        let renew_at = Some(Instant::now() + lifetime * 9 / 10);
        self.token = Some(Token { text: answer.access_token.clone(), renew_at });
        Ok(answer.access_token)
    }

    async fn validate(&self, token: &SecretString) -> Result<Response, AuthError> {
        let request = self.http.get(&self.settings.validate_url);
        self.send("validate", request.bearer_auth(token.expose_secret())).await
    }

    /// One request, and more of them while it is told to come back later.
    async fn send(
        &self,
        name: &'static str,
        request: RequestBuilder,
    ) -> Result<Response, AuthError> {
        let request = request.header(ACCEPT, "application/json");
        let mut waited = Duration::ZERO;
        let mut attempt = 1;
        loop {
            let request = request.try_clone().expect("there is no body");
            let response = request.send().await.map_err(|error| self.unanswered(name, error))?;
            if !is_come_back_later(&response) {
                return Ok(response);
            }
            let seconds = retry_after(&response);
            // Up to half as long again, so that clients who were sent away together come back
            // apart.
            let wait = Duration::from_secs(seconds.into()).mul_f64(1.0 + fastrand::f64() / 2.0);
            if attempt == TRIES {
                return Err(AuthError::StillBusy(name, response.status()));
            }
            if waited + wait > self.settings.max_wait {
                return Err(AuthError::TooLong(name, response.status(), seconds));
            }
            tokio::time::sleep(wait).await;
            waited += wait;
            attempt += 1;
        }
    }

    fn unanswered(&self, name: &'static str, error: reqwest::Error) -> AuthError {
        if error.is_timeout() {
            return AuthError::TimedOut(name, self.settings.timeout);
        }
        AuthError::Unreachable(name, error.without_url())
    }

    fn unreadable(&self, name: &'static str, error: reqwest::Error) -> AuthError {
        if error.is_decode() { AuthError::Nonsense(name) } else { self.unanswered(name, error) }
    }
}

impl Token {
    fn is_fresh(&self) -> bool {
        self.renew_at.is_none_or(|renew_at| Instant::now() < renew_at)
    }
}

/// A login's answer (RFC 6749 section 5.1).
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    /// Seconds.
    expires_in: u32,
}

/// Whether the service is too busy, or the account locked, for the moment.
fn is_come_back_later(response: &Response) -> bool {
    [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&response.status())
}

/// Whether the token has expired, or its key is gone (RFC 6750 section 3.1).
fn is_invalid_token(response: &Response) -> bool {
    let challenge = header(response, &WWW_AUTHENTICATE);
    response.status() == StatusCode::FORBIDDEN && challenge.contains(r#"error="invalid_token""#)
}

/// Seconds to wait; 1 where a proxy in between says a date, or nothing.
fn retry_after(response: &Response) -> u32 {
    let value = header(response, &RETRY_AFTER);
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { value.parse().unwrap_or(u32::MAX) } else { 1 }
}

/// The status, and what the service says about it (RFC 9457).
async fn refusal(response: Response) -> String {
    #[derive(Deserialize)]
    struct Problem {
        detail: String,
    }
    let status = response.status().as_u16();
    match response.json::<Problem>().await {
        Ok(problem) => format!("{status} {}", problem.detail),
        Err(_) => status.to_string(),
    }
}

fn header<'a>(response: &'a Response, name: &HeaderName) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
