//! The AWS Parameters and Secrets Lambda extension, or the Secrets Manager agent, which has the same
//! interface: a local process that calls the service and caches its answers (docs/lambda.md).

use std::{error::Error, time::Duration};

use axum::{
    body::Bytes,
    http::{HeaderValue, Request, StatusCode},
};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::time;

use super::{CallError, ONE_ATTEMPT, causes, variable};
use crate::secrets::Stage;

/// The pauses before the second attempt and before the third, the last one.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SecretValue {
    secret_string: Option<SecretString>,
}

/// The text at this stage, from the extension that listens on this local port.
pub(super) async fn get(
    port: u16,
    id: &str,
    stage: Stage,
) -> Result<Option<SecretString>, CallError> {
    let (id, stage) = (utf8_percent_encode(id, NON_ALPHANUMERIC), stage.label());
    let url =
        format!("http://127.0.0.1:{port}/secretsmanager/get?secretId={id}&versionStage={stage}");
    for pause in PAUSES {
        match attempt(&url).await {
            Err(error) if error.transient => time::sleep(pause).await,
            ended => return ended,
        }
    }
    attempt(&url).await
}

async fn attempt(url: &str) -> Result<Option<SecretString>, CallError> {
    let unanswered = |reason: &str| {
        let reason = format!("the extension for secrets cannot be asked: {reason}");
        CallError { reason, transient: true, code: None }
    };
    let limited = time::timeout(ONE_ATTEMPT, ask(url)).await;
    let answered = limited.unwrap_or_else(|_| Err("no answer within 1.5 s".into()));
    let (status, body) = answered.map_err(|error| unanswered(&causes(&*error)))?;
    if status.is_success() {
        // serde's own message could quote the secret.
        let value =
            serde_json::from_slice(&body).map_err(|_| unanswered("its answer is no secret"));
        return value.map(|SecretValue { secret_string }| secret_string);
    }
    // The extension quotes the error of the service, and refuses everything until it has started.
    // So an answer without a permanent cause is transient.
    let text = String::from_utf8_lossy(&body);
    let permanent = ["ResourceNotFoundException", "AccessDeniedException"];
    let code = permanent.into_iter().find(|code| text.contains(code));
    let (status, shown) = (status.as_u16(), code.unwrap_or("without a code"));
    let reason = format!("the extension for secrets answered HTTP {status} {shown}");
    Err(CallError { reason, transient: code.is_none(), code: code.map(str::to_owned) })
}

async fn ask(url: &str) -> Result<(StatusCode, Bytes), Box<dyn Error + Send + Sync>> {
    let mut request = Request::get(url);
    // The session token of Lambda, or that of the agent: against server-side request forgery.
    if let Some(token) = ["AWS_SESSION_TOKEN", "AWS_TOKEN"].into_iter().find_map(variable) {
        let mut token = HeaderValue::try_from(token)?;
        token.set_sensitive(true);
        request = request.header("x-aws-parameters-secrets-token", token);
    }
    // A connection that was idle during a freeze may be dead, so none is kept.
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(request.body(Empty::<Bytes>::new())?).await?;
    let status = answer.status();
    // A secret has 64 KiB at most; as JSON it may grow.
    let body = Limited::new(answer.into_body(), 512 * 1024).collect().await?;
    Ok((status, body.to_bytes()))
}
