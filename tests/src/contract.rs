//! The HTTP contract as a table of requests and answers. The rows do not depend on the transport.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use shared::{config::VerifyConfig, keys::Keys, token::verify, users::NewUser};

use crate::{
    Answer, DatabaseServer, Environment, Request, basic, environment, forge, stores, workspace,
};

/// `JWT_SECRET` of the functions under test.
pub const SECRET: &str = "the key of the system tests, 32 bytes and more";
/// A user of the rows: the e-mail in its stored spelling, and the password.
pub const USER: (&str, &str) = ("Ada.Lovelace@example.com", "correct: horse pässwörd ");
/// An administrator of the rows.
pub const ADMIN: (&str, &str) = ("root@example.com", "another long passphrase");
/// Users whose stored password is not a usable hash.
const UNUSABLE: [(&str, &str); 3] = [
    ("plain@example.com", "secret plain text"),
    ("md5@example.com", "$1$salt$qJH7.N4xYta3aEG/dfqo/0"),
    ("disabled@example.com", "!$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"),
];

const BASIC: &str = r#"Basic realm="auth", charset="UTF-8""#;
const BASIC_FOR_SCRIPTS: &str = r#"xBasic realm="auth", charset="UTF-8""#;
const INVALID: &str = r#"Bearer realm="auth", error="invalid_token""#;

/// Adds [`SECRET`] as the key, unless the variables have another key.
pub fn with_key(mut variables: Environment) -> Environment {
    if !variables.keys().any(|name| name.starts_with("JWT_SECRET")) {
        variables.insert("JWT_SECRET".into(), SECRET.into());
    }
    variables
}

/// Writes [`SECRET`] to a file in this folder: a secret that is refreshed.
pub fn key_in_file(folder: &Path) -> Environment {
    let path = folder.join("key");
    fs::write(&path, SECRET).expect("scratch can be written");
    environment(&[("JWT_SECRET_FILE", path.to_str().expect("UTF-8"))])
}

/// Now plus `offset`, in seconds since the epoch.
pub fn seconds(offset: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    i64::try_from(now.as_secs()).expect("it is before the year 292277026596") + offset
}

/// A token for `username` with the claims of the former Flask service.
pub fn token(username: &str, admin: bool) -> String {
    token_with(&json!({
        "username": username, "admin": admin, "iat": seconds(0), "exp": seconds(3600),
    }))
}

