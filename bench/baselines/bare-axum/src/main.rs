//! A bare axum service: every request gets the recorded answer, and nothing is logged.

use axum::{
    Router,
    extract::State,
    response::IntoResponse,
    routing::any,
    serve::{ListenerExt, serve},
};
use recorded_answer::{RecordedAnswer, address};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() {
    let router = Router::new()
        .route("/validate", any(answer))
        .fallback(answer)
        .with_state(RecordedAnswer::read());
    let listener = TcpListener::bind(address()).await.expect("the port is free");
    let listener = listener.tap_io(|stream| _ = stream.set_nodelay(true));
    serve(listener, router).await.expect("axum serves until it is ended");
}

async fn answer(State(answer): State<RecordedAnswer>) -> impl IntoResponse {
    (answer.status, answer.headers, answer.body)
}
