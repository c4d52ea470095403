//! The rows of `login`.

use serde_json::Value;
use shared::{
    config::Argon2Config,
    password::PasswordHasher,
    users::{NewUser, UserDirectory},
};

use super::{ContractRequest, Row};

/// A user of the rows: the e-mail in its stored spelling, and the password.
pub const USER: (&str, &str) = ("Ada.Lovelace@example.com", "correct: horse pässwörd ");
/// An administrator of the rows.
pub const ADMIN: (&str, &str) = ("root@example.com", "another long passphrase");
/// Users whose stored password is no usable hash.
const UNUSABLE: [(&str, &str); 2] = [
    ("plain@example.com", "secret plain text"),
    ("md5@example.com", "$1$salt$qJH7.N4xYta3aEG/dfqo/0"),
];

const CHALLENGE: &str = r#"Basic realm="auth", charset="UTF-8""#;

/// Adds the users that the rows speak of.
///
/// # Panics
///
/// If one of them is there already.
pub async fn add_users(directory: &dyn UserDirectory) {
    let user =
        |email: &str, hash: &str, admin| NewUser { email: email.into(), hash: hash.into(), admin };
    let mut users =
        vec![user(USER.0, &hash(USER.1).await, false), user(ADMIN.0, &hash(ADMIN.1).await, true)];
    users.extend(UNUSABLE.map(|(email, stored)| user(email, stored, false)));
    directory.add(&users).await.expect("the users are new");
}

/// A hash as a new password gets one.
///
/// # Panics
///
/// If there is no memory for it.
pub async fn hash(password: &str) -> String {
    let hasher = PasswordHasher::new(Argon2Config::default(), 1);
    hasher.hash(password.into()).await.expect("a hash")
}

fn post() -> ContractRequest {
    ContractRequest::new("POST", "/login")
}

fn success(name: &str, request: ContractRequest) -> Row {
    Row::new(name, request, 200, "").header("cache-control", "no-store")
}

fn missing(name: &str, request: ContractRequest) -> Row {
    let name = format!("missing credentials: {name}");
    Row::new(name, request, 401, "missing credentials").header("www-authenticate", CHALLENGE)
}

fn invalid(name: &str, user_id: &str, password: &str) -> Row {
    let request = post().basic(user_id, password);
    Row::new(format!("invalid credentials: {name}"), request, 401, "invalid credentials")
        .header("www-authenticate", CHALLENGE)
}

/// Every row of `login` that needs no fault, for the users of [`add_users`].
#[must_use]
pub fn login_rows() -> Vec<Row> {
    let mut rows = successes();
    for row in refusals() {
        rows.push(row);
        // The throttle is not what these rows are about: a success clears the count.
        let clears = success("a success behind a failure", post().basic(USER.0, USER.1));
        rows.push(clears.answers(is_user_token));
    }
    rows.extend(missing_credentials());
    rows
}

fn successes() -> Vec<Row> {
    let root = ContractRequest::new("POST", "/").basic(USER.0, USER.1);
    let lower = USER.0.to_lowercase();
    let scheme = post().basic(USER.0, USER.1).headers[0].1.clone();
    let scheme = String::from_utf8(scheme).expect("ASCII").replace("Basic", "bASIC");
    let json = post().basic(USER.0, USER.1).header("accept", "application/json");
    let both = post().basic(USER.0, USER.1).header("accept", "application/json, text/plain, */*");
    vec![
        success("the right password gives a token", post().basic(USER.0, USER.1))
            .answers(is_user_token),
        success("the root of a function URL is /login", root).answers(is_user_token),
        success("the e-mail matches but for ASCII case", post().basic(&lower, USER.1))
            .answers(is_user_token),
        success("the scheme is in any case", post().header("authorization", scheme))
            .answers(is_user_token),
        success("an administrator is one in the token", post().basic(ADMIN.0, ADMIN.1))
            .answers(|token| assert_eq!(claims(token)["admin"], true)),
        success("JSON is answered to who asks for it", json)
            .header("content-type", "application/json")
            .answers(is_json_token),
        success("who accepts both gets the token alone", both).answers(is_user_token),
    ]
}

