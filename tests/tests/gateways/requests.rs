//! What clients send: tokens of the key with which `login` signs here, and what must not arrive.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use system_tests::{
    contract::USER,
    forge::{generate, hs256, message, pem, public_jwk, token},
};

/// As in the files of the examples.
pub(crate) const ISSUER: &str = "https://auth.example.com";
/// As in the files of the examples.
pub(crate) const AUDIENCE: &str = "https://api.example.com";
/// The key of both functions, in a PEM text of the workspace's tests.
pub(crate) const KEY: &str = "p256";
/// What the upstream believes.
pub(crate) const NAMES: [&str; 2] = ["X-Auth-Request-User", "X-Auth-Request-Groups"];

/// The request line without the version, and header lines.
pub(crate) type Request = (String, String);

/// The header line of a token.
pub(crate) fn bearer(token: impl AsRef<str>) -> String {
    format!("Authorization: Bearer {}\r\n", token.as_ref())
}

fn header() -> String {
    let kid = &public_jwk(&pem(KEY))["kid"];
    json!({ "typ": "JWT", "alg": "ES256", "kid": kid }).to_string()
}

/// Claims of a token that expires in so many seconds.
fn claims(admin: bool, lifetime: i64) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let now = i64::try_from(now.as_secs()).expect("it is before the year 292277026596");
    json!({
        "username": USER.0, "admin": admin, "iat": now - 3600, "exp": now + lifetime, "sub": "1",
        "iss": ISSUER, "aud": AUDIENCE,
    })
}

fn signed(claims: &Value) -> String {
    token(&pem(KEY), &header(), claims.to_string())
}

/// A token that every gateway lets through.
pub(crate) fn good() -> String {
    good_for(false)
}

/// The same, of an administrator or not.
pub(crate) fn good_for(admin: bool) -> String {
    signed(&claims(admin, 600))
}

/// What must not arrive, by the name of its row.
pub(crate) fn hostile(row: &str) -> Vec<Request> {
    let with = |tokens: &[String]| {
        tokens.iter().map(|token| ("GET /api".to_owned(), bearer(token))).collect()
    };
    let good = good();
    match row {
        "no token" => {
            let in_the_query = format!("GET /api?access_token={good}");
            ["", "Authorization: \r\n", "Authorization: Basic YTpi\r\n", "Cookie: a=b\r\n"]
                .map(|lines| (in_the_query.clone(), lines.into()))
                .into()
        }
        "a forged token" => with(&forged()),
        // Of the right key, but of yesterday.
        "an expired token" => with(&[-10, -86400].map(|lifetime| signed(&claims(true, lifetime)))),
        "a garbage token" => {
            let long = ["a", "b", "c"].map(|letter| letter.repeat(2000)).join(".");
            with(&[".", "..", "a.b.c", "garbage", "null", &long].map(str::to_owned))
        }
        // Which of the two would it be?
        "two tokens" => {
            let [good, forged] = [&good, &forged()[0]].map(bearer);
            [format!("{good}{forged}"), format!("{forged}{good}")]
                .map(|lines| ("GET /api".into(), lines))
                .into()
        }
        // Paths that look like those of the functions, and answer without a token there.
        "a path around it" => {
            let paths = "/healthz /readyz /validate /_validate /.well-known/jwks.json /login/ \
                         /login/x /login/../api /login/..%2fapi /login;/api /login%00 //login \
                         /LOGIN /%6cogin /x/../../healthz /..%2fhealthz /../healthz \
                         /login?/../api http://h/healthz";
            let methods = ["GET", "POST", "OPTIONS"];
            let lines = paths.split(' ').flat_map(|path| methods.map(|it| format!("{it} {path}")));
            lines.map(|line| (line, "Content-Length: 0\r\n".to_owned())).collect()
        }
        other => panic!("no requests for {other}"),
    }
}

/// Of a key that no function trusts, of none at all, of the public key taken for a secret, changed after
/// it was signed, or of the right key for another issuer or audience.
fn forged() -> [String; 7] {
    let wanted = claims(true, 600).to_string();
    let but = |claim: &str, value: Value| {
        let mut claims = claims(true, 600);
        claims[claim] = value;
        signed(&claims)
    };
    let good = good();
    let signature = good.rsplit('.').next().expect("a signature");
    [
        token(&generate(), &header(), &wanted),
        format!("{}.", message(r#"{"alg":"none"}"#, &wanted)),
        hs256(pem(&format!("{KEY}-public")), r#"{"alg":"HS256"}"#, &wanted),
        format!("{}.{signature}", message(header(), &wanted)),
        but("iss", json!("https://other.example.com")),
        but("aud", json!("https://other.example.com")),
        but("exp", Value::Null),
    ]
}
