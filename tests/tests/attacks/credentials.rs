//! `login`: credentials that are almost right, in a form that is almost right.
//!
//! Each row has a user of its own, whose right password passes behind it: neither the throttle
//! nor another row has a part in what is answered.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use login::LoginState;
use shared::{
    config::{Argon2Config, ThrottleConfig, TokenConfig},
    keys::Keys,
    password::PasswordHasher,
    throttle::{MemoryStore, Throttle},
    users::{NewUser, SqliteUsers},
};
use system_tests::{contract::SECRET, http::Request, mariadb, scratch, stores};

use crate::{
    running::Target,
    table::{Attack, Row, answer, rows},
};

/// The password of a row's user, where it has no other.
const PASSWORD: &str = "Right: Passwört 1";

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

fn post() -> Request {
    Request::new("POST", "/login")
}

/// Every attack, with e-mail and password of its user.
fn attacks() -> Vec<(Attack, String, String)> {
    let rows =
        ["credentials", "basic"].map(|place| rows(place).into_iter().map(move |it| (place, it)));
    let attack = |(n, (place, row)): (usize, (&str, Row))| {
        let text = filled(&row.text, n);
        let fields: Vec<&str> = text.split('|').collect();
        let own = format!("canary-{n}@x");
        let (email, password, pair) = match fields[..] {
            [email, password, pair] => (email, password, pair),
            _ => (own.as_str(), PASSWORD, text.as_str()),
        };
        let request = if place == "credentials" {
            post().header("authorization", format!("Basic {}", STANDARD.encode(pair)))
        } else {
            let good = STANDARD.encode(format!("{email}:{password}"));
            let values = text.split('\n').map(|value| value.replace('@', &good));
            values.fold(post(), |post, value| post.header("authorization", value))
        };
        let Row { source, expected, text: name } = row;
        (Attack { name, source, expected, request }, email.to_owned(), password.to_owned())
    };
    rows.into_iter().flatten().enumerate().map(attack).collect()
}

async fn add_users(store: &impl stores::AddUsers, hasher: &PasswordHasher) {
    let right = hasher.hash(PASSWORD.into()).await.unwrap();
    let mut users = Vec::new();
    for (_, email, password) in attacks() {
        let hash = match password.as_str() {
            PASSWORD => right.clone(),
            own => hasher.hash(own.into()).await.unwrap(),
        };
        users.push(NewUser { email, hash, admin: false });
    }
    store.add_users(&users).await;
}

#[tokio::test]
async fn almost_right_is_wrong() {
    const QUICK: Argon2Config = Argon2Config { memory_kib: 64, iterations: 1, parallelism: 1 };
    let folder = scratch::directory();
    let users = SqliteUsers::open(&folder.path().join("users.sqlite")).await.unwrap();
    let (users, hasher) = (Arc::new(users), PasswordHasher::new(QUICK, 1));
    add_users(&*users, &hasher).await;
    let throttle = Throttle::new(Arc::new(MemoryStore::default()), &ThrottleConfig::default());
    let keys = Arc::new(Keys::read(&SECRET.into()).unwrap()).into();
    let token = TokenConfig::default();
    let router = login::router(LoginState { throttle, users, passwords: hasher, keys, token });
    for (attack, email, password) in attacks() {
        attack.compare(&answer(router.clone(), &attack.request).await.0, None);
        let right = post().basic(&email, &password);
        assert_eq!(answer(router.clone(), &right).await.0.status, 200);
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
    for (attack, email, password) in attacks() {
        attack.compare(&target.send(&attack.request), None);
        assert_eq!(target.send(&post().basic(&email, &password)).status, 200);
    }
    target.end(&[SECRET, PASSWORD, "decoy"]);
}
