//! A bare axum service: one route, one constant answer, no log. `ANSWER` is its body.

use std::env;

use axum::{Router, http::header, routing::get};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() {
    let port = env::var("PORT").expect("PORT is set");
    let body: &'static str = env::var("ANSWER").expect("ANSWER is set").leak();
    let headers = [
        (header::CONTENT_TYPE.as_str(), "application/json"),
        (header::CACHE_CONTROL.as_str(), "no-store"),
        ("x-auth-request-user", "ada@example.com"),
        ("x-auth-request-groups", "users"),
    ];
    let router = Router::new().route("/validate", get(move || async move { (headers, body) }));
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("the port is free");
    axum::serve(listener, router).await.expect("axum serves until it is ended");
}
