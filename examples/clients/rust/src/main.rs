//! Logs in and validates with reqwest, and prints the token's claims:
//!
//!     AUTH_URL=http://127.0.0.1:8080 AUTH_EMAIL=demo@example.com \
//!       cargo run -p example-client -- [TIMES [PAUSE]] < password
//!
//! `README.md` in the folder above lists the variables and explains the behaviour.

use std::time::{Duration, Instant};
use std::{env, error::Error, io, process::ExitCode};

use reqwest::{
    Client, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE},
    redirect::Policy,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// The maximum of requests for one call.
const TRIES: u32 = 5;

/// The call that failed, and the reason without secrets.
#[derive(Debug, thiserror::Error)]
#[error("{0}: {1}")]
struct AuthError(&'static str, String);

/// A login's answer (RFC 6749 section 5.1), with a lifetime in seconds.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    expires_in: u32,
}

/// Logs a user in, and renews the token in time.
struct AuthClient {
    login_url: String,
    validate_url: String,
    email: String,
    password: SecretString,
    http: Client,
    timeout: Duration,
    /// The limit for all waiting on 429 and 503 in one call.
    max_wait: Duration,
    /// At first a token of an earlier run, which is used until it is refused.
    token: Option<SecretString>,
    /// The time after nine tenths of the token's lifetime, by a monotonic clock.
    renew_at: Option<Instant>,
}

impl AuthClient {
    /// Makes a client from the variables in `README.md`; the password may be the first line of
    /// standard input.
    fn from_environment() -> Result<Self, Box<dyn Error>> {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let url = |name: &str, path: &str| {
            let base = || variable("AUTH_URL").map(|base| base + path);
            variable(name).or_else(base).ok_or("AUTH_URL is missing")
        };
        let seconds = |name: &str, default: u64| {
            let value = variable(name).map_or(Ok(default), |value| value.parse());
            value.map(Duration::from_secs).map_err(|_| format!("{name} is no number of seconds"))
        };
        let first_line = || io::stdin().lines().next()?.ok().filter(|line| !line.is_empty());
        let password = variable("AUTH_PASSWORD").or_else(first_line);
        let timeout = seconds("AUTH_TIMEOUT", 10)?;
        let http = Client::builder().connect_timeout(Duration::from_secs(3)).timeout(timeout);
        Ok(Self {
            login_url: url("LOGIN_URL", "/login")?,
            validate_url: url("VALIDATE_URL", "/validate")?,
            email: variable("AUTH_EMAIL").ok_or("AUTH_EMAIL is missing")?,
            password: password.ok_or("no password in AUTH_PASSWORD or on standard input")?.into(),
            http: http.redirect(Policy::none()).build()?,
            timeout,
            max_wait: seconds("AUTH_MAX_WAIT", 30)?,
            token: variable("AUTH_TOKEN").map(SecretString::from),
            renew_at: None,
        })
    }

    /// The claims of a valid token, as JSON; logs in if necessary.
    async fn claims(&mut self) -> Result<Value, AuthError> {
        let is_fresh = self.renew_at.is_none_or(|renew_at| Instant::now() < renew_at);
        let token = match self.token.clone().filter(|_| is_fresh) {
            Some(token) => token,
            None => self.log_in().await?,
        };
        let mut response = self.validate(&token).await?;
        // The token has expired or its key was removed (RFC 6750 section 3.1): log in again once.
        if response.status() == StatusCode::FORBIDDEN
            && header(&response, &WWW_AUTHENTICATE).contains(r#"error="invalid_token""#)
        {
            let token = self.log_in().await?;
            response = self.validate(&token).await?;
        }
        self.read::<Map<String, Value>>("validate", response).await.map(Value::Object)
    }

    /// Gets a new token. A wrong password is not retried: five failures lock the account.
    async fn log_in(&mut self) -> Result<SecretString, AuthError> {
        let request = self.http.post(&self.login_url);
        let request = request.basic_auth(&self.email, Some(self.password.expose_secret()));
        let response = self.send("login", request).await?;
        let answer: TokenAnswer = self.read("login", response).await?;
        let lifetime = Duration::from_secs(answer.expires_in.into());
        self.renew_at = Some(Instant::now() + lifetime * 9 / 10);
        self.token = Some(answer.access_token.clone());
        Ok(answer.access_token)
    }

    async fn validate(&self, token: &SecretString) -> Result<Response, AuthError> {
        let request = self.http.get(&self.validate_url).bearer_auth(token.expose_secret());
        self.send("validate", request).await
    }

    /// Sends a request, with retries on 429 and 503.
    async fn send(
        &self,
        call: &'static str,
        request: RequestBuilder,
    ) -> Result<Response, AuthError> {
        let request = request.header(ACCEPT, "application/json");
        let (mut waited, mut attempt) = (Duration::ZERO, 1);
        loop {
            let request = request.try_clone().expect("there is no body");
            let response = request.send().await.map_err(|error| self.failed(call, error))?;
            let status = response.status();
            if ![StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&status) {
                return Ok(response);
            }
            let seconds = retry_after(&response);
            // Jitter of up to half the time, so that clients do not retry at the same time.
            let wait = Duration::from_secs(seconds.into()).mul_f64(1.0 + fastrand::f64() / 2.0);
            if attempt == TRIES || waited + wait > self.max_wait {
                return Err(AuthError(call, format!("{status}, told to wait {seconds} s")));
            }
            tokio::time::sleep(wait).await;
            waited += wait;
            attempt += 1;
        }
    }

    /// The body of a 200; otherwise an error with the service's explanation (RFC 9457).
    async fn read<T>(&self, call: &'static str, response: Response) -> Result<T, AuthError>
    where
        T: DeserializeOwned,
    {
        let status = response.status();
        if status != StatusCode::OK {
            let problem: Value = response.json().await.unwrap_or_default();
            let detail = problem["detail"].as_str().unwrap_or_default();
            return Err(AuthError(call, format!("{} {detail}", status.as_u16())));
        }
        response.json().await.map_err(|error| self.failed(call, error))
    }

    fn failed(&self, call: &'static str, error: reqwest::Error) -> AuthError {
        let reason = match error {
            error if error.is_timeout() => format!("no answer within {:?}", self.timeout),
            error if error.is_decode() => "the answer is not what it should be".to_owned(),
            error => format!("no answer ({})", error.without_url()),
        };
        AuthError(call, reason)
    }
}

/// Seconds to wait; 1 if a proxy sends a date or no value.
fn retry_after(response: &Response) -> u32 {
    let value = header(response, &RETRY_AFTER);
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { value.parse().unwrap_or(u32::MAX) } else { 1 }
}

fn header<'a>(response: &'a Response, name: &HeaderName) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let times: u32 = arguments.next().map_or(Ok(1), |times| times.parse())?;
    let pause: f64 = arguments.next().map_or(Ok(0.0), |pause| pause.parse())?;
    let pause = Duration::try_from_secs_f64(pause)?;
    let mut client = AuthClient::from_environment()?;
    for number in 0..times {
        if number > 0 {
            tokio::time::sleep(pause).await;
        }
        println!("{}", client.claims().await?);
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if let Err(error) = run().await {
        eprintln!("auth: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
