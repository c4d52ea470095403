//! The password of the database account, and a process that is frozen while it changes.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use system_tests::{clock::Clock, mariadb, moto::Moto, process::Process};

use super::*;

/// A JWK Set of one symmetric key.
fn key_set(kid: &str) -> String {
    let key = URL_SAFE_NO_PAD.encode(kid.repeat(40));
    json!({ "keys": [{ "kty": "oct", "kid": kid, "k": key }] }).to_string()
}

/// Gives the account this password, of which no connection knows yet. The secret that says so.
fn set_password(server: &DatabaseServer, password: &str) -> String {
    server.sql(&format!("ALTER USER auth_user@'%' IDENTIFIED BY '{password}'"));
    end_connections(server);
    json!({ "username": "auth_user", "password": password }).to_string()
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn a_password_in_secrets_manager_is_followed_by_hand_after_a_freeze_and_in_memory() {
    let (mut moto, server, mut clock) = (Moto::start(), mariadb::start(), Clock::new());
    server.init();
    users::add(&server, users::quick());
    let _ = moto.create_secret("db", &set_password(&server, "first-password"));
    let _ = moto.create_secret("jwt", &key_set("one"));
    let mut all = variables(
        &[&moto.variables(), &clock.variables(), &server.login_variables()],
        &[("JWT_SECRET_ID", "jwt"), ("DATABASE_SECRET_ID", "db")],
    );
    all.retain(|name, _| name != "MYSQL_USER" && name != "MYSQL_PASSWORD");
    let mut functions = Functions::start(all.clone(), all);

    // By hand, under load: once every connection that there may be is there, and then back to
    // what only AWSPREVIOUS has.
    let load = functions.load();
    thread::sleep(2 * A_WHILE);
    let secret = set_password(&server, "second-password");
    moto.put_secret("db", &secret);
    thread::sleep(A_WHILE);
    clock.advance(REFRESH);
    thread::sleep(A_WHILE);
    let _ = set_password(&server, "first-password");
    thread::sleep(A_WHILE);
    load.all_good("a password that is changed by hand");

    // Logins are 503 until the secret has it.
    let secret = set_password(&server, "third-password");
    clock.advance(PAUSE);
    let before = moto.requests();
    for _ in 0..3 {
        let answer = functions.try_log_in();
        assert_eq!((answer.status, answer.text()), (503, "service unavailable"));
        assert_eq!(answer.header("retry-after"), Some("2"));
        assert_eq!(answer.header("www-authenticate"), None);
    }
    assert_eq!(moto.requests() - before, 3, "one fetch, of three stages");
    moto.put_secret("db", &secret);
    clock.advance(PAUSE);
    let old = functions.log_in();
    assert!(!functions.login.log().contains("-password"), "{}", functions.login.log());

    // During a freeze, as of Lambda between two requests: the key twice, so that it is AWSPREVIOUS
    // as well.
    functions.login.process().freeze();
    functions.validate.process().freeze();
    moto.put_secret("jwt", &key_set("two"));
    moto.put_secret("jwt", &key_set("two"));
    moto.put_secret("db", &set_password(&server, "fourth-password"));
    clock.advance(HOURS);
    functions.login.process().thaw();
    functions.validate.process().thaw();
    assert_eq!(functions.validate(&old), 403, "its key was taken away hours ago");
    assert_eq!(functions.validate(&functions.log_in()), 200, "and signs no more");

    // Hours later logins go on with what is in memory: while Secrets Manager hangs, and without one.
    for stop in [Process::freeze as fn(&mut Process), Process::kill] {
        stop(moto.process());
        clock.advance(HOURS);
        end_connections(&server);
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
