//! A signing key that Secrets Manager rotates by itself.

use serde_json::json;
use system_tests::{clock::Clock, mariadb, moto::Moto};

use super::*;

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn a_key_that_is_replaced_in_one_step_refuses_no_request() {
    let (moto, server, mut clock) = (Moto::start(), mariadb::shared(), Clock::new());
    users::add(&server, users::quick());
    let _ = moto.create_secret("jwt", "the first text, of 32 bytes and more");
    let parts = [&moto.variables(), &server.login_variables(), &clock.variables()];
    let validate = variables(&parts, &[("JWT_SECRET_ID", "jwt")]);
    // It looks again while `validate` does not.
    let login = variables(&[&validate], &[("SECRET_REFRESH_SECONDS", "10")]);
    let functions = Functions::start(login, validate);
    let old = functions.log_in();
    let load = functions.load();
    load.validate_too(std::slice::from_ref(&old));

    // Nothing but the first token of the new key tells `validate` that there is one.
    moto.put_secret("jwt", "the second text, of 32 bytes and more");
    clock.advance(PAUSE);
    let renewed = || functions.validate.log().contains("a secret was renewed").then_some(());
    wait::until("`validate` looks again", SOON, renewed);
    thread::sleep(A_WHILE);
    assert_eq!(functions.validate(&old), 200, "AWSPREVIOUS verifies");

    // One more, of which tokens have a `kid`. What was there first is nowhere any more.
    load.validate_too(&[]);
    let key = json!({ "kty": "oct", "kid": "third", "k": "c".repeat(43) });
    moto.put_secret("jwt", &json!({ "keys": [key] }).to_string());
    clock.advance(PAUSE);
    functions.refuses(&old);
    thread::sleep(A_WHILE);
    load.all_good("the load");
}
