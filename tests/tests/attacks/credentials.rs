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
    users::{NewUser, UserStore},
};
use system_tests::{
    contract::SECRET,
    http::Request,
    mariadb,
    stores::{self, Sqlite},
};

use crate::{Attack, answer, rows};

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
fn attacks() -> impl Iterator<Item = (Attack, String, String)> {
    let rows = ["credentials", "basic"].map(|place| rows(place).map(move |row| (place, row)));
    rows.into_iter().flatten().enumerate().map(|(n, (place, (source, expected, row)))| {
        let text = filled(row, n);
        let (email, password, text) = match text.split('|').collect::<Vec<_>>()[..] {
            [email, password, pair] => (email.to_owned(), password.to_owned(), pair.to_owned()),
            _ => (filled("{email}", n), PASSWORD.to_owned(), text),
        };
        let request = if place == "credentials" {
            post().header("authorization", format!("Basic {}", STANDARD.encode(text)))
        } else {
            let good = STANDARD.encode(format!("{email}:{password}"));
            let values = text.split('\n').map(|value| value.replace('@', &good));
            values.fold(post(), |post, value| post.header("authorization", value))
        };
        (Attack { name: row.to_owned(), source, expected, request }, email, password)
    })
}

/// Hashes that are quick to compute.
fn hasher() -> PasswordHasher {
    PasswordHasher::new(Argon2Config { memory_kib: 64, iterations: 1, parallelism: 1 }, 1)
}

async fn users() -> Vec<NewUser> {
    let (mut users, hasher) = (Vec::new(), hasher());
    for (_, email, password) in attacks() {
        let hash = hasher.hash(password.into()).await.unwrap();
        users.push(NewUser { email, hash, admin: false });
    }
    users
}

async fn check(users: impl UserStore + 'static) {
    let throttle = Throttle::new(Arc::new(MemoryStore::default()), &ThrottleConfig::default());
    let keys = Arc::new(Keys::read(&SECRET.into()).unwrap()).into();
    let (passwords, token) = (hasher(), TokenConfig::default());
    let router =
        login::router(LoginState { throttle, users: Arc::new(users), passwords, keys, token });
    for (attack, email, password) in attacks() {
        attack.compare(&answer(&router, &attack.request).await.0, "");
        let right = post().basic(&email, &password);
        assert_eq!(answer(&router, &right).await.0.status, 200);
    }
}

#[tokio::test]
async fn almost_right_is_wrong() {
    let store = Sqlite::with(&[]).await;
    store.users.add(&users().await).await.unwrap();
    check(store.users).await;
}

/// The same where the database has collations.
#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn almost_right_is_wrong_on_mariadb() {
    let server = mariadb::shared();
    let store = stores::open(&server.root_variables(), 3).await;
    store.add(&users().await).await.unwrap();
    check(store).await;
}
