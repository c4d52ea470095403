//! Lambda events: each that is read is answered once, in a way that the contract has.

use std::sync::LazyLock;

use serde_json::Value;
use shared::{
    config::TokenConfig,
    secrets::Secrets,
    serve::{GatewayEvent, InvocationEvent, Parts, Service},
};
use tokio::runtime::Runtime;
use validate::ValidateState;

use crate::token::KEYS;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().build().expect("a runtime"));

/// The input is an event, as the runtime gets it from Lambda. `validate` answers with a status of
/// the contract, and names the user on every 200 for a token.
pub(crate) fn lambda_event(input: &[u8]) {
    let Ok(event) = serde_json::from_slice::<GatewayEvent>(input) else { return };
    let router = validate::router(ValidateState::new(KEYS.clone(), TokenConfig::default()));
    let (keys, secrets) = (KEYS.clone().into(), Secrets::default());
    let service = Service::new(Parts { router, keys, secrets, database: None }, None, None);
    let (request, form) = event.into_request();
    let uri = request.uri();
    assert!(uri.path().starts_with('/') && uri.query().is_none() && uri.authority().is_none());
    let answer = RUNTIME.block_on(async {
        GatewayEvent::answer(form, service.answer(request, None).await).await.expect("always one")
    });
    let answer: Value = serde_json::from_str(answer.get()).expect("JSON");
    let status = answer["statusCode"].as_u64().expect("a number");
    assert!([200, 401, 403, 404, 405].contains(&status), "{answer}");
    let is_of_a_user = answer.to_string().contains("x-auth-request-user");
    let is_of_keys = answer["body"] == KEYS.public_set();
    assert_eq!(status == 200, is_of_a_user || is_of_keys, "{answer}");
}
