//! `login`: credentials that are almost right, in a form that is almost right.
//!
//! Each row has an e-mail of its own, whose right password passes behind it: neither the throttle
//! nor another row has a part in what is answered.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use login::LoginState;
use shared::{
    config::{Argon2Config, ThrottleConfig, TokenConfig},
    keys::Keys,
    password::PasswordHasher,
    throttle::Throttle,
    users::{NewUser, SqliteUsers, UserDirectory},
};
use system_tests::{
    contract::{ContractRequest, Door, SECRET},
    mariadb, scratch, stores,
};

use crate::{
    credentials_rows::{BASIC, BYTES, CREDENTIALS, HEADERS, PASSWORD, USERS},
    table::{
        Attack,
        Expected::{InvalidCredentials, MissingBasic, Passes},
        answer,
    },
    target::Target,
};

/// A text with what its braces stand for, for the row `n`.
fn filled(template: &str, n: usize) -> String {
    [
        ("{email}", format!("canary-{n}@x")),
        ("{n}", n.to_string()),
        ("{password}", PASSWORD.to_owned()),
        ("{1000}", "p".repeat(1000)),
        ("{23}", "p".repeat(23)),
        ("{blanks}", " ".repeat(240)),
    ]
    .iter()
    .fold(template.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// Every attack, and behind it the right password of its user.
fn rows() -> Vec<Attack> {
    let post = ContractRequest::new("POST", "/login");
    let mut rows = Vec::new();
    let mut push = |source, expected, name: String, request, email: &str, password: &str| {
        let control = post.clone().basic(email, password);
        for (source, request, expected) in
            [(source, request, expected), ("control", control, Passes)]
        {
            rows.push(Attack { name: name.clone(), source, request, expected });
        }
    };
    let credentials = CREDENTIALS.iter().map(|rows| (false, rows));
    let headers = HEADERS.iter().map(|rows| (true, rows));
    for (are_headers, (source, expected, templates)) in credentials.chain(headers) {
        for template in *templates {
            let n = user_number(template);
            let email = format!("canary-{n}@x");
            let request = if are_headers {
                let good = STANDARD.encode(format!("{email}:{PASSWORD}"));
                let lines = template.split('\n').map(|line| line.replace('@', &good));
                lines.fold(post.clone(), |post, line| post.header("authorization", line))
            } else {
                let encoded = STANDARD.encode(filled(template, n));
                post.clone().header("authorization", format!("Basic {encoded}"))
            };
            push(*source, *expected, format!("{template:?}"), request, &email, PASSWORD);
        }
    }
    for bytes in BYTES {
        let encoded = STANDARD.encode([b"canary-0@x:", bytes].concat());
        let request = post.clone().header("authorization", format!("Basic {encoded}"));
        push(BASIC, MissingBasic, format!("{bytes:?}"), request, "canary-0@x", PASSWORD);
    }
    push("RFC 9110 11.6.1", MissingBasic, "no header".into(), post.clone(), "canary-0@x", PASSWORD);
    for (source, email, password, sent_email, sent) in USERS {
        let [password, sent] = [password, sent].map(|text| filled(text, 0));
        let request = post.clone().basic(sent_email, &sent);
        let name = format!("{sent_email:?} for {email:?}");
        push(*source, InvalidCredentials, name, request, email, &password);
    }
    rows
}

/// The number of a template's user, from 1 on.
fn user_number(template: &str) -> usize {
    let all = [CREDENTIALS, HEADERS].concat();
    let mut all = all.iter().flat_map(|(.., templates)| *templates);
    all.position(|other| *other == template).unwrap() + 1
}

async fn add_users(directory: &dyn UserDirectory, hasher: &PasswordHasher) {
    let right = hasher.hash(PASSWORD.into()).await.unwrap();
    let user = |email: String, hash: &str| NewUser { email, hash: hash.into(), admin: false };
    let rows = [CREDENTIALS, HEADERS].concat().iter().map(|(.., rows)| rows.len()).sum();
    let mut users: Vec<NewUser> =
        (0..=rows).map(|n: usize| user(format!("canary-{n}@x"), &right)).collect();
    for (_, email, password, ..) in USERS {
        let hash = hasher.hash(filled(password, 0).into()).await.unwrap();
        users.push(user((*email).into(), &hash));
    }
    directory.add(&users).await.unwrap();
}

#[tokio::test]
async fn almost_right_is_wrong() {
    const QUICK: Argon2Config = Argon2Config { memory_kib: 64, iterations: 1, parallelism: 1 };
    let folder = scratch::directory();
    let users = SqliteUsers::open(&folder.path().join("users.sqlite")).await.unwrap();
    let (users, hasher) = (Arc::new(users), PasswordHasher::new(QUICK, 1));
    add_users(&*users, &hasher).await;
    let throttle = Throttle::new(users.clone(), &ThrottleConfig::default());
    let keys = Arc::new(Keys::read(&SECRET.into()).unwrap());
    let router =
        login::router(LoginState::new(users, throttle, hasher, keys, TokenConfig::default()));
    for row in rows() {
        row.compare(&answer(router.clone(), &row.request).await.0, None);
    }
}

/// The same where the database has collations.
#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn almost_right_is_wrong_on_mariadb() {
    let server = mariadb::shared();
    let hasher = PasswordHasher::new(Argon2Config::default(), 1);
    add_users(&stores::open(&server.root_variables(), 1).await, &hasher).await;
    let mut variables = server.login_variables();
    variables.insert("JWT_SECRET".into(), SECRET.into());
    let target = Target::start("login", variables);
    for row in rows() {
        row.compare(&target.send("login", &row.request), None);
    }
    target.end(&[SECRET, PASSWORD, "decoy"]);
}
