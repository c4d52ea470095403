//! The AWS Parameters and Secrets Lambda extension, and the Secrets Manager agent, which
//! speaks the same: a process beside ours that asks the service, and keeps the answers.
//!
//! It spares this process the TLS to the service at a cold start. What it keeps may be
//! as old as its own settings let it be: see docs/lambda.md.

use axum::{
    body::Bytes,
    http::{HeaderValue, Request, Response},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqsign_core::{Env, OsEnv};

use super::{
    CallError, Failure, SecretValue,
    failure::causes,
    https::{Https, NoAnswer},
};
use crate::secrets::Stage;

/// Shows that the request comes from this environment, and not from somebody whom a
/// program in it obeys.
const TOKEN_HEADER: &str = "x-aws-parameters-secrets-token";
/// What the token is: Lambda's own session, or what the agent was given.
const TOKENS: [&str; 2] = ["AWS_SESSION_TOKEN", "AWS_TOKEN"];

#[derive(Debug)]
pub(super) struct Extension {
    port: u16,
    https: Https,
}

impl Extension {
    /// The one that listens on this port of this host.
    pub(super) fn new(port: u16) -> Self {
        Self { port, https: Https::default() }
    }

    pub(super) async fn get_secret_value(
        &self,
        id: &str,
        stage: Stage,
    ) -> Result<SecretValue, CallError> {
        let answer = self.ask(id, stage).await.map_err(|error| unanswered(&causes(&error)))?;
        if !answer.status().is_success() {
            return Err(refused(&answer));
        }
        serde_json::from_slice(answer.body()).map_err(|error| unanswered(&error.to_string()))
    }

    async fn ask(&self, id: &str, stage: Stage) -> Result<Response<Bytes>, NoAnswer> {
        let id = utf8_percent_encode(id, NON_ALPHANUMERIC);
        let url = format!(
            "http://127.0.0.1:{}/secretsmanager/get?secretId={id}&versionStage={}",
            self.port,
            stage.label(),
        );
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = url.parse().map_err(|_| NoAnswer::Url)?;
        if let Some(token) = TOKENS.iter().find_map(|name| OsEnv.var(name)) {
            let mut token = HeaderValue::try_from(token)?;
            token.set_sensitive(true);
            request.headers_mut().insert(TOKEN_HEADER, token);
        }
        self.https.send(request).await
    }
}

fn unanswered(reason: &str) -> CallError {
    let reason = format!("the extension for secrets cannot be asked: {reason}");
    CallError { reason, failure: Failure::Transient, code: None }
}

/// The extension gives the service's refusal in words of its own, and refuses everything
/// until it has started: whatever does not name a lasting cause may go better next time.
fn refused(answer: &Response<Bytes>) -> CallError {
    let text = String::from_utf8_lossy(answer.body());
    let (failure, code) = if text.contains("ResourceNotFoundException") {
        (Failure::NotFound, "ResourceNotFoundException")
    } else if text.contains("AccessDeniedException") {
        (Failure::Denied, "AccessDeniedException")
    } else {
        (Failure::Transient, "without a code")
    };
    let status = answer.status().as_u16();
    let reason = format!("the extension for secrets answered HTTP {status} {code}");
    CallError { reason, failure, code: Some(code.to_owned()) }
}
