//! The rows of both functions.

use std::time::SystemTime;

use serde_json::{Map, Value, json};
use shared::{
    config::{Argon2Config, TokenConfig},
    keys::Keys,
    password::PasswordHasher,
    token::verify,
    users::{MySqlUsers, NewUser},
};

use super::{Row, SECRET, payload, refused, seconds, token, token_with};
use crate::http::{Answer, Request};

/// A user of the rows: the e-mail in its stored spelling, and the password.
pub const USER: (&str, &str) = ("Ada.Lovelace@example.com", "correct: horse pässwörd ");
/// An administrator of the rows.
pub const ADMIN: (&str, &str) = ("root@example.com", "another long passphrase");
/// Users whose stored password is no usable hash.
const UNUSABLE: [(&str, &str); 2] = [
    ("plain@example.com", "secret plain text"),
    ("md5@example.com", "$1$salt$qJH7.N4xYta3aEG/dfqo/0"),
];

/// The users that the rows speak of.
pub async fn users() -> Vec<NewUser> {
    let user =
        |email: &str, hash: &str, admin| NewUser { email: email.into(), hash: hash.into(), admin };
    let mut users =
        vec![user(USER.0, &hash(USER.1).await, false), user(ADMIN.0, &hash(ADMIN.1).await, true)];
    users.extend(UNUSABLE.map(|(email, stored)| user(email, stored, false)));
    users
}

/// Adds them to a database.
pub async fn add_users(store: &MySqlUsers) {
    store.add(&users().await).await.expect("the users are new");
}

/// A hash as a new password gets one.
pub async fn hash(password: &str) -> String {
    let hasher = PasswordHasher::new(Argon2Config::default(), 1);
    hasher.hash(password.into()).await.expect("a hash")
}

/// Every row of `login` that needs no fault, for these [`users`].
pub(super) fn login_rows() -> Vec<Row> {
    let post = || Request::new("POST", "/login");
    let user = || post().basic(USER.0, USER.1);
    let root = Request::new("POST", "/").basic(USER.0, USER.1);
    let scheme = String::from_utf8(user().headers[0].1.clone()).expect("ASCII");
    let scheme = post().header("authorization", scheme.replace("Basic", "bASIC"));
    let both = user().header("accept", "application/json, text/plain, */*");
    let json = |request: Request| request.header("accept", "application/json");
    let mut rows = vec![
        ("the right password gives a token", user(), "token"),
        ("the root of a function URL is /login", root, "token"),
        ("ASCII case", post().basic(&USER.0.to_lowercase(), USER.1), "token"),
        ("the scheme is in any case", scheme, "token"),
        ("who accepts both gets the token alone", both, "token"),
        ("an administrator", post().basic(ADMIN.0, ADMIN.1), "administrator's token"),
        ("JSON is answered to who asks for it", json(user()), "JSON token"),
        ("problem details", json(post().basic(USER.0, "wrong")), "invalid credentials as JSON"),
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
        rows.push((name, post().basic(user_id, password), "invalid credentials"));
        // The throttle is not what these rows are about: a success clears the count.
        rows.push(("a success behind a failure", user(), "token"));
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
        rows.push((name, post().header("authorization", value), "missing basic"));
    }
    rows.push(("no header", post(), "missing basic"));
    rows.push(("the header twice", user().basic(USER.0, USER.1), "missing basic"));
    for path in ["/Login", "/login/x"] {
        rows.push(("a path", Request::new("POST", path), "not found"));
    }
    for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let request = Request::new(method, "/login").basic(USER.0, USER.1);
        rows.push(("another method", request, "not POST"));
    }
    rows.push(("another method", Request::new("HEAD", "/login"), "not POST, no body"));
    rows
}

fn get() -> Request {
    Request::new("GET", "/validate")
}

