//! The ways of a request that are measured, each from the moment when its head has been read
//! to the end of its answer's body.
//!
//! Every request of a run is another one, with a token of its own, so that a run measures
//! the average of many signatures.

mod bare;
mod login;
mod validate;

pub use bare::bare;
pub use validate::{SECRET, head};

use axum::{
    Router,
    body::Body,
    http::{Request, Response, StatusCode},
};
use http_body_util::BodyExt;
use shared::serve::Service;
use tower::ServiceExt;

/// A way of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HotPath {
    /// An axum service that answers the bytes of [`Self::ValidateHs256`] and does nothing.
    Bare,
    /// `validate`: a good token under HS256.
    ValidateHs256,
    /// `validate`: a good token under ES256.
    ValidateEs256,
    /// `validate`: a good token under `EdDSA`.
    ValidateEdDsa,
    /// `validate`: a token that somebody else signed, HS256.
    ValidateRefused,
    /// `validate`: no `Authorization` header.
    ValidateMissing,
    /// `login`: the right password, answered with a token under HS256. Users and counts are
    /// in memory, and the hash is computed on a thread of its own.
    LoginHs256,
    /// `login`: no `Authorization` header.
    LoginMissing,
}

impl HotPath {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Bare,
        Self::ValidateHs256,
        Self::ValidateEs256,
        Self::ValidateEdDsa,
        Self::ValidateRefused,
        Self::ValidateMissing,
        Self::LoginHs256,
        Self::LoginMissing,
    ];

    /// What it is called in the file of figures and on command lines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare-axum",
            Self::ValidateHs256 => "validate-hs256",
            Self::ValidateEs256 => "validate-es256",
            Self::ValidateEdDsa => "validate-eddsa",
            Self::ValidateRefused => "validate-refused",
            Self::ValidateMissing => "validate-missing",
            Self::LoginHs256 => "login-hs256",
            Self::LoginMissing => "login-missing",
        }
    }

    /// The path of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|path| path.name() == name)
    }

    /// A service, and so many requests for it.
    pub async fn prepare(self, requests: usize) -> Run {
        let (target, requests) = match self {
            Self::Bare => bare::prepare(requests),
            Self::LoginHs256 => login::prepare(requests).await,
            Self::LoginMissing => login::prepare_missing(requests).await,
            path => validate::prepare(path, requests),
        };
        let status = match self {
            Self::Bare
            | Self::ValidateHs256
            | Self::ValidateEs256
            | Self::ValidateEdDsa
            | Self::LoginHs256 => StatusCode::OK,
            Self::ValidateMissing | Self::LoginMissing => StatusCode::UNAUTHORIZED,
            Self::ValidateRefused => StatusCode::FORBIDDEN,
        };
        Run { target, requests, status }
    }
}

/// Who answers.
enum Target {
    Function(Service),
    Router(Router),
}

impl Target {
    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        match self {
            Self::Function(service) => service.answer(request).await,
            Self::Router(router) => match router.clone().oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
        }
    }
}

/// Requests that wait for their answers.
pub struct Run {
    target: Target,
    requests: Vec<Request<Body>>,
    status: StatusCode,
}

impl Run {
    /// Answers the next `requests`, one after another.
    ///
    /// # Panics
    ///
    /// If there are fewer, or one has another status than it has to have: what was measured
    /// would be something else.
    pub async fn answer(&mut self, requests: usize) {
        for _ in 0..requests {
            let request = self.requests.pop().expect("a request is left");
            let response = self.target.answer(request).await;
            assert_eq!(response.status(), self.status);
            let mut body = response.into_body();
            while let Some(frame) = body.frame().await {
                drop(frame.expect("a body in memory"));
            }
        }
    }
}

/// A request as a gateway sends it, with this `Authorization`.
fn request(method: &str, path: &str, authorization: Option<String>) -> Request<Body> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "auth.default.svc.cluster.local")
        .header("user-agent", "a gateway/1.0")
        .header("accept", "*/*")
        .header("x-forwarded-for", "203.0.113.7")
        .header("x-forwarded-proto", "https");
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    request.body(Body::empty()).expect("a request")
}
