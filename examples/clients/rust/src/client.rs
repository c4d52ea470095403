//! The client.

use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder, Response, StatusCode, header::ACCEPT, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::{
    answer::{TokenAnswer, is_come_back_later, is_invalid_token, refusal, retry_after},
    settings::Settings,
};

/// Requests for one answer.
const TRIES: u32 = 5;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

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
