//! The password of the database account, and a process that is frozen while it changes.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use system_tests::{clock::Clock, mariadb, moto::Moto};

use super::*;

/// A JWK Set of one symmetric key.
fn key_set(kid: &str) -> String {
    let key = URL_SAFE_NO_PAD.encode(kid.repeat(40));
    json!({ "keys": [{ "kty": "oct", "kid": kid, "k": key }] }).to_string()
}

/// Both functions with keys and account in Secrets Manager.
struct Scene {
    moto: Moto,
    clock: Clock,
    server: DatabaseServer,
    functions: Functions,
}

impl Scene {
    fn start() -> Self {
        let (moto, server, clock) = (Moto::start(), mariadb::start(), Clock::new());
        server.init();
        users::add(&server, users::quick());
        let _ = moto.create_secret("db", &set_password(&server, "first-password"));
        let _ = moto.create_secret("jwt", &key_set("one"));
        let mut parts = variables(
            &[&moto.variables(), &clock.variables(), &server.login_variables()],
            &[("JWT_SECRET_ID", "jwt"), ("DATABASE_SECRET_ID", "db")],
        );
        parts.retain(|name, _| name != "MYSQL_USER" && name != "MYSQL_PASSWORD");
        Self { functions: Functions::start(parts.clone(), parts), moto, clock, server }
    }
}

/// Gives the account this password, and the secret that says so.
fn set_password(server: &DatabaseServer, password: &str) -> String {
    server.sql(&format!("ALTER USER auth_user@'%' IDENTIFIED BY '{password}'"));
    json!({ "username": "auth_user", "password": password }).to_string()
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn a_password_in_secrets_manager_is_followed_by_hand_after_a_freeze_and_in_memory() {
    let mut scene = Scene::start();
    changed_by_hand(&mut scene);
    nowhere(&mut scene);
    changed_during_a_freeze(&mut scene);
    without_secrets_manager(&mut scene);
}

/// It is changed under load, and then back to what only `AWSPREVIOUS` has.
fn changed_by_hand(scene: &mut Scene) {
    let Scene { moto, clock, server, functions } = scene;
    let load = functions.load();
    // Until every connection that there may be is there.
    thread::sleep(2 * A_WHILE);
    moto.put_secret("db", &set_password(server, "second-password"));
    end_connections(server);
    thread::sleep(A_WHILE);
    clock.advance(REFRESH);
    thread::sleep(A_WHILE);
    let _ = set_password(server, "first-password");
    end_connections(server);
    thread::sleep(A_WHILE);
    load.all_good("a password that is changed by hand");
}

/// Logins are 503 until the secret has it.
fn nowhere(scene: &mut Scene) {
    let Scene { moto, clock, server, functions } = scene;
    let secret = set_password(server, "third-password");
    end_connections(server);
    clock.advance(PAUSE);
    let log_in = || {
        let request = functions.login.request("POST", "/login");
        request.basic(&users::email("right", 0), users::PASSWORD).send()
    };
    let before = moto.requests();
    for _ in 0..3 {
        let answer = log_in();
        assert_eq!((answer.status, answer.text()), (503, "service unavailable"));
        assert_eq!(answer.header("retry-after"), Some("2"));
        assert_eq!(answer.header("www-authenticate"), None);
    }
    assert_eq!(moto.requests() - before, 3, "one fetch, of three stages");
    moto.put_secret("db", &secret);
    clock.advance(PAUSE);
    assert_eq!(log_in().status, 200);
    assert!(!functions.login.log().contains("-password"), "{}", functions.login.log());
}

/// As Lambda freezes a process between two requests.
fn changed_during_a_freeze(scene: &mut Scene) {
    let Scene { moto, clock, server, functions } = scene;
    let old = functions.log_in();
    functions.login.process().freeze();
    functions.validate.process().freeze();
    // Twice, so that it is AWSPREVIOUS as well.
    moto.put_secret("jwt", &key_set("two"));
    moto.put_secret("jwt", &key_set("two"));
    moto.put_secret("db", &set_password(server, "fourth-password"));
    end_connections(server);
    clock.advance(4 * 3600);
    functions.login.process().thaw();
    functions.validate.process().thaw();
    assert_eq!(functions.validate(&old), 403, "its key was taken away hours ago");
    assert_eq!(functions.validate(&functions.log_in()), 200, "and signs no more");
}

/// Hours later logins go on, with what is in memory.
fn without_secrets_manager(scene: &mut Scene) {
    let Scene { moto, clock, server, functions } = scene;
    // One that hangs, then one that is not there.
    for stop in [Moto::freeze as fn(&mut Moto), Moto::stop] {
        stop(moto);
        clock.advance(4 * 3600);
        end_connections(server);
        let since = Instant::now();
        let token = functions.log_in();
        assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
        assert_eq!(functions.validate(&token), 200);
        assert!(since.elapsed() < Duration::from_secs(7), "{:?}", since.elapsed());
    }
    let warning = "a secret was not renewed; the one in memory serves on";
    for function in [&functions.login, &functions.validate] {
        assert!(function.log().contains(warning), "{}", function.log());
    }
}