fn refusals() -> Vec<Row> {
    let long = "p".repeat(1025);
    let mut rows = vec![
        invalid("an unknown e-mail", "nobody@example.com", USER.1),
        invalid("a wrong password", USER.0, "wrong"),
        invalid("no password", USER.0, ""),
        invalid("the password without its last blank", USER.0, USER.1.trim_end()),
        invalid("the password decomposed", USER.0, "correct: horse pa\u{308}sswo\u{308}rd "),
        invalid("an e-mail with another accent", "Áda.Lovelace@example.com", USER.1),
        invalid("an e-mail with a blank behind it", "Ada.Lovelace@example.com ", USER.1),
        invalid("a plain text in the database", UNUSABLE[0].0, UNUSABLE[0].1),
        invalid("a hash of an unknown kind", UNUSABLE[1].0, "secret"),
        invalid("a password of more than 1,024 bytes", USER.0, &long),
        invalid("an SQL injection", "' OR '1'='1", "' OR '1'='1"),
        invalid("no e-mail", "", USER.1),
        Row::new("another path", ContractRequest::new("POST", "/Login"), 404, "not found"),
        Row::new("a path below", ContractRequest::new("POST", "/login/x"), 404, "not found"),
    ];
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let request = ContractRequest::new(method, "/login").basic(USER.0, USER.1);
        let row = Row::new(format!("method {method}"), request, 405, "method not allowed");
        rows.push(row.header("allow", "POST"));
    }
    let json = post().basic(USER.0, "wrong").header("accept", "application/json");
    rows.push(
        Row::new("errors are problem details where JSON is asked for", json, 401, "")
            .header("content-type", "application/problem+json")
            .header("www-authenticate", CHALLENGE)
            .answers(|body| {
                let problem: Value = serde_json::from_str(body).expect("JSON");
                assert_eq!(
                    (&problem["status"], &problem["detail"]),
                    (&401.into(), &"invalid credentials".into())
                );
            }),
    );
    rows
}

fn missing_credentials() -> Vec<Row> {
    let authorization = |value: &[u8]| post().header("authorization", value);
    vec![
        missing("no header", post()),
        missing("the header twice", post().basic(USER.0, USER.1).basic(USER.0, USER.1)),
        missing("another scheme", post().bearer("a.b.c")),
        missing("no credentials behind the scheme", authorization(b"Basic")),
        missing("bad Base64", authorization(b"Basic !!!!")),
        missing("Base64 without its padding", authorization(b"Basic YTpiYg")),
        missing("no colon", authorization(b"Basic YWJj")),
        missing("not UTF-8", authorization(b"Basic /zph")),
        missing("a control character in the user-id", authorization(b"Basic YQBiOmM=")),
    ]
}

fn is_user_token(token: &str) {
    let claims = claims(token);
    assert_eq!(claims["username"], USER.0, "the stored spelling");
    assert_eq!(claims["admin"], false);
    assert!(claims["sub"].is_string() && claims["jti"].is_string());
    let lifetime = claims["exp"].as_u64().zip(claims["iat"].as_u64()).map(|(exp, iat)| exp - iat);
    assert_eq!(lifetime, Some(86_400));
}

fn is_json_token(body: &str) {
    let answer: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&"Bearer".into(), &86_400.into()));
    is_user_token(answer["access_token"].as_str().expect("a token"));
    assert_eq!(answer.as_object().map(serde_json::Map::len), Some(3));
}

/// The claims, after the signature was checked with the key of the tests.
fn claims(token: &str) -> Value {
    use std::time::SystemTime;

    use shared::{config::TokenConfig, keys::Keys, token::verify};

    let keys = Keys::read(&super::SECRET.into()).expect("the key is long enough");
    let claims = verify(&keys, &TokenConfig::default(), token, SystemTime::now());
    let claims = claims.expect("the token verifies");
    serde_json::from_str(claims.payload()).expect("JSON")
}
