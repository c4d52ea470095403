//! The signing key in Secrets Manager.

use std::time::Duration;

use system_tests::{clock::Clock, mariadb, moto::Moto, wait};

use super::*;

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn a_key_is_staged_promoted_and_retired_without_a_refused_request() {
    let _alone = alone();
    let (moto, server, mut clock) = (Moto::start(), mariadb::shared(), Clock::new());
    users::add(&server, users::quick());
    let _ = moto.create_secret("jwt", &key_set(&["one"]));
    let functions = Functions::start(&variables(
        &[&moto.variables(), &server.login_variables(), &clock.variables()],
        &[("JWT_SECRET_ID", "jwt")],
    ));
    let old = functions.log_in();
    assert_eq!(kid(&old).as_deref(), Some("one"));
    let load = functions.load();
    load.traffic.validate_too(std::slice::from_ref(&old));

    moto.put_secret("jwt", &key_set(&["one", "two"]));
    functions.notice_new_key(&mut clock);
    assert_eq!(kid(&functions.log_in()).as_deref(), Some("one"), "staged keys do not sign");

    moto.put_secret("jwt", &key_set(&["two", "one"]));
    functions.notice_new_key(&mut clock);
    let new = functions.log_in();
    assert_eq!(kid(&new).as_deref(), Some("two"));
    assert_eq!(functions.validate(&old), 200, "a promotion takes nothing away");
    thread::sleep(Duration::from_secs(1));

    load.traffic.validate_too(&[]);
    moto.put_secret("jwt", &key_set(&["two"]));
    functions.notice_new_key(&mut clock);
    assert_eq!(functions.validate(&old), 200, "AWSPREVIOUS verifies");
    moto.forget_previous("jwt");
    clock.advance(REFRESH);
    wait::until("the old key is refused", Duration::from_secs(10), || {
        (functions.validate(&old) == 403).then_some(())
    });
    thread::sleep(Duration::from_secs(1));
    assert_eq!(functions.validate(&new), 200);
    load.all_good("the load");
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn a_text_that_is_replaced_in_one_step_refuses_nobody() {
    let _alone = alone();
    let (moto, server, mut clock) = (Moto::start(), mariadb::shared(), Clock::new());
    users::add(&server, users::quick());
    let _ = moto.create_secret("jwt", "the first text, of 32 bytes and more");
    let functions = Functions::start(&variables(
        &[&moto.variables(), &server.login_variables(), &clock.variables()],
        &[("JWT_SECRET_ID", "jwt")],
    ));
    let old = functions.log_in();
    assert_eq!(kid(&old), None);
    let load = functions.load();
    load.traffic.validate_too(std::slice::from_ref(&old));
    thread::sleep(Duration::from_millis(500));

    let version = moto.put_pending("jwt", "the second text, of 32 bytes and more");
    thread::sleep(Duration::from_millis(500));
    moto.make_current("jwt", &version);
    functions.notice_new_key(&mut clock);
    thread::sleep(Duration::from_secs(1));
    assert_eq!(functions.validate(&old), 200, "AWSPREVIOUS verifies");

    // One more, and what was there first is nowhere any more.
    load.traffic.validate_too(&[]);
    let version = moto.put_pending("jwt", "the third text, of 32 bytes and more");
    moto.make_current("jwt", &version);
    clock.advance(REFRESH);
    wait::until("the first text is refused", Duration::from_secs(10), || {
        (functions.validate(&old) == 403).then_some(())
    });
    load.all_good("the load");
}

#[test]
#[ignore = "needs MariaDB and moto: make test"]
fn a_new_key_is_found_by_the_first_token_that_it_signed() {
    let _alone = alone();
    let (moto, server) = (Moto::start(), mariadb::shared());
    users::add(&server, users::quick());
    let _ = moto.create_secret("jwt", &key_set(&["one"]));
    let with_moto =
        variables(&[&moto.variables(), &server.login_variables()], &[("JWT_SECRET_ID", "jwt")]);
    let functions = Functions::start(&with_moto);
    moto.put_secret("jwt", &key_set(&["two", "one"]));
    // One that starts now signs with the new key, which the running ones have not seen.
    let fresh = Functions { validate: functions.validate, ..Functions::start(&with_moto) };
    let token = fresh.log_in();
    assert_eq!(kid(&token).as_deref(), Some("two"));
    assert_eq!(fresh.validate(&token), 200);
}
