//! `examples/gateways`: the real nginx, Caddy, Traefik and Envoy, with the files that are there, in
//! front of an upstream that notes what arrives. What is proven of each are the rows of the table in its
//! README.md.

mod requests;
mod setup;

use std::{collections::BTreeSet, fs, thread};

use serde_json::json;
use system_tests::{Answer, Moto, Service, Sqlite, USER, head, wait, workspace};

use requests::{bearer, good, requests, signed};
use setup::{EXAMPLES, Setup};

/// A row: its name, and what is done to a gateway. It panics where the gateway fails; otherwise what stands in
/// the cell comes back.
type Check = (&'static str, fn(&mut Setup, &str) -> String);

/// All rows, in their order: the last ones end `validate`.
const CHECKS: [Check; 21] = [
    ("no token", stopped),
    ("a forged token", stopped),
    ("an expired token", stopped),
    ("a garbage token", stopped),
    ("two tokens", stopped_somehow),
    ("a path around it", stopped_somehow),
    ("methods and bodies", methods_and_bodies),
    ("path and query", |it, row| passed(it, row, "intact")),
    ("login through it", a_login),
    ("the user and groups", the_user_and_groups),
    ("copies: other case", |it, row| passed(it, row, "never")),
    ("copies: _ for -", |it, row| passed(it, row, "never")),
    ("copies: . or ~ for -", |it, row| passed(it, row, "never")),
    ("copies: twice, empty", |it, row| passed(it, row, "never")),
    ("named in Connection", |it, row| passed(it, row, "never")),
    ("CORS", cors),
    ("WebSocket", websocket),
    ("Upgrade: h2c", h2c),
    ("validate silent", silent),
    ("validate down", |it, _| {
        it.validate.process.kill();
        closed(it)
    }),
    ("validate keyless", without_keys),
];

/// The statuses of a row's requests, none of which arrives, each once.
fn stopped(setup: &mut Setup, row: &str) -> String {
    let statuses: BTreeSet<_> = requests(row).iter().map(|it| setup.is_stopped(it)).collect();
    statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}

fn stopped_somehow(setup: &mut Setup, row: &str) -> String {
    stopped(setup, row);
    "stopped".into()
}

/// With a good token a row's requests arrive as they are, and the user is who the token says.
fn passed(setup: &Setup, row: &str, cell: &str) -> String {
    for (request, headers) in requests(row) {
        setup.passes(&request, &(bearer(good()) + &headers), "users");
    }
    cell.into()
}

fn methods_and_bodies(setup: &mut Setup, _: &str) -> String {
    // Control characters too, and more than fits into one packet or buffer.
    let long: String = ('\0'..='\u{7ff}').cycle().take(52_000).collect();
    let without = ["GET", "HEAD", "DELETE", "OPTIONS"].map(|method| (method, ""));
    let with = ["POST", "PUT", "PATCH", "DELETE"].map(|method| (method, &*long));
    for (method, body) in without.into_iter().chain(with) {
        let request = setup.gateway.request(method, "/api/items?page=2").bearer(&good());
        let answer = request.body(body).send();
        let arrived = setup.the_one();
        assert_eq!((answer.status, answer.header("x-upstream")), (200, Some("yes")), "{method}");
        assert_eq!(arrived.request, format!("{method} /api/items?page=2"));
        assert!(arrived.body == body, "{method}: another body arrived");
        assert!(method == "HEAD" || answer.text() == body, "{method}: another body came back");
    }
    "pass".into()
}

fn a_login(setup: &mut Setup, _: &str) -> String {
    // Each gateway has a user of its own for this, so that none is locked.
    let unknown = format!("{}@example.com", setup.name);
    let wrong = setup.gateway.request("POST", "/login").basic(&unknown, "wrong").send();
    assert_eq!((wrong.status, wrong.text()), (401, "invalid credentials"));
    assert!(wrong.header("www-authenticate").is_some_and(|value| value.starts_with("Basic ")));

    let login = setup.gateway.request("POST", "/login").basic(USER.0, USER.1).send();
    assert_eq!(login.status, 200, "{}", login.text());
    assert!(setup.arrived().is_empty(), "the upstream has seen a password");
    setup.passes("GET /api", &bearer(login.text()), "users");
    "200".into()
}

fn the_user_and_groups(setup: &mut Setup, _: &str) -> String {
    for (admin, groups) in [(false, "users"), (true, "users,admins")] {
        setup.passes("GET /api", &bearer(signed(&[("admin", json!(admin))])), groups);
    }
    "once".into()
}

/// With the headers that a browser sends: before a request with a token, and with it.
fn cors(setup: &mut Setup, _: &str) -> String {
    let own = "https://app.example.com";
    let ask = |request: &str, origin: &str, headers: &str| {
        setup.exchange(request, &format!("Origin: {origin}\r\n{headers}"))
    };
    let allowed = |answer: &Answer| answer.header("access-control-allow-origin").map(str::to_owned);
    let preflight = "Access-Control-Request-Method: PUT\r\n\
                     Access-Control-Request-Headers: authorization\r\n";
    for request in ["OPTIONS /api", "OPTIONS /login"] {
        let answer = ask(request, own, preflight);
        assert!((200..300).contains(&answer.status), "{request}: {answer:?}");
        assert_eq!(allowed(&answer).as_deref(), Some(own), "{request}");
        for (name, value) in [("methods", "PUT"), ("headers", "authorization")] {
            let values = answer.header(&format!("access-control-allow-{name}"));
            assert!(values.is_some_and(|values| values.contains(value)), "{request}: {answer:?}");
        }
    }
    let refusal = ask("GET /api", own, "");
    assert_eq!(allowed(&refusal).as_deref(), Some(own), "a refusal");
    let exposed = refusal.header("access-control-expose-headers").map(str::to_lowercase);
    for name in ["retry-after", "www-authenticate"] {
        assert!(exposed.iter().any(|names| names.contains(name)), "{name}: {refusal:?}");
    }
    let other = [own.replace("https", "http"), format!("{own}.example"), "null".into()];
    for origin in other {
        assert_eq!(allowed(&ask("OPTIONS /api", &origin, preflight)), None, "{origin}");
    }
    assert!(setup.arrived().is_empty(), "a preflight request or a refused one passed");

    let token = bearer(good());
    assert_eq!(allowed(&ask("GET /api", own, &token)).as_deref(), Some(own));
    assert_eq!(allowed(&ask("GET /api", "https://other.example.com", &token)), None);
    assert_eq!(setup.arrived().len(), 2);
    "one origin".into()
}

/// With the handshake of RFC 6455 section 1.3. After it everything goes through, both ways: here more
/// messages of the kind that the upstream understands, none of which has a token.
fn websocket(setup: &mut Setup, _: &str) -> String {
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let shake_hands = |authorization: &str| {
        let mut connection = setup.connection();
        let request = head("GET /api/live?since=1", &format!("{authorization}{upgrade}"));
        (connection.exchange(request).expect("an answer").status, connection)
    };
    let forged = &requests("a forged token")[0].1;
    let cookie = |bearer: &str| bearer.replace("Authorization: Bearer ", "Cookie: a=b; token=");
    let good_cookie = cookie(&bearer(good()));
    for credentials in ["", forged, &cookie(forged), &format!("{forged}{good_cookie}")] {
        assert!(shake_hands(credentials).0 >= 400, "{credentials}");
        assert!(setup.arrived().is_empty(), "{credentials} passed");
    }
    // Envoy's own verification takes cookies only if it is told to.
    let ways = if setup.name == "envoy-jwt-authn" { 1 } else { 2 };
    for credentials in [bearer(good()), good_cookie].into_iter().take(ways) {
        let (status, mut connection) = shake_hands(&credentials);
        assert_eq!(status, 101, "{credentials}");
        let arrived = setup.the_one();
        assert_eq!(arrived.request, "GET /api/live?since=1");
        assert_eq!(arrived.values("x-auth-request-groups"), ["users"]);
        for body in ["over".to_owned(), "again ".repeat(20_000)] {
            let message = format!("PING - -\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            assert!(connection.exchange(message).expect("an answer").text() == body);
        }
        setup.arrived();
    }
    "passes".into()
}

/// After another upgrade, such as HTTP/2 without TLS, a client could send requests that no gateway sees.
fn h2c(setup: &mut Setup, _: &str) -> String {
    let upgrade = "Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    for protocol in ["h2c", "h2c, websocket"] {
        let headers = format!("{}{upgrade}Upgrade: {protocol}\r\n", bearer(good()));
        setup.exchange("GET /api", &headers);
        for arrived in setup.arrived() {
            let upgrades = arrived.values("upgrade").join(",").to_lowercase();
            assert!(!upgrades.contains("h2c"), "{upgrades} arrived");
        }
    }
    "never".into()
}

/// No request passes, or, where the keys are in the gateway, those that should.
fn closed(setup: &mut Setup) -> String {
    if setup.name != "envoy-jwt-authn" {
        return setup.is_stopped(&("GET /api".into(), bearer(good()))).to_string();
    }
    for (row, _) in &CHECKS[..4] {
        stopped(setup, row);
    }
    setup.passes("GET /api", &bearer(good()), "users");
    "not needed".into()
}

/// It takes connections and does not answer, for longer than the gateway is patient (but for Traefik, whose
/// 30 s cannot be set), and then it does again.
fn silent(setup: &mut Setup, _: &str) -> String {
    setup.validate.process.freeze();
    let cell = if setup.name == "traefik" {
        let answer = setup.connection().exchange(head("GET /api", &bearer(good())));
        assert!(answer.is_err() && setup.arrived().is_empty(), "{answer:?}");
        "no answer".into()
    } else {
        closed(setup)
    };
    setup.validate.process.thaw();
    setup.wait_until_open();
    cell
}

/// It is there, and has no keys since their source is out of reach: it answers 503.
fn without_keys(setup: &mut Setup, _: &str) -> String {
    let port = setup.validate.port.to_string();
    setup.validate.process.kill();
    let mut variables = Moto::variables_for(wait::free_port());
    variables.extend([("PORT".into(), port), ("JWT_SECRET_ID".into(), "auth/jwt".into())]);
    setup.validate = Service::start_unready("validate", variables);
    closed(setup)
}

#[tokio::test]
#[ignore = "needs nginx, Caddy, Traefik and Envoy: make test"]
async fn every_gateway_lets_good_tokens_through_and_nothing_else() {
    let store = Sqlite::of_contract().await;
    let login = &setup::login(&store);
    let columns = thread::scope(|scope| {
        let running = EXAMPLES.map(|name| {
            let checked = move || {
                let mut setup = Setup::start(name, login);
                CHECKS.map(|(row, check)| {
                    setup.arrived();
                    check(&mut setup, row)
                })
            };
            // A panic says the thread's name.
            thread::Builder::new().name(name.into()).spawn_scoped(scope, checked).expect("a thread")
        });
        running.map(|column| column.join().expect("every check passes"))
    });
    let line = |name: &str, cells: [&str; 5]| {
        format!("| {name:<20} |{}\n", cells.map(|cell| format!(" {cell:<15} |")).concat())
    };
    let mut table = line("", EXAMPLES) + &line("---", ["---"; 5]);
    for (row, (name, _)) in CHECKS.iter().enumerate() {
        table += &line(name, columns.each_ref().map(|column| column[row].as_str()));
    }
    println!("{table}");
    let readme = fs::read_to_string(workspace().join("examples/gateways/README.md"));
    assert!(readme.expect("a file").contains(&table), "examples/gateways/README.md says otherwise");
}
