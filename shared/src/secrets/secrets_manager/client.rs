//! A client of the service: JSON over HTTPS, signed with the credentials of this process.

use axum::{
    body::Bytes,
    http::{
        HeaderMap, HeaderValue, Method, Request,
        header::{CONTENT_TYPE, InvalidHeaderValue},
    },
};
use reqsign_aws_v4::{Credential, RequestSigner};
use reqsign_core::{OsEnv, Signer, hash::hex_sha256};
use serde::{Serialize, de::DeserializeOwned};

use super::{CallError, credentials, endpoint::Endpoint, failure::causes, https::Https, patiently};

/// AWS JSON 1.1, the protocol that Secrets Manager speaks.
const AMZ_JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");

/// A client of Secrets Manager. Region, endpoint and credentials are those of the standard
/// AWS variables and files.
///
/// A connection serves calls that follow each other at once, and no others: one that died
/// while the process was frozen would be trusted, and waited for.
#[derive(Debug)]
pub struct Client {
    endpoint: Endpoint,
    signer: Signer<Credential>,
    https: Https,
}

impl Client {
    /// A client; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// [`CallError`] if no region is configured, or the endpoint is no URL.
    pub fn connect() -> Result<Self, CallError> {
        let endpoint = Endpoint::find(&OsEnv)?;
        let https = Https::default();
        let request_signer = RequestSigner::new("secretsmanager", endpoint.region());
        let signer = credentials::signer(https.clone(), endpoint.region(), request_signer);
        Ok(Self { endpoint, signer, https })
    }

    /// Calls an operation by its name in the API, such as `PutSecretValue`. A call that may
    /// go better next time is tried three times.
    ///
    /// # Errors
    ///
    /// [`CallError`] if there is no answer, or it is a refusal.
    pub async fn call<O: DeserializeOwned>(
        &self,
        operation: &str,
        input: &impl Serialize,
    ) -> Result<O, CallError> {
        let body = serde_json::to_vec(input).expect("texts are JSON");
        let body = Bytes::from(body);
        patiently(|| self.attempt(operation, body.clone())).await
    }

    async fn attempt<O: DeserializeOwned>(
        &self,
        operation: &str,
        body: Bytes,
    ) -> Result<O, CallError> {
        let (mut head, ()) = Request::new(()).into_parts();
        head.method = Method::POST;
        head.uri = self.endpoint.uri().clone();
        head.headers = headers(operation, &body).map_err(CallError::unanswered)?;
        let signed = self.signer.sign(&mut head, None).await;
        signed.map_err(|error| CallError::without_credentials(&error))?;
        let answer = self.https.send(Request::from_parts(head, body)).await;
        let answer = answer.map_err(|error| CallError::unanswered(causes(&error)))?;
        if !answer.status().is_success() {
            return Err(CallError::refused(&answer));
        }
        serde_json::from_slice(answer.body()).map_err(CallError::unanswered)
    }
}

fn headers(operation: &str, body: &[u8]) -> Result<HeaderMap, InvalidHeaderValue> {
    let text = |text: String| HeaderValue::try_from(text);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, AMZ_JSON);
    headers.insert("x-amz-target", text(format!("secretsmanager.{operation}"))?);
    headers.insert("x-amz-content-sha256", text(hex_sha256(body))?);
    Ok(headers)
}
