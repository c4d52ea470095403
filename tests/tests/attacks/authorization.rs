//! A good token in a place or a form that is none, and headers that claim an identity.

use system_tests::contract::{ContractRequest, SECRET};

use crate::{
    table::{
        Expected::{MissingBearer, Passes},
        Family,
    },
    target::{HS256, Target, USERNAME, statuses, with_header},
};

fn get() -> ContractRequest {
    ContractRequest::new("GET", "/validate")
}

pub(crate) fn family() -> Family {
    let good = with_header(HS256);
    let mut family = Family::new(SECRET, good.as_str());
    places(&mut family, &good);
    values(&mut family, &good);
    claimed_identities(&mut family);
    family
}

fn places(family: &mut Family, good: &str) {
    let query = |name: &'static str| {
        let path = format!("/validate?{name}={good}").leak();
        (name, ContractRequest::new("GET", path))
    };
    let queries = ["access_token", "jwt"].map(query);
    family.requests("RFC 6750 2.3", MissingBearer, queries);
    family.requests("RFC 6750 3.1", MissingBearer, [("nowhere", get())]);
    let headers = [
        "cookie",
        "proxy-authorization",
        "x-forwarded-authorization",
        "x-amzn-oidc-data",
        "authorization-x",
        "authentication",
    ];
    let request = |name| (name, get().header(name, format!("Bearer {good}")));
    family.requests("RFC 6750 2", MissingBearer, headers.map(request));
}

/// Values of `Authorization`, with `@` for a good token.
fn values(family: &mut Family, good: &str) {
    let request = |value: &'static str| {
        let sent = value.replace('@', good).replace('+', &good.replace('.', "\u{ff0e}"));
        (format!("the value {value:?}"), get().header("authorization", sent))
    };
    let usable = ["bearer @", "BEARER @", "bEaReR @", "Bearer  @", "Bearer      @"];
    family.requests("control", Passes, usable.map(request));
    let schemes = [
        "@",
        "Basic @",
        "Digest @",
        "DPoP @",
        "Bearer@",
        "Bearer\t@",
        "Bearer: @",
        "BearerX @",
        "\"Bearer\" @",
        "Basic Bearer @",
        "Bearer\u{a0}@",
        "\u{ff22}earer @",
        "Bearer +",
    ];
    family.requests("RFC 9110 11.4", MissingBearer, schemes.map(request));
    let empty = ["Bearer", "Bearer ", "bearer     ", " ", "", "Bearer ,"];
    family.requests("RFC 6750 2.1", MissingBearer, empty.map(request));
    let joined = [
        "Bearer @, Bearer @",
        "Bearer @,@",
        "Bearer @,",
        "Bearer,@",
        "Bearer, @",
        ", Bearer @",
        "Basic YTpi, Bearer @",
    ];
    family.requests("RFC 9110 5.3", MissingBearer, joined.map(request));
    let bad = format!("{good}A");
    let several = [
        ("the token twice", get().bearer(good).bearer(good)),
        ("a good one, then a bad one", get().bearer(good).bearer(&bad)),
        ("a bad one, then a good one", get().bearer(&bad).bearer(good)),
        ("Basic, then the token", get().basic("a", "b").bearer(good)),
        ("the token, then Basic", get().bearer(good).basic("a", "b")),
        ("an empty header, then the token", get().header("authorization", "").bearer(good)),
    ];
    family.requests("RFC 6750 2", MissingBearer, several);
}

/// What only a gateway may say of a client.
fn claimed_identities(family: &mut Family) {
    let headers = [
        ("x-auth-request-user", "root"),
        ("x-auth-request-groups", "users,admins"),
        ("x_auth_request_user", "root"),
        ("x-forwarded-for", "127.0.0.1"),
        ("forwarded", "for=127.0.0.1;by=secret"),
        ("x-original-url", "/healthz"),
        ("x-http-method-override", "OPTIONS"),
        ("user-agent", "kube-probe/1.30"),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:::function:validate"),
        ("origin", "null"),
    ];
    let request = |(name, value): (&'static str, &'static str)| (name, get().header(name, value));
    let source = "CVE-2025-64484, GHSA-7r4p-vjf4-gxv4";
    family.requests(source, MissingBearer, headers.map(request));
}

/// What no client of ours sends: a token in the body or a trailer, and blanks around it.
#[test]
fn a_token_behind_the_head_is_none() {
    let target = Target::validate();
    let bearer = format!("Bearer {}", with_header(HS256));
    target.note(&bearer);
    for (name, source, rest, expected) in [
        ("a blank behind it", "RFC 9110 5.5", "Authorization: @ \t \r\n\r\n", 200),
        ("a name in capitals", "control", "AUTHORIZATION: @\r\n\r\n", 200),
        ("in the body", "RFC 6750 2.2", "Content-Length: 20\r\n\r\nAuthorization: @\r\n\r\n", 401),
        (
            "in a trailer",
            "RFC 9110 6.5.1",
            "Transfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n0\r\nAuthorization: @\r\n\r\n",
            401,
        ),
    ] {
        let rest = rest.replace('@', &bearer);
        let head = format!("POST /validate HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{rest}");
        let answer = target.exchange(head.as_bytes());
        assert_eq!(statuses(&answer), [expected], "{name} ({source}): {answer}");
        let named = answer.contains(&format!("x-auth-request-user: {USERNAME}"));
        assert_eq!(named, expected == 200, "{name} ({source}): {answer}");
    }
    target.end(&[SECRET]);
}
