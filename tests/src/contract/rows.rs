//! The rows of both functions.

use std::time::SystemTime;

use serde_json::{Map, Value, json};
use shared::{
    config::{Argon2Config, TokenConfig},
    keys::Keys,
    password::PasswordHasher,
    token::verify,
    users::NewUser,
};

use super::{ContractRequest, Row, SECRET, refused, seconds, token, token_with};
use crate::{http::Answer, stores::AddUsers};

/// A user of the rows: the e-mail in its stored spelling, and the password.
pub const USER: (&str, &str) = ("Ada.Lovelace@example.com", "correct: horse pässwörd ");
/// An administrator of the rows.
pub const ADMIN: (&str, &str) = ("root@example.com", "another long passphrase");
/// Users whose stored password is no usable hash.
const UNUSABLE: [(&str, &str); 2] = [
    ("plain@example.com", "secret plain text"),
    ("md5@example.com", "$1$salt$qJH7.N4xYta3aEG/dfqo/0"),
];

/// Adds the users that the rows speak of.
pub async fn add_users(store: &impl AddUsers) {
    let user =
        |email: &str, hash: &str, admin| NewUser { email: email.into(), hash: hash.into(), admin };
    let mut users =
        vec![user(USER.0, &hash(USER.1).await, false), user(ADMIN.0, &hash(ADMIN.1).await, true)];
    users.extend(UNUSABLE.map(|(email, stored)| user(email, stored, false)));
    store.add_users(&users).await;
}

/// A hash as a new password gets one.
pub async fn hash(password: &str) -> String {
    let hasher = PasswordHasher::new(Argon2Config::default(), 1);
    hasher.hash(password.into()).await.expect("a hash")
}

/// Every row of `login` that needs no fault, for the users of [`add_users`].
pub(super) fn login_rows() -> Vec<Row> {
    let post = || ContractRequest::new("POST", "/login");
    let user = || post().basic(USER.0, USER.1);
    let root = ContractRequest::new("POST", "/").basic(USER.0, USER.1);
    let scheme = String::from_utf8(user().headers[0].1.clone()).expect("ASCII");
    let scheme = post().header("authorization", scheme.replace("Basic", "bASIC"));
    let both = user().header("accept", "application/json, text/plain, */*");
    let json = |request: ContractRequest| request.header("accept", "application/json");
    let mut rows = vec![
        Row::new("the right password gives a token", user(), gives_token),
        Row::new("the root of a function URL is /login", root, gives_token),
        Row::new("ASCII case", post().basic(&USER.0.to_lowercase(), USER.1), gives_token),
        Row::new("the scheme is in any case", scheme, gives_token),
        Row::new("who accepts both gets the token alone", both, gives_token),
        Row::new("an administrator", post().basic(ADMIN.0, ADMIN.1), |answer| {
            assert_eq!(claims(answer.text())["admin"], true);
        }),
        Row::new("JSON is answered to who asks for it", json(user()), gives_json_token),
        Row::new("and problem details", json(post().basic(USER.0, "wrong")), |answer| {
            refused("invalid credentials", answer);
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        }),
    ];
    for (name, user_id, password) in [
        ("an unknown e-mail", "nobody@example.com", USER.1),
        ("a wrong password", USER.0, "wrong"),
        ("no password", USER.0, ""),
        ("the password without its last blank", USER.0, USER.1.trim_end()),
        ("the password decomposed", USER.0, "correct: horse pa\u{308}sswo\u{308}rd "),
        ("an e-mail with another accent", "Áda.Lovelace@example.com", USER.1),
        ("an e-mail with a blank behind it", "Ada.Lovelace@example.com ", USER.1),
        ("a plain text in the database", UNUSABLE[0].0, UNUSABLE[0].1),
        ("a hash of an unknown kind", UNUSABLE[1].0, "secret"),
        ("a password of more than 1,024 bytes", USER.0, &"p".repeat(1025)),
        ("an SQL injection", "' OR '1'='1", "' OR '1'='1"),
        ("no e-mail", "", USER.1),
    ] {
        rows.push(Row::refused(name, post().basic(user_id, password), "invalid credentials"));
        // The throttle is not what these rows are about: a success clears the count.
        rows.push(Row::new("a success behind a failure", user(), gives_token));
    }
    for (name, value) in [
        ("another scheme", "Bearer a.b.c"),
        ("no credentials behind the scheme", "Basic"),
        ("bad Base64", "Basic !!!!"),
        ("Base64 without its padding", "Basic YTpiYg"),
        ("no colon", "Basic YWJj"),
        ("not UTF-8", "Basic /zph"),
        ("a control character in the user-id", "Basic YQBiOmM="),
    ] {
        rows.push(Row::refused(name, post().header("authorization", value), "missing basic"));
    }
    rows.push(Row::refused("no header", post(), "missing basic"));
    rows.push(Row::refused("the header twice", user().basic(USER.0, USER.1), "missing basic"));
    for path in ["/Login", "/login/x"] {
        rows.push(Row::refused("a path", ContractRequest::new("POST", path), "not found"));
    }
    for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let request = ContractRequest::new(method, "/login").basic(USER.0, USER.1);
        rows.push(Row::refused("another method", request, "not POST"));
    }
    // Its answer has no body over HTTP.
    rows.push(Row::new("another method", ContractRequest::new("HEAD", "/login"), |answer| {
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    }));
    rows
}

fn gives_token(answer: &Answer) {
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain")));
    is_user_token(answer, answer.text());
}

