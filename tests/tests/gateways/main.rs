//! `examples/gateways`: the real nginx, Caddy, Traefik and Envoy, with the files that are there, in
//! front of an upstream that notes what arrives. What is proven of each are the rows of the table in its
//! README.md.

mod requests;
mod setup;

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use system_tests::{
    moto::Moto,
    raw::{address, head},
    scratch,
    service::Service,
    wait, workspace,
};

use requests::{
    NAMES, Request, USER, bearer, copies_with_underscores, expired, forged, garbage, good,
    of_an_administrator, on_paths_that_need_no_token, with_two_tokens, without_a_token,
};
use setup::{EXAMPLES, PASSWORD, Setup};

/// A row: its name, and what is done to a gateway. It panics where the gateway fails; otherwise what stands in
/// the cell comes back.
type Check = (&'static str, fn(&mut Setup<'_>) -> String);

/// All rows, in their order: the last ones end `validate`.
const CHECKS: [Check; 20] = [
    ("no token", |it| stopped(it, &without_a_token())),
    ("a forged token", |it| stopped(it, &forged())),
    ("an expired token", |it| stopped(it, &expired())),
    ("a garbage token", |it| stopped(it, &garbage())),
    ("two tokens", |it| named("stopped", &stopped(it, &with_two_tokens()))),
    ("a path around it", |it| named("stopped", &stopped(it, &on_paths_that_need_no_token()))),
    ("methods and bodies", methods_and_bodies),
    ("path and query", paths_and_queries),
    ("login through it", a_login),
    ("the user and groups", the_user_and_groups),
    ("copies: other case", |it| {
        identity(
            it,
            "never",
            NAMES.map(str::to_lowercase).into_iter().chain(NAMES.map(str::to_uppercase)),
        )
    }),
    ("copies: _ for -", |it| identity(it, "never", copies_with_underscores())),
    // What else may stand in a name, by RFC 9110 section 5.6.2: PHP and CGI make `_` of each.
    ("copies: . or ~ for -", |it| {
        let signs = "!#$%&'*+.^`|~".chars().map(String::from);
        identity(it, "never", signs.flat_map(|sign| NAMES.map(|name| name.replace('-', &sign))))
    }),
    ("copies: twice, empty", |it| {
        let copies =
            |name| [": a\r\n", ":\r\n", ":\r\nX-"].map(|between| format!("{name}{between}{name}"));
        identity(it, "never", NAMES.into_iter().flat_map(copies))
    }),
    // A proxy removes what `Connection` names: is it what the proxy itself has set?
    ("named in Connection", |it| {
        identity(it, "ineffective", NAMES.map(|name| format!("Connection: {name}\r\n{name}")))
    }),
    ("WebSocket", websocket),
    ("Upgrade: h2c", h2c),
    ("validate silent", silent),
    ("validate down", |it| {
        it.validate.process().kill();
        closed(it)
    }),
    ("validate keyless", without_keys),
];

fn named(cell: &str, _statuses: &str) -> String {
    cell.into()
}

/// The statuses of requests that do not arrive, each once.
fn stopped(setup: &Setup<'_>, requests: &[Request]) -> String {
    let mut statuses: Vec<_> = requests.iter().map(|request| setup.is_stopped(request)).collect();
    statuses.sort_unstable();
    statuses.dedup();
    statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}

/// With each of these names of headers, or with lines before the last name, the user is who the token says.
fn identity(setup: &Setup<'_>, cell: &str, names: impl IntoIterator<Item = String>) -> String {
    for name in names {
        let arrived = setup.passes(&good(), &format!("{name}: admins\r\n"));
        assert_eq!(arrived.values("x-auth-request-user"), [USER], "{name}");
        assert_eq!(arrived.values("x-auth-request-groups"), ["users"], "{name}");
    }
    cell.into()
}

fn methods_and_bodies(setup: &mut Setup<'_>) -> String {
    // Every byte there is, and more than fits into one packet or buffer.
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(100_000).collect();
    for (method, body) in [
        ("GET", &[][..]),
        ("HEAD", &[]),
        ("POST", &bytes),
        ("PUT", &bytes),
        ("PATCH", &bytes),
        ("DELETE", &[]),
        ("DELETE", &bytes),
        ("OPTIONS", &[]),
    ] {
        let request = setup.gateway.request(method, "/api/items?page=2").bearer(&good());
        let answer = request.body(body).send();
        let arrived = setup.the_one();
        assert_eq!((answer.status, answer.header("x-upstream")), (200, Some("yes")), "{method}");
        assert_eq!((&*arrived.method, &*arrived.target), (method, "/api/items?page=2"));
        assert!(arrived.body == body, "{method}: another body arrived");
        assert!(method == "HEAD" || answer.body == body, "{method}: another body came back");
    }
    "pass".into()
}

