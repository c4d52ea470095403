//! What must arrive, and how.

use crate::{
    setup::{PASSWORD, Setup},
    tokens::{self, USER},
};

const METHODS: [(&str, bool); 8] = [
    ("GET", false),
    ("HEAD", false),
    ("POST", true),
    ("PUT", true),
    ("PATCH", true),
    ("DELETE", false),
    ("DELETE", true),
    ("OPTIONS", false),
];

pub(crate) fn every_method_with_its_body(setup: &Setup<'_>) {
    // Every byte there is, and more than fits into one packet or buffer.
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(100_000).collect();
    for (method, has_body) in METHODS {
        let body = if has_body { bytes.clone() } else { Vec::new() };
        let request = setup.gateway.request(method, "/api/items?page=2").bearer(&tokens::good());
        let answer = request.body(body.clone()).send();
        let arrived = setup.the_one();
        assert_eq!((answer.status, answer.header("x-upstream")), (200, Some("yes")), "{method}");
        assert_eq!((&*arrived.method, &*arrived.target), (method, "/api/items?page=2"));
        assert!(arrived.body == body, "{method}: another body arrived");
        assert!(method == "HEAD" || answer.body == body, "{method}: another body came back");
    }
}

pub(crate) fn paths_and_queries(setup: &Setup<'_>) {
    for target in [
        "/",
        "/?",
        "/a/b/",
        "/caf%C3%A9/a%20b",
        "/a%2Fb/c%252Fd",
        "/a;b=c/@:!$&'()*+,=~",
        "/api?q=a%26b%3D+c&empty=&q=again&url=https://example.com/?x=%23",
    ] {
        let authorization = format!("Authorization: Bearer {}\r\n", tokens::good());
        let answer = setup.exchange(&format!("GET {target}"), &authorization);
        assert_eq!(answer.status, 200, "{target}: {answer:?}");
        assert_eq!(setup.the_one().target, target);
    }
}

pub(crate) fn a_login(setup: &Setup<'_>) {
    // Each gateway has a user of its own for this, so that none is locked.
    let nobody = format!("{}@example.com", setup.example.name);
    let wrong = setup.gateway.request("POST", "/login").basic(&nobody, "wrong").send();
    assert_eq!((wrong.status, wrong.text()), (401, "invalid credentials"));
    assert!(wrong.header("www-authenticate").is_some_and(|value| value.starts_with("Basic ")));

    let login = setup.gateway.request("POST", "/login").basic(USER, PASSWORD).send();
    assert_eq!(login.status, 200, "{}", login.text());
    assert!(setup.upstream.take().is_empty(), "the upstream has seen a password");
    let arrived = setup.passes(login.text(), "");
    assert_eq!(arrived.values("x-auth-request-user"), [USER]);
}

pub(crate) fn the_user_and_groups(setup: &Setup<'_>) {
    let both = [(tokens::good(), "users"), (tokens::of_an_administrator(), "users,admins")];
    for (token, groups) in both {
        let arrived = setup.passes(&token, "");
        assert_eq!(arrived.values("x-auth-request-user"), [USER]);
        assert_eq!(arrived.values("x-auth-request-groups"), [groups]);
    }
}
