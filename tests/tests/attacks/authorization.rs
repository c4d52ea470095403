//! A good token in a place or a form that is none, and headers that claim to be somebody.

use system_tests::contract::{ContractRequest, SECRET};

use crate::{
    raw::{exchange, statuses},
    row::{Attack, Expected, attack, bearer, try_all},
    target::{HS256, Target, USERNAME, honest, with_header, with_payload},
};

fn get() -> ContractRequest {
    ContractRequest::new("GET", "/validate")
}

fn missing(name: impl Into<String>, source: &'static str, request: ContractRequest) -> Attack {
    attack(name, source, request, Expected::MissingBearer)
}

#[test]
fn one_header_of_one_scheme_carries_the_token() {
    let target = Target::validate(SECRET);
    let good = with_header(HS256);
    let mut rows = places(&good);
    rows.extend(schemes(&good));
    rows.extend(several(&good));
    rows.extend(claimed_identities());
    try_all(&target, "validate", &bearer(&good), &rows);
    bytes(&target, &good);
    target.end(&[SECRET]);
}

fn places(good: &str) -> Vec<Attack> {
    const PLACE: &str = "RFC 6750 2";
    let path =
        |query: &str| ContractRequest::new("GET", format!("/validate?{query}={good}").leak());
    let with = |name, value: String| missing(name, PLACE, get().header(name, value));
    let mut rows = vec![
        missing("nowhere", "RFC 6750 3.1", get()),
        missing("in the query as access_token", "RFC 6750 2.3", path("access_token")),
        missing("in the query as jwt", PLACE, path("jwt")),
        with("cookie", format!("access_token={good}; Authorization=Bearer {good}")),
    ];
    for name in [
        "proxy-authorization",
        "x-authorization",
        "x-forwarded-authorization",
        "x-access-token",
        "x-amzn-oidc-data",
        "authorization-x",
        "x-original-authorization",
        "www-authenticate",
        "authentication",
    ] {
        rows.push(with(name, format!("Bearer {good}")));
    }
    rows
}

fn schemes(good: &str) -> Vec<Attack> {
    const SCHEME: &str = "RFC 9110 11.4";
    let mut rows = Vec::new();
    for prefix in ["bearer ", "BEARER ", "bEaReR ", "Bearer  ", "Bearer      "] {
        let request = get().header("authorization", format!("{prefix}{good}"));
        rows.push(attack(
            format!("{prefix:?} and the token"),
            "control",
            request,
            Expected::Passes,
        ));
    }
    for prefix in [
        "",
        "Basic ",
        "Digest ",
        "Token ",
        "JWT ",
        "DPoP ",
        "Negotiate ",
        "OAuth ",
        "Bearer",
        "Bearer\t",
        "Bearer=",
        "Bearer: ",
        "Bearer:",
        "Bear er ",
        "BearerX ",
        "XBearer ",
        "\"Bearer\" ",
        "Bearer,",
        "Bearer, ",
        "Basic Bearer ",
    ] {
        let request = get().header("authorization", format!("{prefix}{good}"));
        rows.push(missing(format!("{prefix:?} and the token"), SCHEME, request));
    }
    for value in ["Bearer", "Bearer ", "bearer     ", " ", "", "Bearer ,"] {
        let request = get().header("authorization", value);
        rows.push(missing(format!("the value {value:?}"), "RFC 6750 2.1", request));
    }
    rows
}

fn several(good: &str) -> Vec<Attack> {
    const ONE: &str = "RFC 6750 2, RFC 9110 5.3";
    let bad = with_payload(honest().replace("false", "true")).replace("..", ".") + "A";
    let rows = [
        ("the token twice", get().bearer(good).bearer(good)),
        ("a good one, then a bad one", get().bearer(good).bearer(&bad)),
        ("a bad one, then a good one", get().bearer(&bad).bearer(good)),
        ("Basic, then the token", get().basic("a", "b").bearer(good)),
        ("the token, then Basic", get().bearer(good).basic("a", "b")),
        ("an empty header, then the token", get().header("authorization", "").bearer(good)),
        ("two joined by a comma", get().bearer(&format!("{good}, Bearer {good}"))),
        ("two joined by a comma alone", get().bearer(&format!("{good},{good}"))),
        ("a comma behind it", get().bearer(&format!("{good},"))),
        ("a comma before it", get().header("authorization", format!(", Bearer {good}"))),
        (
            "Basic and the token, joined",
            get().header("authorization", format!("Basic YTpi, Bearer {good}")),
        ),
    ];
    rows.map(|(name, request)| missing(name, ONE, request)).into()
}

/// What only a gateway may say of a client.
fn claimed_identities() -> Vec<Attack> {
    const SOURCE: &str = "CVE-2025-64484, GHSA-7r4p-vjf4-gxv4";
    let mut rows = Vec::new();
    for (name, value) in [
        ("x-auth-request-user", "root"),
        ("x-auth-request-groups", "users,admins"),
        ("x_auth_request_user", "root"),
        ("x-forwarded-user", "root"),
        ("remote-user", "root"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-real-ip", "127.0.0.1"),
        ("forwarded", "for=127.0.0.1;by=secret"),
        ("x-original-url", "/healthz"),
        ("x-rewrite-url", "/healthz"),
        ("x-forwarded-uri", "/healthz"),
        ("x-forwarded-method", "OPTIONS"),
        ("x-http-method-override", "OPTIONS"),
        ("user-agent", "kube-probe/1.30"),
        ("x-amzn-trace-id", "Root=1"),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:::function:validate"),
        ("origin", "null"),
    ] {
        rows.push(missing(format!("{name}: {value}"), SOURCE, get().header(name, value)));
    }
    rows
}

/// What no client of ours sends: bytes outside ASCII, and a token in the body.
fn bytes(target: &Target, good: &str) {
    target.note(&format!("Bearer {good}"));
    let form = format!("access_token={good}");
    let body = format!(
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let line = |value: &str| format!("Authorization: {value}\r\n\r\n");
    let dots = good.replace('.', "\u{ff0e}");
    for (name, source, rest, expected) in [
        ("the control", "control", line(&format!("Bearer {good}")), 200),
        ("a blank behind it", "RFC 9110 5.5", line(&format!("Bearer {good} \t ")), 200),
        ("in the body", "RFC 6750 2.2", body, 401),
        (
            "in a trailer",
            "RFC 9110 6.5.1",
            format!(
                "Transfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n0\r\n{}",
                line(&format!("Bearer {good}"))
            ),
            401,
        ),
        ("letters outside ASCII", "RFC 6750 2.1", line(&format!("Bearer {dots}")), 401),
        ("a no-break space", "RFC 9110 11.4", line(&format!("Bearer\u{a0}{good}")), 401),
        ("a scheme in wide letters", "RFC 9110 11.4", line(&format!("\u{ff22}earer {good}")), 401),
        (
            "a header name in capitals",
            "control",
            line(&format!("Bearer {good}")).to_uppercase().replace(&good.to_uppercase(), good),
            200,
        ),
    ] {
        let head = format!("POST /validate HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{rest}");
        let answer = exchange(target.service(), head.as_bytes());
        assert_eq!(statuses(&answer), [expected], "{name} ({source}): {answer}");
        let named = answer.contains(&format!("x-auth-request-user: {USERNAME}"));
        assert_eq!(named, expected == 200, "{name} ({source}): {answer}");
    }
}