/// A properly signed token with these claims.
pub fn token_with(claims: &Value) -> String {
    forge::hs256(SECRET, r#"{"alg":"HS256","typ":"JWT"}"#, claims.to_string())
}

/// Verifies a token with the key of the tests and returns its claims.
pub fn claims(token: &str) -> Value {
    let keys = Keys::read(&SECRET.into()).expect("the key is long enough");
    let claims = verify(&keys, &VerifyConfig::default(), token, SystemTime::now());
    let claims = claims.expect("the token verifies");
    serde_json::from_slice(&claims.payload).expect("JSON")
}

/// The bytes of a token's payload, if it has one.
pub fn payload(token: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()
}

/// Whether the request has two `Authorization` headers: not every proxy passes both on.
pub fn repeats_authorization(request: &Request) -> bool {
    request.headers.iter().filter(|(name, _)| name == "authorization").count() > 1
}

/// The users of the rows.
pub async fn users() -> Vec<NewUser> {
    let mut users = stores::new_users(&[USER, ADMIN]).await;
    users[1].admin = true;
    for (email, hash) in UNUSABLE {
        users.push(NewUser { email: email.into(), hash: hash.into(), admin: false });
    }
    users
}

/// Adds the [`users`] to a database.
pub async fn add_users(server: &DatabaseServer) {
    let store = stores::open(&server.root_variables(), 1).await;
    store.add(&users().await).await.expect("the users are new");
}

/// Panics unless this is the contract's refusal of this kind.
pub fn assert_refused(kind: &str, answer: &Answer) {
    const CHALLENGE: &str = "www-authenticate";
    let (status, text, header, value) = match kind {
        "missing basic" => (401, "missing credentials", CHALLENGE, BASIC),
        "invalid credentials" => (401, "invalid credentials", CHALLENGE, BASIC),
        "missing basic in a script" => (401, "missing credentials", CHALLENGE, BASIC_FOR_SCRIPTS),
        "invalid credentials in a script" => {
            (401, "invalid credentials", CHALLENGE, BASIC_FOR_SCRIPTS)
        }
        "missing bearer" => (401, "missing credentials", CHALLENGE, r#"Bearer realm="auth""#),
        "not authorized" => (403, "not authorized", CHALLENGE, INVALID),
        "not found" => (404, "not found", "content-type", "text/plain"),
        "not POST" => (405, "method not allowed", "allow", "POST"),
        "not GET" => (405, "method not allowed", "allow", "GET, HEAD"),
        other => panic!("unknown answer: {other}"),
    };
    assert_eq!((answer.status, answer.header(header)), (status, Some(value)), "{answer:?}");
    assert!(answer.header("x-auth-request-user").is_none(), "{answer:?}");
    match answer.header("content-type") {
        Some("application/problem+json") => {
            let problem: Value = serde_json::from_str(answer.text()).expect("JSON");
            assert_eq!((&problem["status"], &problem["detail"]), (&status.into(), &text.into()));
        }
        given => assert_eq!((given, answer.text()), (Some("text/plain"), text)),
    }
}

/// A row of `rows.yaml`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Row {
    function: String,
    name: String,
    answer: String,
    methods: Vec<String>,
    paths: Vec<String>,
    basic: Vec<(String, String)>,
    authorization: Vec<String>,
    claims: Map<String, Value>,
    headers: BTreeMap<String, String>,
}

impl Row {
    /// The row's request, once for each method and path.
    fn requests(&self) -> Vec<Request> {
        let mut honest = json!({
            "username": "ada@example.com", "admin": false, "exp": seconds(60), "sub": "7",
            "jti": "x", "nested": { "list": [1, 2.5, null, "ä"] },
        });
        let good = token_with(&honest);
        let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else {
            unreachable!("three parts");
        };
        let fill = |text: &str| {
            text.replace("{good}", &good)
                .replace("{message}", &format!("{header}.{payload}"))
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
        let own = if self.function == "login" { ["POST", "/login"] } else { ["GET", "/validate"] };
        let [method, path] = own.map(|own| vec![own.to_owned()]);
        let methods = if self.methods.is_empty() { &method } else { &self.methods };
        let paths = if self.paths.is_empty() { &path } else { &self.paths };
        let ways = methods.iter().flat_map(|method| paths.iter().map(move |path| (method, path)));
        let requests = ways.map(|(method, path)| {
            let request = Request::new(method, path);
            let request =
                values.iter().fold(request, |it, value| it.header("authorization", value));
            self.headers.iter().fold(request, |it, (name, value)| it.header(name, value))
        });
        requests.collect()
    }

    /// Panics unless this is the answer that the row expects.
    fn assert_answer(&self, request: &Request, answer: &Answer) {
        let has = |status: u16, headers: &[(&str, &str)]| {
            assert_eq!(answer.status, status, "{answer:?}");
            for (name, value) in headers {
                assert_eq!(answer.header(name), Some(*value), "{name}: {answer:?}");
            }
        };
        match &*self.answer {
            "token" => {
                has(200, &[("content-type", "text/plain")]);
                assert_user_token(answer, answer.text());
            }
            "JSON token" => {
                has(200, &[("content-type", "application/json")]);
                let body: Value = serde_json::from_str(answer.text()).expect("JSON");
                let token = body["access_token"].as_str().expect("a token");
                assert_user_token(answer, token);
                let expected = json!({
                    "access_token": token, "token_type": "Bearer", "expires_in": 86_400,
                });
                assert_eq!(body, expected);
            }
            "administrator's token" => assert_eq!(claims(answer.text())["admin"], true),
            // For HEAD, whose answer has no body over HTTP.
            "not POST, no body" => has(405, &[("allow", "POST")]),
            "no public keys" => {
                let cached = ("cache-control", "public, max-age=600");
                has(200, &[("content-type", "application/json"), cached]);
                assert_eq!(answer.text(), r#"{"keys":[]}"#);
            }
            other => match (other.strip_prefix("passes: "), other.strip_suffix(" as JSON")) {
                (Some(groups), _) => {
                    let headers = [
                        ("cache-control", "no-store"),
                        ("content-type", "application/json"),
                        ("x-auth-request-user", "ada@example.com"),
                        ("x-auth-request-groups", groups),
                    ];
                    has(200, &headers);
                    // The whole payload.
                    let token = String::from_utf8_lossy(&request.headers[0].1);
                    let is_empty = request.method == "HEAD" && answer.body.is_empty();
                    let is_whole = Some(&answer.body) == payload(&token).as_ref();
                    assert!(is_empty || is_whole, "{answer:?}");
                }
                (_, Some(kind)) => {
                    assert_refused(kind, answer);
                    has(answer.status, &[("content-type", "application/problem+json")]);
                }
                _ => assert_refused(other, answer),
            },
        }
    }
}

fn assert_user_token(answer: &Answer, token: &str) {
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let header = forge::encode(r#"{"typ":"JWT","alg":"HS256"}"#);
    assert_eq!(token.split_once('.').map(|(header, _)| header), Some(&*header));
    let claims = claims(token);
    let [iat, sub, jti] = ["iat", "sub", "jti"].map(|name| &claims[name]);
    let iat = iat.as_i64().expect("a number");
    assert!((seconds(-5)..=seconds(0)).contains(&iat) && sub.is_string(), "{claims}");
    assert_eq!(jti.as_str().map(str::len), Some(36));
    // With the stored spelling of the e-mail.
    let expected = json!({
        "username": USER.0, "admin": false, "iat": iat, "exp": iat + 86_400, "sub": sub, "jti": jti,
    });
    assert_eq!(claims, expected);
}

/// Sends each request for which `is_sent` holds to its function, `login` or `validate`, and checks
/// the answer; last, checks that `validate` accepts tokens of `login`.
pub fn check(send: impl Fn(&str, &Request) -> Answer, is_sent: impl Fn(&str, &Request) -> bool) {
    let document =
        fs::read_to_string(workspace().join("docs/openapi.json")).expect("it is checked in");
    let document = serde_json::from_str(&document).expect("JSON");
    let login =
        |(email, password)| send("login", &Request::new("POST", "/login").basic(email, password));
    let mut passed = BTreeSet::new();
    let rows: Vec<Row> = serde_saphyr::from_str(include_str!("contract/rows.yaml")).expect("rows");
    for row in rows {
        let function = &*row.function;
        for request in row.requests().iter().filter(|request| is_sent(function, request)) {
            println!("{function}, {}: {request:?}", row.name);
            let answer = send(function, request);
            row.assert_answer(request, &answer);
            let (path, status) = (&*request.url, answer.status);
            assert!(is_described(&document, function, path, status), "openapi.json: {status}");
            passed.insert(function.to_owned());
        }
        // A success clears the count of failures, so that the throttle never locks the user.
        if row.answer.starts_with("invalid credentials") {
            assert_eq!(login(USER).status, 200, "after {}", row.name);
        }
    }
    assert_eq!(passed.len(), 2, "rows of {passed:?} alone");
    assert_ne!(login(USER).text(), login(USER).text(), "each token has its own `jti`");
    for ((email, password), groups) in [(USER, "users"), (ADMIN, "users,admins")] {
        let token = login((email, password));
        let request = Request::new("GET", "/validate").bearer(token.text());
        let validated = send("validate", &request);
        assert_eq!(validated.status, 200);
        assert_eq!(validated.header("x-auth-request-user"), Some(email));
        assert_eq!(validated.header("x-auth-request-groups"), Some(groups));
    }
}

/// Whether openapi.json has this status for a path of the function; other paths have to be 404.
fn is_described(document: &Value, function: &str, path: &str, status: u16) -> bool {
    let is_any = path == "/" || path.starts_with("/validate/");
    let path = if is_any { format!("/{function}") } else { path.to_owned() };
    let methods = document["paths"][path].as_object().into_iter().flat_map(|it| it.values());
    let mut own = methods.filter(|it| (it["tags"][0] == "login") == (function == "login"));
    own.next().map_or(status == 404, |it| it["responses"].get(status.to_string()).is_some())
}
