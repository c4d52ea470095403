//! The Lambda runtime API.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::http::{Response, StatusCode};
use lambda_runtime::{
    BoxFuture, Diagnostic, LambdaEvent, Runtime, SnapStartResource, layers::TracingLayer,
};
use serde_json::value::RawValue;

use super::{InvocationEvent, ServeError, Service, health::Health};
use crate::telemetry::metrics::Exporter;

/// Kept of an invocation's remaining time, to send the response.
const MARGIN: Duration = Duration::from_millis(300);

/// Handles events until the environment shuts down, up to `AWS_LAMBDA_MAX_CONCURRENCY` at once.
pub(super) async fn serve<E: InvocationEvent>(
    service: Service,
    exporter: Exporter,
) -> Result<(), ServeError> {
    let health = service.health.clone();
    let handler = lambda_runtime::service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let (service, exporter) = (service.clone(), exporter.clone());
        async move {
            let response = handle::<E>(&service, event).await;
            // No gauges of keys: CloudWatch bills each key as a metric.
            service.record_secret_ages();
            exporter.flush();
            response
        }
    });
    // `lambda_runtime::run_concurrent` with a hook for SnapStart.
    let runtime = Runtime::new(handler).layer(TracingLayer::new());
    let runtime = runtime.register_snapstart_resource(Arc::new(health));
    let ended = runtime.run_concurrent().await;
    ended.map_err(|error| ServeError::Other(format!("the Lambda runtime failed: {error}")))
}

/// With SnapStart, secrets are fetched and the database is connected to after the snapshot.
impl SnapStartResource for Health {
    fn after_restore(&self) -> BoxFuture<'_, Result<(), lambda_runtime::Error>> {
        Box::pin(async {
            let (keys, ()) = tokio::join!(self.keys.get(SystemTime::now()), self.query(true));
            if let Err(error) = keys {
                tracing::warn!(%error, "the keys are not there yet");
            }
            Ok(())
        })
    }
}

async fn handle<E: InvocationEvent>(
    service: &Service,
    event: LambdaEvent<Box<RawValue>>,
) -> Result<Box<RawValue>, Diagnostic> {
    // Not parsed by the runtime, whose log line would quote it.
    let parsed = serde_json::from_str::<E>(event.payload.get()).ok();
    let Some((mut request, format)) = parsed.and_then(E::into_request) else {
        tracing::warn!("an event of unknown format");
        let mut response = Response::new("bad request".into());
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return E::format(None, response).await;
    };
    // After a timeout, Lambda restarts the process. cargo-lambda's emulator sends a deadline in 1970.
    let left = event.context.deadline().duration_since(SystemTime::now()).ok();
    let left = left.filter(|left| !left.is_zero());
    let limit = left.map(|left| left.saturating_sub(MARGIN.min(left / 4)));
    request.extensions_mut().insert(event.context);
    E::format(format, service.handle(request, limit).await).await
}
