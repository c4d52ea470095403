//! What must not arrive.

use crate::{setup::Setup, tokens};

/// The statuses, each once.
fn statuses(setup: &Setup<'_>, tokens: &[String]) -> String {
    let mut statuses: Vec<_> = tokens.iter().map(|it| setup.is_stopped(Some(it))).collect();
    statuses.sort_unstable();
    statuses.dedup();
    statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}

pub(crate) fn without_a_token(setup: &mut Setup<'_>) -> String {
    for headers in ["Authorization: \r\n", "Authorization: Basic YTpi\r\n", "Cookie: a=b\r\n"] {
        setup.exchange("GET /api?access_token=a", headers);
    }
    let in_the_query = format!("GET /api?access_token={}", tokens::good());
    assert_eq!(setup.exchange(&in_the_query, "").status, 401);
    setup.is_stopped(None).to_string()
}

pub(crate) fn with_a_forged_token(setup: &mut Setup<'_>) -> String {
    statuses(setup, &tokens::forged())
}

pub(crate) fn with_an_expired_token(setup: &mut Setup<'_>) -> String {
    statuses(setup, &tokens::expired())
}

pub(crate) fn with_a_garbage_token(setup: &mut Setup<'_>) -> String {
    statuses(setup, &tokens::garbage())
}

/// Which of the two would it be?
pub(crate) fn with_two_tokens(setup: &mut Setup<'_>) -> String {
    let good = tokens::good();
    let forged = &tokens::forged()[0];
    for (first, second) in [(&good, forged), (forged, &good)] {
        let headers = format!("Authorization: Bearer {second}\r\n");
        let answer =
            setup.exchange("GET /api", &format!("Authorization: Bearer {first}\r\n{headers}"));
        assert!(setup.upstream.take().is_empty(), "passed: {answer:?}");
        assert!(answer.status >= 400, "{answer:?}");
    }
    "stopped".into()
}

/// Paths that look like those of the functions, and answer without a token there.
pub(crate) fn on_paths_that_need_none(setup: &mut Setup<'_>) -> String {
    for path in [
        "/healthz",
        "/readyz",
        "/validate",
        "/_validate",
        "/.well-known/jwks.json",
        "/login/",
        "/login/x",
        "/login/../api",
        "/login/..%2fapi",
        "/login;/api",
        "/login%00",
        "//login",
        "/LOGIN",
        "/%6cogin",
        "/x/../../healthz",
        "/..%2fhealthz",
        "/../healthz",
        "/login?/../api",
        "http://h/healthz",
    ] {
        for method in ["GET", "POST", "OPTIONS"] {
            let answer = setup.exchange(&format!("{method} {path}"), "Content-Length: 0\r\n");
            let arrived = setup.upstream.take();
            assert!(arrived.is_empty(), "{method} {path} passed: {arrived:?}");
            assert!(answer.status >= 400, "{method} {path}: {answer:?}");
        }
    }
    "stopped".into()
}