/// Every row of `validate` that needs no fault.
pub(super) fn validate_rows() -> Vec<Row> {
    let payload = json!({
        "username": "ada@example.com", "admin": false, "exp": seconds(60), "sub": "7", "jti": "x",
        "nested": { "list": [1, 2.5, null, "ä"] },
    });
    let good = token_with(&payload);
    let bearer = |token: &str| get().bearer(token);
    let scheme = get().header("authorization", format!("bEARER {good}"));
    let admin = bearer(&token("ada@example.com", true));
    let claimed = bearer(&good).header("x-auth-request-user", "root");
    let claimed = claimed.header("x-auth-request-groups", "admins");
    let mut rows = vec![
        ("the scheme is in any case", scheme, "passes: users"),
        ("an administrator is in two groups", admin, "passes: users,admins"),
        ("what a client says of itself is not believed", claimed, "passes: users"),
    ];
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        for path in ["/", "/validate", "/validate/", "/validate/login/a%20b"] {
            let request = Request::new(method, path).bearer(&good);
            rows.push(("every method and path below", request, "passes: users"));
        }
    }
    for (name, request) in [
        ("no header", get()),
        ("the header twice", bearer(&good).bearer(&good)),
        ("another scheme", get().basic("ada@example.com", "secret")),
        ("no scheme", get().header("authorization", &good)),
        ("no token behind the scheme", get().header("authorization", "Bearer")),
    ] {
        rows.push((name, request, "missing bearer"));
    }
    let claims = |name: &str, value: Value| {
        let mut claims = payload.clone();
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
        rows.push((name, bearer(&token), "not authorized"));
    }
    let json = bearer("x").header("accept", "application/json");
    rows.push(("problem details", json, "not authorized as JSON"));
    // The tests' key is symmetric, so that there is nothing that everybody may know.
    let [keys, metadata] = ["/.well-known/jwks.json", "/.well-known/openid-configuration"];
    rows.push(("the public keys", Request::new("GET", keys), "no public keys"));
    for path in [metadata, "/login", "/validated"] {
        rows.push(("another path", Request::new("GET", path).bearer(&good), "not found"));
    }
    for path in [keys, metadata] {
        rows.push(("read only", Request::new("POST", path), "not GET"));
    }
    rows
}

/// Panics unless this is the answer that the row names.
pub(super) fn compare((_, request, expected): &Row, answer: &Answer) {
    let is = |status, header, value| {
        assert_eq!((answer.status, answer.header(header)), (status, Some(value)), "{answer:?}");
    };
    match *expected {
        "token" => {
            is(200, "content-type", "text/plain");
            is_user_token(answer, answer.text());
        }
        "JSON token" => {
            is(200, "content-type", "application/json");
            let mut body: Map<String, Value> = serde_json::from_str(answer.text()).expect("JSON");
            let token = body.remove("access_token").expect("a token");
            is_user_token(answer, token.as_str().expect("a text"));
            assert_eq!(Value::from(body), json!({ "token_type": "Bearer", "expires_in": 86_400 }));
        }
        "administrator's token" => assert_eq!(claims(answer.text())["admin"], true),
        // Its answer has no body over HTTP.
        "not POST, no body" => is(405, "allow", "POST"),
        "no public keys" => {
            is(200, "content-type", "application/json");
            is(200, "cache-control", "public, max-age=600");
            assert_eq!(answer.text(), r#"{"keys":[]}"#);
        }
        other => match (other.strip_prefix("passes: "), other.strip_suffix(" as JSON")) {
            (Some(groups), _) => {
                is(200, "cache-control", "no-store");
                is(200, "content-type", "application/json");
                is(200, "x-auth-request-user", "ada@example.com");
                is(200, "x-auth-request-groups", groups);
                // The whole payload.
                let token = String::from_utf8_lossy(&request.headers[0].1);
                let is_empty = request.method == "HEAD" && answer.body.is_empty();
                assert!(is_empty || Some(&answer.body) == payload(&token).as_ref(), "{answer:?}");
            }
            (_, Some(kind)) => {
                refused(kind, answer);
                is(answer.status, "content-type", "application/problem+json");
            }
            _ => refused(other, answer),
        },
    }
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
pub fn claims(token: &str) -> Value {
    let keys = Keys::read(&SECRET.into()).expect("the key is long enough");
    let claims = verify(&keys, &TokenConfig::default(), token, SystemTime::now());
    let claims = claims.expect("the token verifies");
    serde_json::from_str(&claims.payload).expect("JSON")
}
