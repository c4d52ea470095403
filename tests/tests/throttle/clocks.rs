//! Clocks that differ: the one of the database counts.

use system_tests::{database::DatabaseServer, service::Service};

use crate::{ADA, BOB, PASSWORD, advance, assert_locked, attempt, login, server, status};

/// An instance that is six hours ahead.
fn ahead(server: &DatabaseServer) -> Service {
    let clock = system_tests::clock::Clock::new().variables();
    let library = clock["LD_PRELOAD"].as_str();
    login(server, &[("LD_PRELOAD", library), ("FAKETIME", "+6h")])
}

#[tokio::test]
#[ignore = "needs MariaDB and libfaketime: make test"]
async fn an_instance_that_is_ahead_locks_for_no_longer() {
    let server = server().await;
    let (ahead, right) = (ahead(&server), login(&server, &[]));
    for _ in 0..5 {
        assert_eq!(status(&ahead, ADA, "wrong"), 401);
    }
    for login in [&ahead, &right] {
        assert_locked(&attempt(login, ADA, PASSWORD), "1");
    }
    advance(&server, 1);
    assert_eq!(status(&right, ADA, PASSWORD), 200);
}

#[tokio::test]
#[ignore = "needs MariaDB and libfaketime: make test"]
async fn guesses_that_alternate_between_clocks_are_counted_together() {
    let server = server().await;
    let logins = [ahead(&server), login(&server, &[])];
    let checked = (0..40).filter(|number| status(&logins[number % 2], ADA, "wrong") == 401);
    // Five at once, and one behind each lock of 1 s, 2 s, 4 s while they are sent.
    let checked = checked.count();
    assert!((5..=8).contains(&checked), "{checked} of 40");
}

/// Such as one of a clock that was put right.
#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn a_time_further_ahead_than_the_longest_lock_counts_as_none() {
    let server = server().await;
    let login = login(&server, &[]);
    for (email, ahead, expected) in [(ADA, 6 * 60 * 60, 200), (BOB, 14 * 60, 429)] {
        server.sql(&format!(
            "INSERT INTO auth.login_throttle SELECT CONCAT('email-sha256:', SHA2('{email}', 256)),
             9, 0, TRUE, 0, clock.ahead, clock.ahead
             FROM (SELECT (UNIX_TIMESTAMP() + {ahead}) * 1000 AS ahead) AS clock"
        ));
        assert_eq!(status(&login, email, PASSWORD), expected, "{email}");
    }
}
