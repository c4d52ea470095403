//! The answers of this module as an OpenAPI document describes them.
//!
//! Status, text and headers are read off the values that answer requests, and schemas are made
//! of the types that bodies are made of: what is described cannot differ from what is answered.

mod refusals;

pub use refusals::{allow_get, no_content, refusals};

use std::collections::BTreeMap;

use axum::http::HeaderValue;
use serde_json::{Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Content, ContentBuilder, Header, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response,
        ResponseBuilder, Schema, Type, extensions::Extensions,
    },
};

use super::{JSON, NO_STORE, Problem, TEXT, TokenResponse, well_known};
use crate::{keys::PublicSet, token::IssuedClaims};

/// Has the form of a token, and is none.
const TOKEN: &str =
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJ1c2VybmFtZSI6ImFkYUBleGFtcGxlLmNvbSJ9.c2lnbmF0dXJl";

/// Responses by status, as `IntoResponses` has them.
pub type Responses = BTreeMap<String, RefOr<Response>>;

/// The claims of the examples.
fn claims() -> Value {
    json!({
        "username": "ada@example.com", "admin": false, "iat": 1_800_000_000,
        "exp": 1_800_086_400, "sub": "7", "jti": "0b5d3f0e-6a0c-4b52-9a86-3f1f0c0f8b0e",
    })
}

/// The answer of [`logged_in`](super::logged_in).
#[must_use]
pub fn logged_in() -> Responses {
    let token = ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("A JWT (RFC 7519): three parts of Base64url with dots between."))
        .pattern(Some(r"^[\w-]+\.[\w-]+\.[\w-]+$"));
    let text = ContentBuilder::new().schema(Some(token)).example(Some(TOKEN.into()));
    let answer = json!({
        "access_token": TOKEN, "token_type": "Bearer", "expires_in": 86400,
    });
    let response = ResponseBuilder::new()
        .description("The password is right: a token.")
        .content(media_type(&TEXT), text.build())
        .content(media_type(&JSON), json_content::<TokenResponse<'_>>(answer))
        .header("Cache-Control", constant("No cache may keep it.", &NO_STORE));
    success(response)
}

/// The answer of [`verified`](super::verified).
#[must_use]
pub fn verified() -> Responses {
    let user = header("The claim `username`. On every 200, and never empty.", "ada@example.com");
    let groups =
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["users", "users,admins"]));
    let groups = HeaderBuilder::new().schema(Some(groups)).description(Some(
        "`users`, or `users,admins` where the claim `admin` is true. On every 200.",
    ));
    let response = ResponseBuilder::new()
        .description("The token is good: its claims, all of them as they were signed.")
        .content(media_type(&JSON), json_content::<IssuedClaims<'_>>(claims()))
        .header("X-Auth-Request-User", user)
        .header("X-Auth-Request-Groups", always(groups))
        .header("Cache-Control", constant("No cache may keep it.", &NO_STORE));
    success(response)
}

/// The answer of [`key_set`](super::key_set).
#[must_use]
pub fn key_set() -> Responses {
    let keys = json!({"keys": [{
        "alg": "EdDSA", "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "use": "sig",
        "crv": "Ed25519", "kty": "OKP", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }]});
    published("A JWK Set (RFC 7517).", json_content::<PublicSet>(keys))
}

/// The answer of [`openid_configuration`](super::openid_configuration).
#[must_use]
pub fn openid_configuration() -> Responses {
    let metadata = json!({
        "issuer": "https://auth.example.com",
        "jwks_uri": "https://auth.example.com/.well-known/jwks.json",
        "id_token_signing_alg_values_supported": ["EdDSA"],
    });
    let content = json_content::<well_known::Metadata<'_>>(metadata);
    published("The metadata, as far as it is about verifying tokens.", content)
}

fn published(description: &str, content: Content) -> Responses {
    let response = ResponseBuilder::new()
        .description(description)
        .content(media_type(&JSON), content)
        .header("Cache-Control", constant("How long it may be kept.", &well_known::PUBLIC));
    success(response)
}

fn success(response: ResponseBuilder) -> Responses {
    Responses::from([("200".to_owned(), response.into())])
}

/// Every schema that these answers refer to, by name.
#[must_use]
pub fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = Vec::new();
    add::<Problem<'_>>(&mut schemas);
    add::<TokenResponse<'_>>(&mut schemas);
    add::<IssuedClaims<'_>>(&mut schemas);
    add::<PublicSet>(&mut schemas);
    add::<well_known::Metadata<'_>>(&mut schemas);
    schemas
}

fn add<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
}

/// JSON of this type, such as `example`.
#[must_use]
pub fn json_content<T: ToSchema + PartialSchema>(example: Value) -> Content {
    let schema = RefOr::<Schema>::Ref(Ref::from_schema_name(T::name()));
    ContentBuilder::new().schema(Some(schema)).example(Some(example)).build()
}

/// A header that is on every such answer: `required`, for which utoipa has no field.
fn always(header: HeaderBuilder) -> Header {
    header.extensions(Some(Extensions::from_iter([("required", true)]))).build()
}

/// A header that always has this value.
fn constant(description: &str, value: &HeaderValue) -> Header {
    let value = value.to_str().unwrap_or_default();
    let schema = ObjectBuilder::new().schema_type(Type::String).enum_values(Some([value]));
    always(HeaderBuilder::new().schema(Some(schema)).description(Some(description)))
}

/// A header such as `example`.
fn header(description: &str, example: &str) -> Header {
    let schema = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1));
    let header = HeaderBuilder::new().schema(Some(schema)).description(Some(description));
    always(header.example(Some(example.into())))
}

fn media_type(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or_default()
}