fn gives_json_token(answer: &Answer) {
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let mut body: Map<String, Value> = serde_json::from_str(answer.text()).expect("JSON");
    is_user_token(answer, body.remove("access_token").expect("a token").as_str().expect("a text"));
    assert_eq!(Value::from(body), json!({ "token_type": "Bearer", "expires_in": 86_400 }));
}

fn is_user_token(answer: &Answer, token: &str) {
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let claims = claims(token);
    assert_eq!(claims["username"], USER.0, "the stored spelling");
    assert_eq!(claims["admin"], false);
    assert!(claims["sub"].is_string() && claims["jti"].is_string());
    let lifetime = claims["exp"].as_u64().zip(claims["iat"].as_u64()).map(|(exp, iat)| exp - iat);
    assert_eq!(lifetime, Some(86_400));
}

/// The claims, after the signature was checked with the key of the tests.
#[must_use]
pub fn claims(token: &str) -> Value {
    let keys = Keys::read(&SECRET.into()).expect("the key is long enough");
    let claims = verify(&keys, &TokenConfig::default(), token, SystemTime::now());
    let claims = claims.expect("the token verifies");
    serde_json::from_str(&claims.payload).expect("JSON")
}

fn get() -> ContractRequest {
    ContractRequest::new("GET", "/validate")
}

/// Every row of `validate` that needs no fault.
pub(super) fn validate_rows() -> Vec<Row> {
    let mut rows = successes();
    let good = token("ada@example.com", false);
    let bearer = |token: &str| get().bearer(token);
    for (name, request) in [
        ("no header", get()),
        ("the header twice", bearer(&good).bearer(&good)),
        ("another scheme", get().basic("ada@example.com", "secret")),
        ("no scheme", get().header("authorization", good.as_bytes())),
        ("no token behind the scheme", get().header("authorization", "Bearer")),
    ] {
        rows.push(Row::refused(name, request, "missing bearer"));
    }
    let claims = |name: &str, value: Value| {
        let mut claims =
            json!({ "username": "ada@example.com", "admin": false, "exp": seconds(60) });
        claims[name] = value;
        token_with(&claims)
    };
    let (message, signature) = good.rsplit_once('.').expect("a signature");
    let forged = format!("{message}.{}", signature.chars().rev().collect::<String>());
    let none = format!("eyJhbGciOiJub25lIn0.{}.", good.split('.').nth(1).expect("a payload"));
    for (name, token) in [
        ("garbage", "garbage".to_owned()),
        ("a forged signature", forged),
        ("no signature", message.to_owned()),
        ("alg none", none),
        ("a blank in the token", format!("{message} .{signature}")),
        ("padding", format!("{good}=")),
        ("expired", claims("exp", seconds(-60).into())),
        ("exp a text", claims("exp", "9999999999".into())),
        ("not yet valid", claims("nbf", seconds(60).into())),
        ("issued in the future", claims("iat", seconds(60).into())),
        ("no admin", claims("admin", Value::Null)),
        ("an empty username", claims("username", "".into())),
        ("more than 8 KiB", "a".repeat(8 * 1024 + 1)),
    ] {
        rows.push(Row::refused(name, bearer(&token), "not authorized"));
    }
    rows.push(Row::new(
        "problem details",
        bearer("x").header("accept", "application/json"),
        |it| {
            refused("not authorized", it);
            assert_eq!(it.header("content-type"), Some("application/problem+json"));
        },
    ));
    // The tests' key is symmetric, so that there is nothing that everybody may know.
    let [keys, metadata] = ["/.well-known/jwks.json", "/.well-known/openid-configuration"];
    rows.push(Row::new("the public keys", ContractRequest::new("GET", keys), |answer| {
        assert_eq!((answer.status, answer.text()), (200, r#"{"keys":[]}"#));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=600"));
    }));
    for path in [metadata, "/login", "/validated"] {
        let request = ContractRequest::new("GET", path).bearer(&good);
        rows.push(Row::refused("another path", request, "not found"));
    }
    for path in [keys, metadata] {
        rows.push(Row::refused("read only", ContractRequest::new("POST", path), "not GET"));
    }
    rows
}

fn successes() -> Vec<Row> {
    let payload = json!({
        "username": "ada@example.com", "admin": false, "exp": seconds(60), "sub": "7", "jti": "x",
        "nested": { "list": [1, 2.5, null, "ä"] },
    });
    let passes = |name, request: ContractRequest, groups| {
        let (payload, is_head) = (payload.to_string(), request.method == "HEAD");
        Row::new(name, request, move |answer| {
            assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!(answer.header("x-auth-request-user"), Some("ada@example.com"));
            assert_eq!(answer.header("x-auth-request-groups"), Some(groups));
            // The whole payload; that of an administrator is another.
            let is_empty = is_head && answer.body.is_empty();
            assert!(is_empty || groups != "users" || answer.text() == payload, "{answer:?}");
        })
    };
    let good = token_with(&payload);
    let scheme = get().header("authorization", format!("bEARER {good}"));
    let admin = get().bearer(&token("ada@example.com", true));
    let claimed = get().bearer(&good).header("x-auth-request-user", "root");
    let claimed = claimed.header("x-auth-request-groups", "admins");
    let mut rows = vec![
        passes("the scheme is in any case", scheme, "users"),
        passes("an administrator is in two groups", admin, "users,admins"),
        passes("what a client says of itself is not believed", claimed, "users"),
    ];
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        for path in ["/", "/validate", "/validate/", "/validate/login/a%20b"] {
            let request = ContractRequest::new(method, path).bearer(&good);
            rows.push(passes("every method and path below", request, "users"));
        }
    }
    rows
}
