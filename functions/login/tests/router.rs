//! The router of `login`, without a socket.

use std::{path::Path, sync::Arc};

use axum::{body::Body, http::Request};
use base64::{Engine, engine::general_purpose::STANDARD};
use http_body_util::BodyExt;
use login::{LoginState, router};
use secrecy::ExposeSecret;
use shared::{
    config::{Argon2Config, ThrottleConfig, TokenConfig},
    keys::Keys,
    password::PasswordHasher,
    throttle::{MemoryStore, Throttle},
    users::{NewUser, SqliteUsers, UserStore},
};
use tower::ServiceExt;

const EMAIL: &str = "Ada@example.com";
const PASSWORD: &str = "a long enough passphrase";
/// Small, so that tests are quick.
const QUICK: Argon2Config = Argon2Config { memory_kib: 64, iterations: 1, parallelism: 1 };

/// The state around one user with this stored hash.
async fn state(hash: &str, config: Argon2Config) -> (LoginState, Arc<SqliteUsers>) {
    let users = SqliteUsers::open(Path::new(":memory:")).await.expect("a database in memory");
    let user = NewUser { email: EMAIL.into(), hash: hash.into(), admin: false };
    users.add(&[user]).await.expect("a new user");
    let users = Arc::new(users);
    let throttle = Throttle::new(Arc::new(MemoryStore::default()), &ThrottleConfig::default());
    let keys = Keys::read(&"a key for the tests of the router".into()).expect("a usable key");
    let (hasher, keys) = (PasswordHasher::new(config, 1), Arc::new(keys));
    (LoginState::new(users.clone(), throttle, hasher, keys, TokenConfig::default()), users)
}

/// Status, headers and body of the answer.
async fn log_in(state: &LoginState, email: &str, password: &str) -> (u16, String, String) {
    let credentials = STANDARD.encode(format!("{email}:{password}"));
    let request = Request::post("/login").header("authorization", format!("Basic {credentials}"));
    let request = request.body(Body::empty()).expect("a request");
    let (head, body) =
        router(state.clone()).oneshot(request).await.expect("an answer").into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let text = String::from_utf8(body.to_vec()).expect("UTF-8");
    (head.status.as_u16(), format!("{:?}", head.headers), text)
}

async fn hash(config: Argon2Config) -> String {
    PasswordHasher::new(config, 1).hash(PASSWORD.into()).await.expect("a hash")
}

#[tokio::test]
async fn a_hash_of_other_parameters_is_replaced_by_the_right_password() {
    let old = hash(Argon2Config { iterations: 2, ..QUICK }).await;
    let (state, users) = state(&old, QUICK).await;
    let stored = async || {
        let user = users.find_by_email(EMAIL).await.expect("an answer").expect("the user");
        user.password.expose_secret().to_owned()
    };
    assert_eq!(log_in(&state, EMAIL, "wrong").await.0, 401);
    assert_eq!(stored().await, old, "a wrong password replaces nothing");
    assert_eq!(log_in(&state, EMAIL, PASSWORD).await.0, 200);
    let new = stored().await;
    assert!(new.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{new}");
    assert_eq!(log_in(&state, EMAIL, PASSWORD).await.0, 200);
    assert_eq!(stored().await, new, "a hash that is current stays");
}

#[tokio::test]
async fn unknown_wrong_and_unusable_are_one_answer() {
    let (known, _) = state(&hash(QUICK).await, QUICK).await;
    let ((unusable, _), (empty, _)) = (state(PASSWORD, QUICK).await, state("", QUICK).await);
    let first = log_in(&known, "nobody@example.com", PASSWORD).await;
    assert_eq!(first.0, 401);
    for (state, email, password) in [
        (&known, EMAIL, "wrong"),
        (&known, EMAIL, &"p".repeat(1025)),
        (&unusable, EMAIL, PASSWORD),
        (&empty, EMAIL, ""),
    ] {
        assert_eq!(log_in(state, email, password).await, first);
    }
}

#[tokio::test]
async fn more_logins_than_may_wait_are_503() {
    // Slow enough that the first is not done when the last comes.
    let slow = Argon2Config { memory_kib: 32 * 1024, iterations: 4, parallelism: 1 };
    let (state, _) = state(&hash(QUICK).await, slow).await;
    let logins = (0..20).map(|number| {
        let (state, email) = (state.clone(), format!("{number}@example.com"));
        tokio::spawn(async move { log_in(&state, &email, "wrong").await.0 })
    });
    let mut statuses = Vec::new();
    for login in logins.collect::<Vec<_>>() {
        statuses.push(login.await.unwrap());
    }
    let count = |status| statuses.iter().filter(|given| **given == status).count();
    assert_eq!((count(401), count(503)), (9, 11), "{statuses:?}");
}