fn paths_and_queries(setup: &mut Setup<'_>) -> String {
    for target in [
        "/",
        "/?",
        "/a/b/",
        "/caf%C3%A9/a%20b",
        "/a%2Fb/c%252Fd",
        "/a;b=c/@:!$&'()*+,=~",
        "/api?q=a%26b%3D+c&empty=&q=again&url=https://example.com/?x=%23",
    ] {
        let answer = setup.exchange(&format!("GET {target}"), &bearer(good()));
        assert_eq!(answer.status, 200, "{target}: {answer:?}");
        assert_eq!(setup.the_one().target, target);
    }
    "intact".into()
}

fn a_login(setup: &mut Setup<'_>) -> String {
    // Each gateway has a user of its own for this, so that none is locked.
    let unknown = format!("{}@example.com", setup.example.name);
    let wrong = setup.gateway.request("POST", "/login").basic(&unknown, "wrong").send();
    assert_eq!((wrong.status, wrong.text()), (401, "invalid credentials"));
    assert!(wrong.header("www-authenticate").is_some_and(|value| value.starts_with("Basic ")));

    let login = setup.gateway.request("POST", "/login").basic(USER, PASSWORD).send();
    assert_eq!(login.status, 200, "{}", login.text());
    assert!(setup.upstream.take().is_empty(), "the upstream has seen a password");
    let arrived = setup.passes(login.text(), "");
    assert_eq!(arrived.values("x-auth-request-user"), [USER]);
    "200".into()
}

fn the_user_and_groups(setup: &mut Setup<'_>) -> String {
    for (token, groups) in [(good(), "users"), (of_an_administrator(), "users,admins")] {
        let arrived = setup.passes(&token, "");
        assert_eq!(arrived.values("x-auth-request-user"), [USER]);
        assert_eq!(arrived.values("x-auth-request-groups"), [groups]);
    }
    "once".into()
}

/// With the handshake of RFC 6455 section 1.3. Behind it whatever is sent goes through, both ways: here more
/// messages of the kind that the upstream understands, none of which has a token.
fn websocket(setup: &mut Setup<'_>) -> String {
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let shake_hands = |authorization: &str| {
        let mut connection = setup.connection();
        let request = head("GET /api/live?since=1", &format!("{authorization}{upgrade}"));
        (connection.exchange(request).expect("an answer").status, connection)
    };
    for authorization in ["", &forged()[0].1] {
        assert!(shake_hands(authorization).0 >= 400, "{authorization}");
        assert!(setup.upstream.take().is_empty(), "{authorization} passed");
    }
    let (status, mut connection) = shake_hands(&bearer(good()));
    assert_eq!(status, 101);
    let arrived = setup.the_one();
    assert_eq!(arrived.target, "/api/live?since=1");
    assert_eq!(arrived.values("x-auth-request-groups"), ["users"]);
    for body in ["over".to_owned(), "again ".repeat(20_000)] {
        let message = format!("PING - -\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        assert!(connection.exchange(message).expect("an answer").body == body);
    }
    "passes".into()
}

/// Behind another upgrade, such as HTTP/2 without TLS, a client could send requests that no gateway sees.
fn h2c(setup: &mut Setup<'_>) -> String {
    let upgrade = "Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    for protocol in ["h2c", "h2c, websocket"] {
        let headers = format!("{}{upgrade}Upgrade: {protocol}\r\n", bearer(good()));
        setup.exchange("GET /api", &headers);
        for arrived in setup.upstream.take() {
            let upgrades = arrived.values("upgrade").join(",").to_lowercase();
            assert!(!upgrades.contains("h2c"), "{upgrades} arrived");
        }
    }
    "never".into()
}

/// No request passes, or, where the keys are in the gateway, those that should.
fn closed(setup: &mut Setup<'_>) -> String {
    if setup.example.asks {
        return stopped(setup, &[("GET /api".into(), bearer(good()))]);
    }
    for requests in [without_a_token(), forged(), expired(), garbage()] {
        stopped(setup, &requests);
    }
    setup.passes(&good(), "");
    "not needed".into()
}

/// It takes connections and does not answer, for longer than the gateway is patient (but for Traefik, whose
/// 30 s cannot be set), and then it does again.
fn silent(setup: &mut Setup<'_>) -> String {
    setup.validate.process().freeze();
    let cell = if setup.example.name == "traefik" {
        let answer = setup.connection().exchange(head("GET /api", &bearer(good())));
        assert!(answer.is_err() && setup.upstream.take().is_empty(), "{answer:?}");
        "no answer".into()
    } else {
        closed(setup)
    };
    setup.validate.process().thaw();
    setup.wait_until_open();
    cell
}

