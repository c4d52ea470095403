//! An ordinary token service: axum, jsonwebtoken with its default checks, and a JSON log line for
//! each request, on Lambda or over HTTP, with the key in a variable or in Secrets Manager.

use std::{env, time::Instant};

use aws_config::BehaviorVersion;
use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    middleware::{Next, from_fn},
    response::Response,
    routing::get,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::Value;
use tokio::net::TcpListener;
use tracing::info;

#[tokio::main]
async fn main() {
    tracing_subscriber::fmt().json().init();
    let secret = secret().await;
    let algorithm = env::var("ALGORITHM").map_or(Algorithm::HS256, |it| it.parse().expect("known"));
    let key = match algorithm {
        Algorithm::RS256 => DecodingKey::from_rsa_pem(secret.as_bytes()),
        Algorithm::ES256 => DecodingKey::from_ec_pem(secret.as_bytes()),
        Algorithm::EdDSA => DecodingKey::from_ed_pem(secret.as_bytes()),
        _ => Ok(DecodingKey::from_secret(secret.as_bytes())),
    };
    let key = key.expect("a public key in PEM, or a secret");
    let router = Router::new()
        .route("/validate", get(validate))
        .layer(from_fn(log))
        .with_state((key, algorithm));
    if env::var_os("AWS_LAMBDA_RUNTIME_API").is_some() {
        lambda_http::run(router).await.expect("Lambda sends events");
        return;
    }
    let port = env::var("PORT").expect("PORT is set");
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("the port is free");
    axum::serve(listener, router).await.expect("axum serves until it is ended");
}

async fn secret() -> String {
    let Ok(id) = env::var("JWT_SECRET_ID") else {
        return env::var("JWT_SECRET").expect("JWT_SECRET or JWT_SECRET_ID is set");
    };
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let client = aws_sdk_secretsmanager::Client::new(&config);
    let secret = client.get_secret_value().secret_id(id).send().await.expect("the secret");
    secret.secret_string.expect("it is a text")
}

async fn validate(
    State((key, algorithm)): State<(DecodingKey, Algorithm)>,
    headers: HeaderMap,
) -> Result<Json<Value>, StatusCode> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(|value| value.strip_prefix("Bearer "));
    let token = token.ok_or(StatusCode::UNAUTHORIZED)?;
    let claims = decode(token, &key, &Validation::new(algorithm));
    claims.map(|data| Json(data.claims)).map_err(|_| StatusCode::FORBIDDEN)
}

async fn log(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let since = Instant::now();
    let response = next.run(request).await;
    let (status, duration) = (response.status().as_u16(), since.elapsed().as_secs_f64() * 1e3);
    info!(%method, path, status, duration_ms = duration, "request");
    response
}
