//! The password of the database account.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::json;
use system_tests::{
    Environment, clock::Clock, database::DatabaseServer, mariadb, moto::Moto, scratch, wait,
};

use super::*;

const FIRST: &str = "the first password";
const SECOND: &str = "the second password";

fn set_password(server: &DatabaseServer, password: &str) {
    server.sql(&format!("ALTER USER auth_user@'%' IDENTIFIED BY '{password}'"));
}

fn secret(password: &str) -> String {
    json!({ "username": "auth_user", "password": password }).to_string()
}

fn server() -> DatabaseServer {
    let server = mariadb::start();
    server.init();
    set_password(&server, FIRST);
    users::add(&server, users::quick());
    server
}

/// Where the database is, without the password.
fn address(server: &DatabaseServer) -> Environment {
    let mut variables = server.login_variables();
    variables.remove("MYSQL_PASSWORD");
    variables
}

fn functions(moto: &Moto, server: &DatabaseServer, clock: &Clock) -> Functions {
    let _ = moto.create_secret("db", &secret(FIRST));
    let _ = moto.create_secret("jwt", &key_set(&["one"]));
    let mut all = variables(
        &[&moto.variables(), &address(server), &clock.variables()],
        &[("JWT_SECRET_ID", "jwt"), ("DATABASE_SECRET_ID", "db")],
    );
    let login = Service::start("login", all.clone());
    all.retain(|name, _| !name.starts_with("MYSQL_") && name != "DATABASE_SECRET_ID");
    let functions = Functions { login, validate: Service::start("validate", all) };
    assert_eq!(functions.validate(&functions.log_in()), 200);
    functions
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn a_rotation_in_the_steps_of_secrets_manager_refuses_nobody() {
    let _alone = alone();
    let (moto, server, mut clock) = (Moto::start(), server(), Clock::new());
    let functions = functions(&moto, &server, &clock);
    let load = functions.load();
    thread::sleep(Duration::from_millis(500));

    // createSecret, setSecret: the database has the new password, and AWSCURRENT the old.
    let version = moto.put_pending("db", &secret(SECOND));
    set_password(&server, SECOND);
    end_connections(&server);
    thread::sleep(Duration::from_secs(1));

    // finishSecret
    moto.make_current("db", &version);
    clock.advance(REFRESH);
    thread::sleep(Duration::from_millis(500));
    end_connections(&server);
    thread::sleep(Duration::from_secs(1));

    // The database goes back to what AWSPREVIOUS still has.
    set_password(&server, FIRST);
    clock.advance(REFRESH);
    end_connections(&server);
    thread::sleep(Duration::from_secs(1));
    load.all_good("the load");
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn a_password_that_is_changed_by_hand_refuses_nobody_while_connections_live() {
    let _alone = alone();
    let (moto, server, clock) = (Moto::start(), server(), Clock::new());
    let functions = functions(&moto, &server, &clock);
    let load = functions.load();
    // Until every connection that there may be is there.
    thread::sleep(Duration::from_secs(1));
    set_password(&server, SECOND);
    moto.put_secret("db", &secret(SECOND));
    end_connections(&server);
    thread::sleep(Duration::from_secs(1));
    load.all_good("the load");
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn a_password_that_no_secret_has_is_503_until_one_has_it() {
    let _alone = alone();
    let (moto, server, mut clock) = (Moto::start(), server(), Clock::new());
    let functions = functions(&moto, &server, &clock);
    set_password(&server, SECOND);
    end_connections(&server);
    let log_in = || functions.login.request("POST", "/login").basic(USER.0, USER.1).send();
    let before = moto.requests();
    for _ in 0..5 {
        let answer = log_in();
        assert_eq!((answer.status, answer.text()), (503, "service unavailable"));
        assert_eq!(answer.header("retry-after"), Some("2"));
        assert_eq!(answer.header("www-authenticate"), None);
    }
    assert_eq!(moto.requests() - before, 3, "one fetch, of three stages");
    moto.put_secret("db", &secret(SECOND));
    clock.advance(11);
    assert_eq!(log_in().status, 200);
    let log = functions.login.log();
    assert!(!log.contains(FIRST) && !log.contains(SECOND), "{log}");
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn hours_later_and_without_secrets_manager_logins_go_on() {
    let _alone = alone();
    let (mut moto, server, mut clock) = (Moto::start(), server(), Clock::new());
    let functions = functions(&moto, &server, &clock);
    // One that hangs, then one that is not there.
    for stop in [Moto::freeze as fn(&mut Moto), Moto::stop] {
        stop(&mut moto);
        clock.advance(4 * 3600);
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

#[test]
#[ignore = "needs MariaDB: make test"]
fn a_password_or_a_url_in_a_file_is_read_again_when_it_is_refused() {
    let _alone = alone();
    let server = server();
    let folder = scratch::directory();
    let file = folder.path().join("secret");
    let url = |password: &str| {
        let password = password.replace(' ', "%20");
        format!("mysql://auth_user:{password}@127.0.0.1:{}/auth", server.port())
    };
    for (variable, first, second, parts) in [
        ("MYSQL_PASSWORD_FILE", FIRST.to_owned(), SECOND.to_owned(), address(&server)),
        ("DATABASE_URL_FILE", url(FIRST), url(SECOND), Environment::new()),
    ] {
        set_password(&server, FIRST);
        fs::write(&file, first).unwrap();
        let path = file.display().to_string();
        let key = "a key for HS256 of 32 bytes or more";
        let all = variables(&[&parts], &[(variable, &path), ("JWT_SECRET", key)]);
        let login = Service::start("login", all);
        let status = || login.request("POST", "/login").basic(USER.0, USER.1).send().status;
        assert_eq!(status(), 200, "{variable}");
        set_password(&server, SECOND);
        fs::write(&file, second).unwrap();
        end_connections(&server);
        wait::until(variable, SOON, || (status() == 200).then_some(()));
        assert!(!login.log().contains("service_unavailable"), "{}", login.log());
    }
}
