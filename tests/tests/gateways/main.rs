//! `examples/gateways`: real nginx, Caddy, Traefik and Envoy with the files there, in front of an
//! upstream that records requests. The checks are the rows of the table in its README.md.

mod requests;
mod setup;

use std::{collections::BTreeSet, fs, thread};

use serde_json::json;
use system_tests::{Answer, Moto, Service, Sqlite, USER, head, wait, workspace};

use requests::{bearer, good, requests, signed};
use setup::{EXAMPLES, Setup};

/// A row: its name, and the check of a gateway, which panics if it fails and otherwise returns the
/// text of the table's cell.
type Check = (&'static str, fn(&mut Setup, &str) -> String);

/// All rows in order: the last ones stop `validate`.
const CHECKS: [Check; 21] = [
    ("no token", stopped),
    ("a forged token", stopped),
    ("an expired token", stopped),
    ("a garbage token", stopped),
    ("two tokens", stopped_with_any_status),
    ("a path around it", stopped_with_any_status),
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

/// Sends a row's requests, none of which may arrive upstream; returns the distinct statuses.
fn stopped(setup: &mut Setup, row: &str) -> String {
    let statuses: BTreeSet<_> = requests(row).iter().map(|it| setup.assert_stopped(it)).collect();
    statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}

fn stopped_with_any_status(setup: &mut Setup, row: &str) -> String {
    stopped(setup, row);
    "stopped".into()
}

/// With a good token a row's requests arrive unchanged and with the token's user.
fn passed(setup: &Setup, row: &str, cell: &str) -> String {
    for (request, headers) in requests(row) {
        setup.assert_passes(&request, &(bearer(good()) + &headers), "users");
    }
    cell.into()
}

fn methods_and_bodies(setup: &mut Setup, _: &str) -> String {
    // With control characters, and longer than one packet or buffer.
    let long: String = ('\0'..='\u{7ff}').cycle().take(52_000).collect();
    let without = ["GET", "HEAD", "DELETE", "OPTIONS"].map(|method| (method, ""));
    let with = ["POST", "PUT", "PATCH", "DELETE"].map(|method| (method, &*long));
    for (method, body) in without.into_iter().chain(with) {
        let request = setup.gateway.request(method, "/api/items?page=2").bearer(&good());
        let answer = request.body(body).send();
        let arrived = setup.only_arrived();
        assert_eq!((answer.status, answer.header("x-upstream")), (200, Some("yes")), "{method}");
        assert_eq!(arrived.request, format!("{method} /api/items?page=2"));
        assert!(arrived.body == body, "{method}: another body arrived");
        assert!(method == "HEAD" || answer.text() == body, "{method}: another body came back");
    }
    "pass".into()
}

fn a_login(setup: &mut Setup, _: &str) -> String {
    // Another e-mail for each gateway, so that none is locked.
    let unknown = format!("{}@example.com", setup.name);
    let wrong = setup.gateway.request("POST", "/login").basic(&unknown, "wrong").send();
    assert_eq!((wrong.status, wrong.text()), (401, "invalid credentials"));
    assert!(wrong.header("www-authenticate").is_some_and(|value| value.starts_with("Basic ")));

    let login = setup.gateway.request("POST", "/login").basic(USER.0, USER.1).send();
    assert_eq!(login.status, 200, "{}", login.text());
    assert!(setup.arrived().is_empty(), "the upstream got the login");
    setup.assert_passes("GET /api", &bearer(login.text()), "users");
    "200".into()
}

fn the_user_and_groups(setup: &mut Setup, _: &str) -> String {
    for (admin, groups) in [(false, "users"), (true, "users,admins")] {
        setup.assert_passes("GET /api", &bearer(signed(&[("admin", json!(admin))])), groups);
    }
    "once".into()
}

/// With the headers of a browser: preflight requests, and the requests after them.
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

/// The handshake is that of RFC 6455 section 1.3. After it the gateway has to pass everything in
/// both directions: here HTTP messages without a token, which the upstream understands.
fn websocket(setup: &mut Setup, _: &str) -> String {
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let handshake = |authorization: &str| {
        let mut connection = setup.connection();
        let request = head("GET /api/live?since=1", &format!("{authorization}{upgrade}"));
        (connection.exchange(request).expect("an answer").status, connection)
    };
    let forged = &requests("a forged token")[0].1;
    let cookie = |bearer: &str| bearer.replace("Authorization: Bearer ", "Cookie: a=b; token=");
    let good_cookie = cookie(&bearer(good()));
    for credentials in ["", forged, &cookie(forged), &format!("{forged}{good_cookie}")] {
        assert!(handshake(credentials).0 >= 400, "{credentials}");
        assert!(setup.arrived().is_empty(), "{credentials} passed");
    }
    // Envoy's own verification reads cookies only if they are configured.
    let ways = if setup.name == "envoy-jwt-authn" { 1 } else { 2 };
    for credentials in [bearer(good()), good_cookie].into_iter().take(ways) {
        let (status, mut connection) = handshake(&credentials);
        assert_eq!(status, 101, "{credentials}");
        let arrived = setup.only_arrived();
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

/// After an upgrade to HTTP/2 without TLS a client could send requests past the gateway.
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

/// Without a working `validate` no request passes. Envoy with its own keys works as before.
fn closed(setup: &mut Setup) -> String {
    if setup.name != "envoy-jwt-authn" {
        return setup.assert_stopped(&("GET /api".into(), bearer(good()))).to_string();
    }
    for (row, _) in &CHECKS[..4] {
        stopped(setup, row);
    }
    setup.assert_passes("GET /api", &bearer(good()), "users");
    "not needed".into()
}

/// `validate` accepts connections but does not answer, for longer than the gateway's timeout
/// (except Traefik, whose timeout is always 30 s). Then it answers again.
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

/// `validate` runs without keys, since their source is unreachable: it answers 503.
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
async fn every_gateway_passes_only_requests_with_a_good_token() {
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
            // The message of a panic has the thread's name.
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
    assert!(readme.expect("a file").contains(&table), "the table in README.md differs");
}
