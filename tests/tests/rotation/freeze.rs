//! A process that is frozen, as Lambda does it between two requests, and thaws in a world
//! that has changed.

use serde_json::json;
use system_tests::{clock::Clock, mariadb, moto::Moto};

use super::*;

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn the_first_request_after_a_freeze_finds_the_world_as_it_is() {
    let _alone = alone();
    let (moto, server, mut clock) = (Moto::start(), mariadb::start(), Clock::new());
    server.init();
    users::add(&server, users::quick());
    let set_password = |password: &str| {
        server.sql(&format!("ALTER USER auth_user@'%' IDENTIFIED BY '{password}'"));
        json!({ "username": "auth_user", "password": password }).to_string()
    };
    let _ = moto.create_secret("db", &set_password("one"));
    let _ = moto.create_secret("jwt", &key_set(&["one"]));
    let port = server.port().to_string();
    let all = variables(
        &[&moto.variables(), &clock.variables()],
        &[
            ("JWT_SECRET_ID", "jwt"),
            ("DATABASE_SECRET_ID", "db"),
            ("MYSQL_HOST", "127.0.0.1"),
            ("MYSQL_PORT", &port),
            ("MYSQL_DB", "auth"),
        ],
    );
    let mut functions = Functions::start(&all);
    let old = functions.log_in();

    functions.login.process().freeze();
    functions.validate.process().freeze();
    moto.put_secret("jwt", &key_set(&["two"]));
    moto.forget_previous("jwt");
    moto.put_secret("db", &set_password("two"));
    end_connections(&server);
    clock.advance(4 * 3600);
    functions.login.process().thaw();
    functions.validate.process().thaw();

    assert_eq!(functions.validate(&old), 403, "its key was taken away hours ago");
    let new = functions.log_in();
    assert_eq!(kid(&new).as_deref(), Some("two"), "and signs no more");
    assert_eq!(functions.validate(&new), 200);
}
