//! The Lambda runtime protocol.

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
use crate::telemetry::{RequestId, metrics::Exporter};

/// What is kept of the time that an invocation has, for its answer's way.
const MARGIN: Duration = Duration::from_millis(300);

/// Answers events until the environment is shut down: as many at once as
/// `AWS_LAMBDA_MAX_CONCURRENCY` says. No event makes this return an error.
pub(super) async fn serve<E: InvocationEvent>(
    service: Service,
    exporter: Exporter,
) -> Result<(), ServeError> {
    let health = service.health.clone();
    let handler = lambda_runtime::service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let (service, exporter) = (service.clone(), exporter.clone());
        async move {
            let answer = answer::<E>(&service, event).await;
            // Not one gauge for each key: as a dimension each would be a metric that is paid for.
            exporter.flush(|| service.set_ages());
            answer
        }
    });
    // As `lambda_runtime::run_concurrent` does it, and a hook beside it.
    let runtime = Runtime::new(handler).layer(TracingLayer::new());
    let runtime = runtime.register_snapstart_resource(Arc::new(health));
    let ended = runtime.run_concurrent().await;
    ended.map_err(|error| ServeError::Other(format!("the Lambda runtime failed: {error}")))
}

/// With SnapStart, nothing was fetched before the snapshot: it is now.
impl SnapStartResource for Health {
    fn after_restore(&self) -> BoxFuture<'_, Result<(), lambda_runtime::Error>> {
        Box::pin(async {
            self.warm_up().await;
            Ok(())
        })
    }
}

async fn answer<E: InvocationEvent>(
    service: &Service,
    event: LambdaEvent<Box<RawValue>>,
) -> Result<Box<RawValue>, Diagnostic> {
    // Read here and not by the runtime, whose log line would quote it.
    let Ok(read) = serde_json::from_str::<E>(event.payload.get()) else {
        tracing::warn!("an event that no gateway sends");
        let mut response = Response::new("bad request".into());
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return E::answer(E::FORM_FOR_OTHERS, response).await;
    };
    let (mut request, form) = read.into_request();
    if let Some(id) = RequestId::from_outside(&event.context.request_id) {
        request.extensions_mut().insert(id);
    }
    let limit = time_limit(event.context.deadline(), SystemTime::now());
    E::answer(form, service.answer(request, limit).await).await
}

/// How long an answer may take: after a time-out Lambda starts the process anew. `None` if the
/// deadline has passed: that of cargo-lambda's emulator is in 1970.
fn time_limit(deadline: SystemTime, now: SystemTime) -> Option<Duration> {
    let left = deadline.duration_since(now).ok().filter(|left| !left.is_zero())?;
    Some(left.saturating_sub(MARGIN.min(left / 4)))
}

#[cfg(test)]
mod tests {
    use lambda_runtime::Context;
    use serde_json::{Value, json};

    use super::*;
    use crate::serve::GatewayEvent;

    #[tokio::test]
    async fn what_no_gateway_sends_is_answered_with_400_and_is_no_failed_invocation() {
        let service = Service::of_router(axum::Router::new());
        for event in [
            json!({}),
            json!([]),
            json!({ "Records": [{ "body": "x" }] }),
            json!({ "requestContext": { "http": { "method": "GET" } }, "headers": { "a": "b\r\n" } }),
        ] {
            let event = RawValue::from_string(event.to_string()).unwrap();
            let event = LambdaEvent::new(event, Context::default());
            let answer = answer::<GatewayEvent>(&service, event).await.unwrap();
            let answer: Value = serde_json::from_str(answer.get()).unwrap();
            assert_eq!(
                (&answer["statusCode"], &answer["body"]),
                (&400.into(), &"bad request".into())
            );
        }
    }
}
