//! Requests, from a header to a whole event of Lambda.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret;
use serde_json::Value;
use shared::{
    authorization::{BasicCredentials, bearer_token},
    config::VerifyConfig,
    secrets::Secrets,
    serve::{App, GatewayEvent, InvocationEvent, Service},
};
use tokio::runtime::{Builder, Runtime};
use validate::ValidateState;

use crate::token::{KEYS, check};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime"));

/// Each line is the value of an `Authorization` header. What is accepted is all that was sent, of one
/// scheme; a token is verified.
pub(crate) fn authorization(input: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        let Ok(value) = HeaderValue::from_bytes(line) else { return };
        headers.append(AUTHORIZATION, value);
    }
    let basic = BasicCredentials::from_headers(&headers);
    let (scheme, read) = match (basic, bearer_token(&headers)) {
        (None, None) => return,
        (Some(read), None) => {
            assert!(!read.email.contains([':', '\0', '\n', '\u{85}']), "{:?}", read.email);
            let pair = format!("{}:{}", read.email, read.password.expose_secret());
            ("basic", STANDARD.encode(pair))
        }
        (None, Some(token)) => {
            check(token);
            ("bearer", token.to_owned())
        }
        (Some(_), Some(_)) => panic!("two schemes at once"),
    };
    let text = std::str::from_utf8(input).expect("ASCII");
    assert!(text.is_ascii() && !text.contains(['\n', ',']), "several values: {text:?}");
    let (name, sent) = text.split_once(' ').expect("a space after the scheme");
    assert!(name.eq_ignore_ascii_case(scheme), "{name}");
    assert_eq!(sent.trim_matches(' '), read, "another text means the same");
}

/// The input is an event, as the runtime gets it from Lambda. `validate` answers with a status of
/// the contract, and names the user on every 200 for a token.
pub(crate) fn lambda_event(input: &[u8]) {
    let Ok(event) = serde_json::from_slice::<GatewayEvent>(input) else { return };
    let router = validate::router(ValidateState::new(KEYS.clone(), VerifyConfig::default()));
    let (keys, secrets) = (KEYS.clone().into(), Secrets::default());
    let service = Service::new(App { router, keys, secrets, database: None }, None, None);
    let (request, format) = event.into_request();
    let uri = request.uri();
    assert!(uri.path().starts_with('/') && uri.query().is_none() && uri.authority().is_none());
    let answer = RUNTIME.block_on(async {
        GatewayEvent::format(format, service.handle(request, None).await).await.expect("always one")
    });
    let answer: Value = serde_json::from_str(answer.get()).expect("JSON");
    let status = answer["statusCode"].as_u64().expect("a number");
    assert!([200, 401, 403, 404, 405].contains(&status), "{answer}");
    let is_of_a_user = answer.to_string().contains("x-auth-request-user");
    let is_of_keys = answer["body"] == KEYS.public_set();
    assert_eq!(status == 200, is_of_a_user || is_of_keys, "{answer}");
}
