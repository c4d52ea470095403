//! The users and the rows of the contract.

use std::{collections::BTreeMap, time::SystemTime};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use shared::{
    config::{Argon2Config, TokenConfig},
    keys::Keys,
    password::PasswordHasher,
    token::verify,
    users::{MySqlUsers, NewUser},
};

use super::{SECRET, payload, refused, seconds, token_with};
use crate::http::{Answer, Request, basic};

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

/// A row of `rows.yaml`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Row {
    pub(super) function: String,
    pub(super) name: String,
    answer: String,
    methods: Vec<String>,
    paths: Vec<String>,
    basic: Vec<(String, String)>,
    authorization: Vec<String>,
    claims: Map<String, Value>,
    headers: BTreeMap<String, String>,
}

/// Every row that needs no fault, for the users of [`users`].
pub(super) fn read() -> Vec<Row> {
    serde_saphyr::from_str(include_str!("rows.yaml")).expect("rows")
}

impl Row {
    /// What is sent, with each method and each path.
    pub(super) fn requests(&self) -> Vec<Request> {
        let mut honest = json!({
            "username": "ada@example.com", "admin": false, "exp": seconds(60), "sub": "7",
            "jti": "x", "nested": { "list": [1, 2.5, null, "ä"] },
        });
        let good = token_with(&honest);
        let [_, payload, signature] = good.splitn(3, '.').collect::<Vec<_>>()[..] else {
            unreachable!("three parts");
        };
        let fill = |text: &str| {
            text.replace("{good}", &good)
                .replace("{message}", &good[..good.len() - signature.len() - 1])
                .replace("{payload}", payload)
                .replace("{signature}", signature)
                .replace("{1025}", &"p".repeat(1025))
                .replace("{8193}", &"a".repeat(8193))
        };
        let basic = self.basic.iter().map(|(email, password)| basic(email, &fill(password)));
        let mut values: Vec<_> =
            basic.chain(self.authorization.iter().map(|it| fill(it))).collect();
        if !self.claims.is_empty() {
            for (name, value) in &self.claims {
                honest[name] =
                    value.as_i64().map_or(value.clone(), |offset| seconds(offset).into());
            }
            values.push(format!("Bearer {}", token_with(&honest)));
        }
        let own_path = [format!("/{}", self.function)];
        let own_method = [if self.function == "login" { "POST" } else { "GET" }.to_owned()];
        let paths = if self.paths.is_empty() { &own_path[..] } else { &self.paths };
        let methods = if self.methods.is_empty() { &own_method[..] } else { &self.methods };
        let ways = methods.iter().flat_map(|method| paths.iter().map(move |path| (method, path)));
        let requests = ways.map(|(method, path)| {
            let request = Request::new(method, path);
            let request =
                values.iter().fold(request, |it, value| it.header("authorization", value));
            self.headers.iter().fold(request, |it, (name, value)| it.header(name, value))
        });
        requests.collect()
    }

    /// Whether it counts as a failure of its user, so that a success has to clear the count: the
    /// throttle is not what the rows are about.
    pub(super) fn is_failure(&self) -> bool {
        self.answer.starts_with("invalid credentials")
    }

    /// Panics unless this is the answer to the request.
    pub(super) fn compare(&self, request: &Request, answer: &Answer) {
        let is = |status, header, value| {
            assert_eq!((answer.status, answer.header(header)), (status, Some(value)), "{answer:?}");
        };
        match &*self.answer {
            "token" => {
                is(200, "content-type", "text/plain");
                is_user_token(answer, answer.text());
            }
            "JSON token" => {
                is(200, "content-type", "application/json");
                let mut body: Map<String, Value> =
                    serde_json::from_str(answer.text()).expect("JSON");
                let token = body.remove("access_token").expect("a token");
                is_user_token(answer, token.as_str().expect("a text"));
                assert_eq!(
                    Value::from(body),
                    json!({ "token_type": "Bearer", "expires_in": 86_400 })
                );
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
                    assert!(
                        is_empty || Some(&answer.body) == payload(&token).as_ref(),
                        "{answer:?}"
                    );
                }
                (_, Some(kind)) => {
                    refused(kind, answer);
                    is(answer.status, "content-type", "application/problem+json");
                }
                _ => refused(other, answer),
            },
        }
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
