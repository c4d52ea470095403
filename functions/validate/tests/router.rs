//! The issuer metadata. All other responses of `validate` are in the contract.

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    http::Request,
};
use serde_json::Value;
use shared::{config::VerifyConfig, keys::Keys};
use tower::ServiceExt;
use validate::{ValidateState, router};

#[tokio::test]
async fn the_metadata_has_the_address_of_the_keys_if_the_issuer_is_a_url() {
    let keys = Keys::read(&"a key for the tests of the router".into()).expect("a usable key");
    let keys = Arc::new(keys);
    for (issuer, expected) in [
        ("https://auth.example.com", Some("https://auth.example.com/.well-known/jwks.json")),
        ("https://example.com/auth/", Some("https://example.com/auth/.well-known/jwks.json")),
        ("auth", None),
    ] {
        let config = VerifyConfig { issuer: Some(issuer.into()), ..VerifyConfig::default() };
        let request = Request::get("/.well-known/openid-configuration").body(Body::empty());
        let router = router(ValidateState::new(keys.clone(), config));
        let response = router.oneshot(request.expect("a request")).await.expect("a response");
        assert_eq!(response.status(), if expected.is_some() { 200 } else { 404 });
        let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        let metadata: Value = serde_json::from_slice(&body).unwrap_or_default();
        assert_eq!(metadata["jwks_uri"].as_str(), expected);
        let named = expected.map(|_| issuer);
        assert_eq!(metadata["issuer"].as_str(), named, "byte for byte, as in tokens");
    }
}
