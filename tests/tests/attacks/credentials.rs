//! `login`: credentials that are almost right, in a form that is almost right.
//!
//! Each row has an e-mail of its own, whose right password passes behind it: neither the
//! throttle nor another row has a part in what is answered.

use base64::{Engine, engine::general_purpose::STANDARD};
use shared::users::{NewUser, SqliteUsers, UserDirectory};
use system_tests::{
    Environment,
    contract::{ContractRequest, SECRET, hash},
    http::basic,
    mariadb, scratch, stores,
};

use crate::{
    credentials_rows::{CREDENTIALS, HEADERS, PASSWORD, USERS},
    raw::{exchange, statuses, without_date},
    row::{Attack, Expected, attack, try_all},
    target::Target,
};

/// Whom the control logs in.
const CONTROL: &str = "canary-control@example.com";
/// Whose stored hash is unusable.
const UNUSABLE: [(&str, &str); 3] = [
    ("canary-plain@example.com", "plain text"),
    ("canary-md5@example.com", "$1$salt$qJH7.N4xYta3aEG/dfqo/0"),
    ("canary-empty@example.com", ""),
];

fn email(row: usize) -> String {
    format!("canary-{row}@example.com")
}

async fn add_users(directory: &dyn UserDirectory) {
    let user = |email: String, hash: &str| NewUser { email, hash: hash.into(), admin: false };
    let right = hash(PASSWORD).await;
    let rows = CREDENTIALS.len() + HEADERS.len();
    let mut users: Vec<NewUser> = (0..rows).map(|row| user(email(row), &right)).collect();
    users.push(user(CONTROL.into(), &right));
    users.extend(UNUSABLE.map(|(email, stored)| user(email.into(), stored)));
    for (_, _, email, password, ..) in USERS {
        users.push(user((*email).into(), &hash(&password.replace('#', &"p".repeat(1023))).await));
    }
    directory.add(&users).await.unwrap();
}

fn post(authorization: impl Into<Vec<u8>>) -> ContractRequest {
    ContractRequest::new("POST", "/login").header("authorization", authorization)
}

fn encoded(credentials: &[u8]) -> String {
    format!("Basic {}", STANDARD.encode(credentials))
}

fn rows() -> Vec<Attack> {
    let mut rows = Vec::new();
    let mut push = |name: &str, source, request, expected, email: &str, password: &str| {
        rows.push(attack(name, source, request, expected));
        let control = post(basic(email, password));
        rows.push(attack(format!("{name}: control"), "control", control, Expected::Passes));
    };
    for (row, (name, source, expected, credentials)) in CREDENTIALS.iter().enumerate() {
        let email = email(row);
        push(name, source, post(encoded(&credentials(&email))), *expected, &email, PASSWORD);
    }
    for (row, (name, source, expected, values)) in HEADERS.iter().enumerate() {
        let email = email(row + CREDENTIALS.len());
        let good = STANDARD.encode(format!("{email}:{PASSWORD}"));
        let mut request = ContractRequest::new("POST", "/login");
        for value in *values {
            request = request.header("authorization", value.replace('@', &good));
        }
        push(name, source, request, *expected, &email, PASSWORD);
    }
    for (name, source, email, password, sent_email, sent) in USERS {
        let [password, sent] = [password, sent].map(|it| it.replace('#', &"p".repeat(1023)));
        let request = post(basic(sent_email, &sent));
        push(name, source, request, Expected::InvalidCredentials, email, &password);
    }
    rows
}

fn check(mut database: Environment) {
    database.insert("JWT_SECRET".into(), SECRET.into());
    let target = Target::start("login", database);
    try_all(&target, "login", &post(basic(CONTROL, PASSWORD)), &rows());
    nothing_tells_users_apart(&target);
    target.end(&[SECRET, PASSWORD, "decoy"]);
}

/// Status, headers and body, byte for byte (ASVS 6.3.8).
fn nothing_tells_users_apart(target: &Target) {
    for accept in ["text/plain", "application/json", "*/*"] {
        let answer = |email: &str, password: &str| {
            let value = basic(email, password);
            target.note(&value);
            let head = format!(
                "POST /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept: {accept}\r\n\
                 Authorization: {value}\r\n\r\n"
            );
            without_date(&exchange(target.service(), head.as_bytes()))
        };
        let unknown = answer(&format!("canary-nobody-{}@example.com", accept.len()), PASSWORD);
        assert_eq!(statuses(&unknown), [401], "{unknown}");
        let long = "p".repeat(1025);
        for (name, email, password) in [
            ("a wrong password", CONTROL, "wrong"),
            ("a plain text in the database", UNUSABLE[0].0, UNUSABLE[0].1),
            ("a hash of an unknown kind", UNUSABLE[1].0, "secret"),
            ("no hash", UNUSABLE[2].0, ""),
            ("a password that is too long", CONTROL, &long),
        ] {
            assert_eq!(answer(email, password), unknown, "{name}, Accept: {accept}");
        }
        assert_eq!(statuses(&answer(CONTROL, PASSWORD)), [200], "the control");
    }
}

#[tokio::test]
async fn almost_right_is_wrong_on_sqlite() {
    let folder = scratch::directory();
    let path = folder.path().join("users.sqlite");
    add_users(&SqliteUsers::open(&path).await.unwrap()).await;
    check([("DATABASE_URL".into(), format!("sqlite:{}", path.display()))].into());
}

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn almost_right_is_wrong_on_mariadb() {
    let server = mariadb::shared();
    add_users(&stores::open(&server.root_variables(), 1).await).await;
    check(server.login_variables());
}
