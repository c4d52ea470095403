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
    rows::{Rows, rows},
    table::{
        Attack,
        Expected::{self, MissingBasic, Passes},
        answer,
    },
    target::Target,
};

/// The password of every row's user, where it has no other.
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

/// Every attack, and behind it the right password of its user.
fn attacks() -> Vec<Attack> {
    let post = ContractRequest::new("POST", "/login");
    let mut attacks = Vec::new();
    let mut push = |(source, expected), name: &str, request, email: &str, password: &str| {
        let control = ("control", post.clone().basic(email, password), Passes);
        for (source, request, expected) in [(source, request, expected), control] {
            attacks.push(Attack { name: format!("{name:?}"), source, request, expected });
        }
    };
    let encoded = |bytes: &[u8]| {
        post.clone().header("authorization", format!("Basic {}", STANDARD.encode(bytes)))
    };
    let mut n = 0;
    for place in ["credentials", "basic"] {
        for rows in rows(place) {
            for row in &rows.texts {
                let email = format!("canary-{n}@x");
                let good = STANDARD.encode(format!("{email}:{PASSWORD}"));
                let request = if place == "credentials" {
                    encoded(filled(row, n).as_bytes())
                } else {
                    let values = row.split('\n').map(|value| value.replace('@', &good));
                    values.fold(post.clone(), |post, value| post.header("authorization", value))
                };
                push((rows.source, rows.expected()), row, request, &email, PASSWORD);
                n += 1;
            }
        }
    }
    for bytes in [&b"Passw\xf6rt"[..], b"Right\xc0\x80", b"\xed\xa0\x80", b"\xfe\xff\0R"] {
        let request = encoded(&[b"canary-0@x:", bytes].concat());
        push(("RFC 7617 2.1", MissingBasic), "not UTF-8", request, "canary-0@x", PASSWORD);
    }
    let nothing = ("RFC 9110 11.6.1", MissingBasic);
    push(nothing, "no header", post.clone(), "canary-0@x", PASSWORD);
    for (source, expected, [email, password, sent_email, sent]) in users() {
        let request = post.clone().basic(&sent_email, &sent);
        push((source, expected), &sent_email, request, &email, &password);
    }
    attacks
}

/// Users with passwords of their own, and what is sent in their place.
fn users() -> Vec<(&'static str, Expected, [String; 4])> {
    let user = |row: &String| -> [String; 4] {
        let fields: Vec<String> = row.split('|').map(|field| filled(field, 0)).collect();
        fields.try_into().unwrap()
    };
    let of = |rows: Rows| {
        let (source, expected) = (rows.source, rows.expected());
        rows.texts.iter().map(|row| (source, expected, user(row))).collect::<Vec<_>>()
    };
    rows("user").into_iter().flat_map(of).collect()
}

async fn add_users(directory: &dyn UserDirectory, hasher: &PasswordHasher) {
    let right = hasher.hash(PASSWORD.into()).await.unwrap();
    let user = |email: String, hash: &str| NewUser { email, hash: hash.into(), admin: false };
    // As many as there are attacks, and so at least one for each.
    let numbers = 0..attacks().len();
    let mut users: Vec<NewUser> = numbers.map(|n| user(format!("canary-{n}@x"), &right)).collect();
    for (.., [email, password, _, _]) in self::users() {
        let hash = hasher.hash(password.into()).await.unwrap();
        users.push(user(email, &hash));
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
    for row in attacks() {
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
    for row in attacks() {
        row.compare(&target.send("login", &row.request), None);
    }
    target.end(&[SECRET, PASSWORD, "decoy"]);
}
