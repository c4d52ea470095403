//! The router of `validate`, without a socket.

use std::{sync::Arc, time::SystemTime};

use axum::{
    body::Body,
    http::{Request, Response},
};
use http_body_util::BodyExt;
use shared::{
    config::TokenConfig,
    keys::Keys,
    token::{Subject, issue},
};
use tower::ServiceExt;
use validate::{ValidateState, router};

fn keys() -> Arc<Keys> {
    Arc::new(Keys::read(&"a key for the tests of the router".into()).expect("a usable key"))
}

fn token(config: &TokenConfig, admin: bool) -> String {
    let subject = Subject { id: "7", username: "ada@example.com", admin };
    issue(&keys(), config, subject, SystemTime::now()).expect("a token").token
}

async fn answer(config: TokenConfig, request: Request<Body>) -> Response<Body> {
    let state = ValidateState::new(keys(), config);
    router(state).oneshot(request).await.expect("an answer")
}

fn request(method: &str, path: &str, token: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    let request = request.header("authorization", format!("Bearer {token}"));
    request.body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn every_method_and_path_below_is_answered_with_exactly_200() {
    let token = token(&TokenConfig::default(), false);
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "BREW"] {
        for path in ["/", "/validate", "/validate/", "/validate/a/b%2Fc/", "/validate//x"] {
            let response = answer(TokenConfig::default(), request(method, path, &token)).await;
            assert_eq!(response.status(), 200, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn both_identity_headers_are_on_every_200_and_on_no_other_answer() {
    let config = TokenConfig::default();
    for (admin, groups) in [(false, "users"), (true, "users,admins")] {
        let response = answer(config.clone(), request("GET", "/", &token(&config, admin))).await;
        assert_eq!(response.headers()["x-auth-request-user"], "ada@example.com");
        assert_eq!(response.headers()["x-auth-request-groups"], groups);
    }
    let refused = answer(config.clone(), request("GET", "/", "garbage")).await;
    assert_eq!(refused.status(), 403);
    assert!(!refused.headers().keys().any(|name| name.as_str().starts_with("x-auth-request-")));
}

#[tokio::test]
async fn the_payload_is_answered_byte_for_byte() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    let config = TokenConfig::default();
    let token = token(&config, false);
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let response = answer(config, request("GET", "/validate", &token)).await;
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), payload);
}

async fn get(config: TokenConfig, method: &str, path: &str) -> (Response<Body>, String) {
    let request = Request::builder().method(method).uri(path).body(Body::empty());
    let (head, body) = answer(config, request.expect("a request")).await.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let text = String::from_utf8(body.to_vec()).expect("UTF-8");
    (Response::from_parts(head, Body::empty()), text)
}

#[tokio::test]
async fn a_symmetric_key_is_never_published() {
    let (answer, text) = get(TokenConfig::default(), "GET", "/.well-known/jwks.json").await;
    assert_eq!((answer.status().as_u16(), text.as_str()), (200, r#"{"keys":[]}"#));
    assert_eq!(answer.headers()["cache-control"], "public, max-age=600");
}

#[tokio::test]
async fn the_issuer_says_where_its_keys_are_if_it_is_a_url() {
    for (issuer, expected) in [
        (Some("https://auth.example.com"), Some("https://auth.example.com/.well-known/jwks.json")),
        (Some("https://example.com/auth/"), Some("https://example.com/auth/.well-known/jwks.json")),
        (Some("auth"), None),
        (None, None),
    ] {
        let config = TokenConfig { issuer: issuer.map(str::to_owned), ..TokenConfig::default() };
        let (answer, text) = get(config, "GET", "/.well-known/openid-configuration").await;
        let Some(expected) = expected else {
            assert_eq!((answer.status().as_u16(), text.as_str()), (404, "not found"));
            continue;
        };
        let metadata: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(metadata["issuer"].as_str(), issuer, "byte for byte, as in tokens");
        assert_eq!(metadata["jwks_uri"], expected);
    }
}

#[tokio::test]
async fn the_well_known_paths_are_read_only() {
    for path in ["/.well-known/jwks.json", "/.well-known/openid-configuration"] {
        let (answer, text) = get(TokenConfig::default(), "POST", path).await;
        assert_eq!((answer.status().as_u16(), text.as_str()), (405, "method not allowed"));
        let allowed: Vec<_> = answer.headers().get_all("allow").iter().collect();
        assert_eq!(allowed, ["GET, HEAD"]);
    }
}
