//! A good token in a place or a form that is none, and headers that claim an identity.

use system_tests::contract::{ContractRequest, SECRET};

use crate::{
    table::{Expected::MissingBearer, Family},
    target::{HS256, Target, USERNAME, statuses, with_header},
};

fn get() -> ContractRequest {
    ContractRequest::new("GET", "/validate")
}

pub(crate) fn family() -> Family {
    let good = with_header(HS256);
    let mut family = Family::new(SECRET, good.as_str());
    let query = |name: &'static str| {
        let path = format!("/validate?{name}={good}").leak();
        (name, ContractRequest::new("GET", path))
    };
    family.requests("RFC 6750 2.3", MissingBearer, ["access_token", "jwt"].map(query));
    family.requests("RFC 6750 3.1", MissingBearer, [("nowhere", get())]);
    let wide = good.replace('.', "\u{ff0e}");
    family.rows("authorization", |values| {
        let values = values.split('\n').map(|it| it.replace('@', &good).replace('+', &wide));
        values.fold(get(), |request, value| request.header("authorization", value))
    });
    family.rows("header field", |field| {
        let (name, value) = field.split_once(": ").unwrap();
        get().header(name.to_owned().leak(), value.replace('@', &good))
    });
    family
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
