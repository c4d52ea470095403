//! The rows of `validate`.

use serde_json::{Value, json};

use super::{ContractRequest, Row, seconds, token, token_with};

const BEARER: &str = r#"Bearer realm="auth""#;
const INVALID: &str = r#"Bearer realm="auth", error="invalid_token""#;

fn get() -> ContractRequest {
    ContractRequest::new("GET", "/validate")
}

fn success(name: impl Into<String>, request: ContractRequest) -> Row {
    Row::new(name, request, 200, "")
        .header("content-type", "application/json")
        .header("cache-control", "no-store")
        .header("x-auth-request-user", "ada@example.com")
        .header("x-auth-request-groups", "users")
        .answers(|body| {
            let claims: Value = serde_json::from_str(body).expect("JSON");
            assert_eq!(
                (&claims["username"], &claims["admin"]),
                (&"ada@example.com".into(), &false.into())
            );
        })
}

fn missing(name: &str, request: ContractRequest) -> Row {
    let name = format!("missing credentials: {name}");
    Row::new(name, request, 401, "missing credentials").header("www-authenticate", BEARER)
}

fn refused(name: &str, token: &str) -> Row {
    let name = format!("not authorized: {name}");
    Row::new(name, get().bearer(token), 403, "not authorized").header("www-authenticate", INVALID)
}

/// Every row of `validate` that needs no fault.
#[must_use]
pub fn validate_rows() -> Vec<Row> {
    let mut rows = successes();
    rows.extend(refusals());
    rows.extend(published());
    rows
}

/// The tests' key is symmetric, so that there is nothing that everybody may know.
fn published() -> [Row; 3] {
    let get = |path| ContractRequest::new("GET", path);
    let post = ContractRequest::new("POST", "/.well-known/jwks.json");
    [
        Row::new("the public keys", get("/.well-known/jwks.json"), 200, r#"{"keys":[]}"#)
            .header("content-type", "application/json")
            .header("cache-control", "public, max-age=600"),
        Row::new("no issuer", get("/.well-known/openid-configuration"), 404, "not found"),
        Row::new("the public keys by POST", post, 405, "method not allowed")
            .header("allow", "GET, HEAD"),
    ]
}

fn successes() -> Vec<Row> {
    let good = token("ada@example.com", false);
    let mut rows = Vec::new();
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        for path in ["/", "/validate", "/validate/", "/validate/login/a%20b"] {
            let request = ContractRequest::new(method, path).bearer(&good);
            rows.push(success(format!("{method} {path} lets a good token pass"), request));
        }
    }
    let payload = json!({
        "username": "ada@example.com", "admin": false, "exp": seconds(60), "sub": "7", "jti": "x",
        "nested": { "list": [1, 2.5, null, "ä"] },
    });
    let whole = get().bearer(&token_with(&payload));
    rows.extend([
        success("the whole payload is answered", whole).answers(move |body| {
            assert_eq!(serde_json::from_str::<Value>(body).expect("JSON"), payload);
        }),
        success(
            "the scheme is in any case",
            get().header("authorization", format!("bEARER {good}")),
        ),
        success("an administrator is in two groups", get().bearer(&token("ada@example.com", true)))
            .header("x-auth-request-groups", "users,admins")
            .answers(|_| {}),
        success(
            "what a client says of itself is not believed",
            get()
                .bearer(&good)
                .header("x-auth-request-user", "root")
                .header("x-auth-request-groups", "admins"),
        ),
    ]);
    rows
}

fn refusals() -> Vec<Row> {
    let good = token("ada@example.com", false);
    let claims = |name: &str, value: Value| {
        let mut claims =
            json!({ "username": "ada@example.com", "admin": false, "exp": seconds(60) });
        claims[name] = value;
        token_with(&claims)
    };
    let (message, signature) = good.rsplit_once('.').expect("a signature");
    let forged = format!("{message}.{}", signature.chars().rev().collect::<String>());
    let none = format!("eyJhbGciOiJub25lIn0.{}.", good.split('.').nth(1).expect("a payload"));
    let json = get().bearer("x").header("accept", "application/json");
    vec![
        missing("no header", get()),
        missing("the header twice", get().bearer(&good).bearer(&good)),
        missing("another scheme", get().basic("ada@example.com", "secret")),
        missing("no scheme", get().header("authorization", good.as_bytes())),
        missing("no token behind the scheme", get().header("authorization", "Bearer")),
        refused("garbage", "garbage"),
        refused("a forged signature", &forged),
        refused("no signature", message),
        refused("alg none", &none),
        refused("a blank in the token", &format!("{message} .{signature}")),
        refused("padding", &format!("{good}=")),
        refused("expired", &claims("exp", seconds(-60).into())),
        refused("exp a text", &claims("exp", "9999999999".into())),
        refused("not yet valid", &claims("nbf", seconds(60).into())),
        refused("issued in the future", &claims("iat", seconds(60).into())),
        refused("no admin", &claims("admin", Value::Null)),
        refused("an empty username", &claims("username", "".into())),
        refused("more than 8 KiB", &"a".repeat(8 * 1024 + 1)),
        Row::new(
            "another path",
            ContractRequest::new("GET", "/login").bearer(&good),
            404,
            "not found",
        ),
        Row::new(
            "a path beside",
            ContractRequest::new("GET", "/validated").bearer(&good),
            404,
            "not found",
        ),
        Row::new("errors are problem details where JSON is asked for", json, 403, "")
            .header("content-type", "application/problem+json")
            .header("www-authenticate", INVALID)
            .answers(|body| {
                let problem: Value = serde_json::from_str(body).expect("JSON");
                assert_eq!(problem["detail"], "not authorized");
            }),
    ]
}
