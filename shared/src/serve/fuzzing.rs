//! A way past the Lambda runtime, for fuzz targets alone.

use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, value::RawValue};

use super::{InvocationEvent, Service, lambda};

/// What the Lambda runtime is given for `event`, an answer in the form of its sender.
///
/// # Errors
///
/// Those of [`InvocationEvent::answer`].
///
/// # Panics
///
/// If the answer is no JSON.
pub async fn answer_event<E: InvocationEvent>(
    service: &Service,
    event: Box<RawValue>,
) -> Result<Value, E::Error> {
    let event = LambdaEvent::new(event, Context::default());
    let answer = lambda::answer::<E>(service, event).await?;
    Ok(serde_json::to_value(answer).expect("an answer is JSON"))
}