/// It is there, and has no keys since their source is out of reach: it answers 503.
fn without_keys(setup: &mut Setup<'_>) -> String {
    let port = address(&setup.validate).port().to_string();
    setup.validate.process().kill();
    let mut variables = Moto::variables_for(wait::free_port());
    variables.extend([("PORT".into(), port), ("JWT_SECRET_ID".into(), "auth/jwt".into())]);
    setup.validate = Service::start_unready("validate", variables);
    closed(setup)
}

/// What stands in the cell; `None` if the check failed, whose reasons are on standard error.
fn run((name, check): &Check, setup: &mut Setup<'_>) -> Option<String> {
    setup.upstream.take();
    let cell = catch_unwind(AssertUnwindSafe(|| check(setup))).ok();
    if cell.is_none() {
        eprintln!("{}, {name}: FAILED", setup.example.name);
    }
    cell
}

/// A line of the table, in Markdown.
fn line<'a>(name: &str, cells: impl Iterator<Item = &'a str>) -> String {
    let cells: Vec<_> = cells.map(|cell| format!(" {cell:<15} |")).collect();
    format!("| {name:<20} |{}", cells.concat())
}

#[tokio::test]
#[ignore = "needs nginx, Caddy, Traefik and Envoy: make test"]
async fn every_gateway_lets_good_tokens_through_and_nothing_else() {
    let folder = scratch::directory();
    let login = &setup::login(folder.path()).await;
    let columns = thread::scope(|scope| {
        let running = EXAMPLES.each_ref().map(|example| {
            scope.spawn(move || {
                let mut setup = Setup::start(example, login, &[]);
                CHECKS.map(|check| run(&check, &mut setup))
            })
        });
        running.map(|column| column.join().expect("the gateway starts"))
    });
    assert!(columns.iter().flatten().all(Option::is_some), "see FAILED above");
    let readme = fs::read_to_string(workspace().join("examples/gateways/README.md"));
    let readme = readme.expect("a file");
    let names = line("", EXAMPLES.iter().map(|example| example.name));
    let rows = CHECKS.iter().enumerate().map(|(row, check)| {
        line(check.0, columns.iter().map(|column| column[row].as_deref().unwrap_or_default()))
    });
    for line in [names].into_iter().chain(rows) {
        println!("{line}");
        assert!(readme.contains(&line), "examples/gateways/README.md does not say\n{line}");
    }
}

/// The gateway, what stands in its files, what is put there, and the check that must fail.
const PLANTED: [(&str, &str, &str, &str); 15] = [
    ("nginx", "auth_request /_validate;", "", "no token"),
    (
        "nginx",
        "location @",
        "location /healthz { proxy_pass http://api; } location @",
        "a path around it",
    ),
    ("nginx", "X-Auth-Request-User $auth_user", "X-A a", "the user and groups"),
    ("nginx", "X-Auth-Request-Groups $auth_groups", "X-A a", "copies: other case"),
    ("nginx", "underscores_in_headers off", "underscores_in_headers on", "copies: _ for -"),
    ("nginx", "~*^websocket$\" websocket", "~*.\" $http_upgrade", "Upgrade: h2c"),
    ("caddy", "request_header -*groups", "", "copies: . or ~ for -"),
    ("caddy", "request_header @other -Connection", "", "named in Connection"),
    ("traefik", "middlewares: [validate]", "middlewares: []", "a forged token"),
    ("traefik", "aliasHeadersStrategy: delete", "aliasHeadersStrategy: keep", "copies: _ for -"),
    ("traefik", "priority: 1", "priority: 3", "login through it"),
    ("envoy-ext-authz", "failure_mode_allow: false", "failure_mode_allow: true", "validate down"),
    ("envoy-ext-authz", "- exact: x-auth-request-groups", "", "the user and groups"),
    ("envoy-jwt-authn", "x[^a-z0-9]auth", "x-auth", "copies: _ for -"),
    ("envoy-jwt-authn", "requirement_name: token", "requires: { allow_missing: {} }", "no token"),
];

#[tokio::test]
#[ignore = "needs nginx, Caddy, Traefik and Envoy: make test"]
async fn a_planted_error_is_seen_in_a_gateway() {
    let folder = scratch::directory();
    let login = &setup::login(folder.path()).await;
    println!("{} configurations with an error; what fails below has to", PLANTED.len());
    // A few at once, for small machines.
    for planted in PLANTED.chunks(4) {
        thread::scope(|scope| {
            for (name, right, wrong, check) in planted {
                scope.spawn(move || {
                    let example = EXAMPLES.iter().find(|it| it.name == *name).expect("an example");
                    let mut setup = Setup::start(example, login, &[(right, wrong)]);
                    let row = CHECKS.iter().find(|row| row.0 == *check).expect("a check");
                    assert_eq!(run(row, &mut setup), None, "{name} with {wrong:?}: {check}");
                });
            }
        });
    }
}
