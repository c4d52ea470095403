//! A way past the Lambda runtime, for fuzz targets alone.

use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, value::RawValue};

use super::{Service, lambda};

/// What the Lambda runtime is given for `event`, an answer in the form of its gateway.
///
/// # Errors
///
/// None is known: an answer is JSON.
pub async fn answer_event(
    service: &Service,
    event: Box<RawValue>,
) -> Result<Value, serde_json::Error> {
    let event = LambdaEvent::new(event, Context::default());
    serde_json::to_value(lambda::answer(service, event).await)
}
