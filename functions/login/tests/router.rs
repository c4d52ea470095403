//! The router of `login`, without a socket, on stores that fail on purpose too.

mod stores;

use std::{path::Path, sync::Arc, time::SystemTime};

use axum::{
    body::Body,
    http::{Request, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http_body_util::BodyExt;
use login::{LoginState, router};
use shared::{
    config::{Argon2Config, ThrottleConfig, TokenConfig},
    keys::Keys,
    password::PasswordHasher,
    throttle::Throttle,
    token::verify,
    users::{SqliteUsers, UserStore},
};
use stores::{Broken, OneUser};
use tower::ServiceExt;

const EMAIL: &str = "Ada@example.com";
const PASSWORD: &str = "a long enough passphrase";
/// Small, so that tests are quick.
const QUICK: Argon2Config = Argon2Config { memory_kib: 64, iterations: 1, parallelism: 1 };

fn keys() -> Arc<Keys> {
    Arc::new(Keys::read(&"a key for the tests of the router".into()).expect("a usable key"))
}

async fn state(users: Arc<dyn UserStore>) -> LoginState {
    state_with(users, PasswordHasher::new(QUICK, 1)).await
}

async fn state_with(users: Arc<dyn UserStore>, passwords: PasswordHasher) -> LoginState {
    let counts = SqliteUsers::open(Path::new(":memory:")).await.expect("a database in memory");
    let throttle = Throttle::new(Arc::new(counts), &ThrottleConfig::default());
    LoginState::new(users, throttle, passwords, keys(), TokenConfig::default())
}

fn request(email: &str, password: &str) -> Request<Body> {
    let credentials = STANDARD.encode(format!("{email}:{password}"));
    let request = Request::post("/login").header("authorization", format!("Basic {credentials}"));
    request.body(Body::empty()).expect("a request")
}

async fn log_in(state: &LoginState, email: &str, password: &str) -> (Response<Body>, String) {
    let answer = router(state.clone()).oneshot(request(email, password)).await.expect("an answer");
    let (head, body) = answer.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let text = String::from_utf8(body.to_vec()).expect("UTF-8");
    (Response::from_parts(head, Body::empty()), text)
}

async fn hash(config: Argon2Config) -> String {
    PasswordHasher::new(config, 1).hash(PASSWORD.into()).await.expect("a hash")
}

#[tokio::test]
async fn the_token_carries_the_stored_spelling_of_the_e_mail() {
    let users = OneUser::new(EMAIL, &hash(QUICK).await);
    let (answer, token) = log_in(&state(Arc::new(users)).await, "ADA@EXAMPLE.COM", PASSWORD).await;
    assert_eq!(answer.status(), 200);
    let claims = verify(&keys(), &TokenConfig::default(), &token, SystemTime::now()).unwrap();
    assert_eq!(claims.username(), EMAIL);
}

#[tokio::test]
async fn a_hash_of_other_parameters_is_replaced_by_the_login() {
    let old = hash(Argon2Config { iterations: 2, ..QUICK }).await;
    let users = Arc::new(OneUser::new(EMAIL, &old));
    let state = state(users.clone()).await;
    assert_eq!(log_in(&state, EMAIL, "wrong").await.0.status(), 401);
    assert_eq!(users.hash(), old, "a wrong password replaces nothing");
    assert_eq!(log_in(&state, EMAIL, PASSWORD).await.0.status(), 200);
    assert!(users.hash().starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{}", users.hash());
    let new = users.hash();
    assert_eq!(log_in(&state, EMAIL, PASSWORD).await.0.status(), 200);
    assert_eq!(users.hash(), new, "a hash that is current stays");
}

#[tokio::test]
async fn a_login_succeeds_though_the_better_hash_cannot_be_stored() {
    let old = hash(Argon2Config { iterations: 2, ..QUICK }).await;
    let users = Arc::new(OneUser::new(EMAIL, &old).read_only());
    assert_eq!(log_in(&state(users.clone()).await, EMAIL, PASSWORD).await.0.status(), 200);
    assert_eq!(users.hash(), old);
}

#[tokio::test]
async fn unknown_wrong_and_unusable_are_one_answer() {
    let known = state(Arc::new(OneUser::new(EMAIL, &hash(QUICK).await))).await;
    let unusable = state(Arc::new(OneUser::new(EMAIL, PASSWORD))).await;
    let empty = state(Arc::new(OneUser::new(EMAIL, ""))).await;
    let mut answers = Vec::new();
    for (state, email, password) in [
        (&known, "nobody@example.com", PASSWORD),
        (&known, EMAIL, "wrong"),
        (&known, EMAIL, &"p".repeat(1025)),
        (&unusable, EMAIL, PASSWORD),
        (&empty, EMAIL, ""),
    ] {
        let (answer, text) = log_in(state, email, password).await;
        answers.push((answer.status(), answer.headers().clone(), text));
    }
    assert_eq!(answers[0].0, 401);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn a_store_that_fails_is_503_without_its_reason() {
    let (answer, text) = log_in(&state(Arc::new(Broken)).await, EMAIL, PASSWORD).await;
    assert_eq!((answer.status().as_u16(), text.as_str()), (503, "service unavailable"));
    assert_eq!(answer.headers()["retry-after"], "2");
}

#[tokio::test]
async fn more_logins_than_may_wait_are_503() {
    let users = OneUser::new(EMAIL, &hash(QUICK).await);
    // Slow enough that the first is not done when the last comes.
    let slow = Argon2Config { memory_kib: 32 * 1024, iterations: 4, parallelism: 1 };
    let hasher = PasswordHasher::new(slow, 1);
    let state = state_with(Arc::new(users), hasher).await;
    let logins = (0..20).map(|number| {
        let (state, email) = (state.clone(), format!("{number}@example.com"));
        tokio::spawn(async move { log_in(&state, &email, "wrong").await.0.status().as_u16() })
    });
    let mut statuses = Vec::new();
    for login in logins.collect::<Vec<_>>() {
        statuses.push(login.await.unwrap());
    }
    let count = |status| statuses.iter().filter(|given| **given == status).count();
    assert_eq!((count(401), count(503)), (9, 11), "{statuses:?}");
}

#[tokio::test]
async fn only_post_is_allowed_and_one_allow_header_says_so() {
    let state = state(Arc::new(Broken)).await;
    for method in ["GET", "HEAD", "PUT", "OPTIONS", "BREW"] {
        let request = Request::builder().method(method).uri("/").body(Body::empty()).unwrap();
        let answer = router(state.clone()).oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 405, "{method}");
        let allowed: Vec<_> = answer.headers().get_all("allow").iter().collect();
        assert_eq!(allowed, ["POST"], "{method}");
    }
}
