//! `authorizer`: what `validate` answers, in the form of an API Gateway authorizer.
//!
//! API Gateway asks it before a route of any service, and keeps what it is told. It has no
//! opinion of its own: a request that `validate` answers with 200 may pass, no other.
//!
//! Outside Lambda there is no API Gateway, and it answers as `validate` does.

mod answer;
mod event;

pub use answer::Form;
pub use event::AuthorizerEvent;

use std::sync::Arc;

use axum::{Router, routing::any};
use shared::{
    config::{Problem, Reader, TransportConfig},
    serve::{Function, Parts},
    telemetry::RequestCounter,
};
use validate::{Validate, ValidateConfig, ValidateState, validate};

/// The function.
pub struct Authorizer;

impl Function for Authorizer {
    const NAME: &'static str = "authorizer";
    const COUNTER: Option<RequestCounter> = Some(RequestCounter::Validate);
    type Config = ValidateConfig;
    type Event = AuthorizerEvent;

    fn configure(reader: &mut Reader<'_>) -> ValidateConfig {
        Validate::configure(reader)
    }

    async fn start(
        config: ValidateConfig,
        transport: TransportConfig,
    ) -> Result<Parts, Vec<Problem>> {
        validate::start(config, transport, router).await
    }
}

/// Whatever the path: it is that of the request which waits at the gateway.
pub fn router(state: ValidateState) -> Router {
    Router::new().fallback(any(validate)).with_state(Arc::new(state))
}
