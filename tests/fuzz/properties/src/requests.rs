//! Requests: single headers, and whole Lambda events.

use std::sync::LazyLock;

use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, COOKIE},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret;
use serde_json::Value;
use shared::{
    authorization::{BasicCredentials, bearer_token, cookie_token},
    client_address::client_address,
    config::VerifyConfig,
    secrets::Secrets,
    serve::{App, GatewayEvent, InvocationEvent, Service},
    token::TokenVerifier,
};
use tokio::runtime::{Builder, Runtime};

use crate::token::{KEYS, check};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime"));

/// Headers of this name, one for each line.
fn headers(name: &HeaderName, input: &[u8]) -> Option<HeaderMap> {
    let lines = input.split(|byte| *byte == b'\n').map(HeaderValue::from_bytes);
    lines.map(|value| Some((name.clone(), value.ok()?))).collect()
}

/// A token in a cookie is an unchanged part of the headers, and is verified.
pub(crate) fn cookie(input: &[u8]) {
    let headers = headers(&COOKIE, input).unwrap_or_default();
    if let Some(token) = cookie_token(&headers, "token") {
        assert!(!token.is_empty() && str::from_utf8(input).is_ok_and(|it| it.contains(token)));
        check(token);
    }
}

/// Entries of a client before those of the trusted proxies do not change its address.
pub(crate) fn forwarded_for(input: &[u8]) {
    let name = HeaderName::from_static("x-forwarded-for");
    let forged = [b"192.0.2.66\n", input].concat();
    let [sent, forged] = [input, &forged].map(|it| headers(&name, it).unwrap_or_default());
    for hops in 0..4 {
        let address = client_address(None, &sent, hops);
        assert!(address.is_none() || address == client_address(None, &forged, hops));
    }
}

/// Accepted credentials are the complete value of one header with one scheme; a token is verified.
pub(crate) fn authorization(input: &[u8]) {
    let Some(headers) = headers(&AUTHORIZATION, input) else { return };
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
        (Some(_), Some(_)) => panic!("accepted as both schemes"),
    };
    let text = std::str::from_utf8(input).expect("ASCII");
    assert!(text.is_ascii() && !text.contains(['\n', ',']), "several values: {text:?}");
    let (name, sent) = text.split_once(' ').expect("a space after the scheme");
    assert!(name.eq_ignore_ascii_case(scheme), "{name}");
    assert_eq!(sent.trim_matches(' '), read, "two encodings of the same credentials");
}

/// The input is an event of the Lambda runtime. `validate` answers with a status of the contract,
/// and a 200 for a token has the user's name.
pub(crate) fn lambda_event(input: &[u8]) {
    let Ok(event) = serde_json::from_slice::<GatewayEvent>(input) else { return };
    let router = validate::router(TokenVerifier::new(KEYS.clone(), VerifyConfig::default()));
    let (keys, secrets) = (KEYS.clone().into(), Secrets::default());
    let service = Service::new(App { router, keys, secrets, database: None }, None, None);
    let (request, format) = event.into_request().expect("a request");
    let uri = request.uri();
    assert!(uri.path().starts_with('/') && uri.query().is_none() && uri.authority().is_none());
    let answer = RUNTIME.block_on(async {
        GatewayEvent::format(format, service.handle(request, None).await).await.expect("a response")
    });
    let answer: Value = serde_json::from_str(answer.get()).expect("JSON");
    let status = answer["statusCode"].as_u64().expect("a number");
    assert!([200, 401, 403, 404, 405].contains(&status), "{answer}");
    let has_user = answer.to_string().contains("x-auth-request-user");
    let is_key_set = answer["body"] == KEYS.public_set();
    assert_eq!(status == 200, has_user || is_key_set, "{answer}");
}
