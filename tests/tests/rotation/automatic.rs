//! Changes of secrets in Secrets Manager that the guide does not describe: a key in one step, a
//! password by hand, and both while the processes are frozen.

use std::time::Instant;

use serde_json::json;
use system_tests::{
    Clock, Moto, Process, clock::COOL_DOWN, clock::REFRESH, forge::encode, mariadb,
};

use super::*;

/// A JWK Set of one symmetric key.
fn key_set(kid: &str) -> String {
    json!({ "keys": [{ "kty": "oct", "kid": kid, "k": encode(kid.repeat(40)) }] }).to_string()
}

/// A database secret with this password and the other members that RDS writes.
fn secret(server: &DatabaseServer, password: &str) -> String {
    let port = server.port.to_string();
    let secret = json!({
        "engine": "mariadb", "host": "127.0.0.1", "port": port, "dbname": "auth",
        "username": "auth_user", "password": password,
    });
    secret.to_string()
}

/// Sets the account's password, and closes all connections that used the old one.
fn set_password(server: &DatabaseServer, password: &str) {
    server.sql(&format!("ALTER USER auth_user@'%' IDENTIFIED BY '{password}'"));
    kill_connections(server);
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn a_changed_password_is_used_under_load_and_after_a_freeze_and_without_secrets_manager() {
    let (mut moto, server, mut clock) = (Moto::start(), mariadb::start(), Clock::new());
    users::add(&server, users::quick_argon2());
    set_password(&server, "first-password");
    let _ = moto.create_secret("db", &secret(&server, "first-password"));
    let _ = moto.create_secret("jwt", &key_set("one"));
    let ids = [("JWT_SECRET_ID", "jwt"), ("DATABASE_SECRET_ID", "db")];
    let all = variables([moto.variables(), clock.variables()], &ids);
    let mut functions = Functions::start(all.clone(), all);

    // By hand, under load, when all connections of the pool are open; then back to the password
    // that only AWSPREVIOUS has.
    let load = functions.load();
    thread::sleep(2 * A_WHILE);
    moto.put_secret("db", &secret(&server, "second-password"));
    set_password(&server, "second-password");
    thread::sleep(A_WHILE);
    clock.advance(REFRESH);
    thread::sleep(A_WHILE);
    set_password(&server, "first-password");
    thread::sleep(A_WHILE);
    assert_none_failed(load, "a password that is changed by hand");

    // Logins get 503 until the secret has the password.
    set_password(&server, "third-password");
    clock.advance(COOL_DOWN);
    let before = moto.requests();
    for _ in 0..3 {
        let answer = functions.try_log_in();
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")));
    }
    assert_eq!(moto.requests() - before, 3, "one fetch of three labels");
    moto.put_secret("db", &secret(&server, "third-password"));
    clock.advance(COOL_DOWN);
    let old = functions.log_in();
    assert!(!functions.login.log().contains("-password"), "{}", functions.login.log());

    // While frozen, as by Lambda between two requests. The key is put twice, so that the old one is
    // not AWSPREVIOUS either.
    functions.login.process.freeze();
    functions.validate.process.freeze();
    moto.put_secret("jwt", &key_set("two"));
    moto.put_secret("jwt", &key_set("two"));
    moto.put_secret("db", &secret(&server, "fourth-password"));
    set_password(&server, "fourth-password");
    clock.advance(HOURS);
    functions.login.process.thaw();
    functions.validate.process.thaw();
    assert_eq!(functions.validate(&old), 403, "its key was removed hours ago");
    assert_eq!(functions.validate(&functions.log_in()), 200, "the new key signs");

    // Hours later logins use the secrets in memory, while Secrets Manager hangs or is down.
    for stop in [Process::freeze as fn(&mut Process), Process::kill] {
        stop(&mut moto.process);
        clock.advance(HOURS);
        kill_connections(&server);
        let since = Instant::now();
        let token = functions.log_in();
        assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
        assert_eq!(functions.validate(&token), 200);
    }
    for function in [&functions.login, &functions.validate] {
        let log = function.log();
        assert!(log.contains("a secret was not renewed; the one in memory serves on"), "{log}");
    }
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn replacing_a_key_in_one_step_fails_no_request() {
    let (moto, server, mut clock) = (Moto::start(), mariadb::shared(), Clock::new());
    users::add(&server, users::quick_argon2());
    let _ = moto.create_secret("jwt", "the first text, of 32 bytes and more");
    let parts = [moto.variables(), server.login_variables(), clock.variables()];
    let validate = variables(parts, &[("JWT_SECRET_ID", "jwt")]);
    // `login` refreshes the key and `validate` does not: only a token with the new key triggers the
    // refresh in `validate`.
    let login = with(validate.clone(), &[("SECRET_REFRESH_SECONDS", "10")]);
    let functions = Functions::start(login, validate);
    let old = functions.log_in();
    let load = functions.load();
    load.set_extra_tokens(std::slice::from_ref(&old));
    // The key in AWSPREVIOUS verifies, the one before it does not.
    let new = ["the second text, of 32 bytes and more", &key_set("third")];
    for (number, (secret, status)) in (1..).zip(new.into_iter().zip([200, 403])) {
        moto.put_secret("jwt", secret);
        clock.advance(COOL_DOWN);
        wait::until("`validate` refreshes the key", SOON, || {
            let renewals = functions.validate.log().matches("a secret was renewed").count();
            (renewals == number).then_some(())
        });
        thread::sleep(A_WHILE);
        assert_eq!(functions.validate(&old), status, "{secret}");
        load.set_extra_tokens(&[]);
        thread::sleep(A_WHILE);
    }
    assert_none_failed(load, "a key that is replaced in one step");
}
