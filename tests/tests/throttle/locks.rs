//! When an e-mail is locked, and until when.

use crate::{ADA, BOB, PASSWORD, advance, assert_locked, attempt, login, server, status};

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn the_fifth_failure_locks_and_each_further_one_twice_as_long() {
    let server = server().await;
    let login = login(&server, &[]);
    for email in [ADA, "nobody@example.com"] {
        for _ in 0..4 {
            assert_eq!(status(&login, email, "wrong"), 401, "{email}");
        }
        assert_eq!(status(&login, email, "wrong"), 401, "{email}: the fifth");
        for (lock, seconds) in [(1, "2"), (2, "4"), (4, "8"), (8, "16"), (16, "32")] {
            advance(&server, lock);
            assert_eq!(status(&login, email, "wrong"), 401, "{email}: behind {lock} s");
            assert_locked(&attempt(&login, email, "wrong"), seconds);
            assert_locked(&attempt(&login, email, PASSWORD), seconds);
        }
        advance(&server, 32);
    }
    assert_eq!(status(&login, ADA, PASSWORD), 200, "the right password behind the lock");
    assert_eq!(status(&login, BOB, PASSWORD), 200, "nobody else was locked");
}

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn a_success_or_a_quarter_of_an_hour_clears_the_count() {
    let server = server().await;
    let login = login(&server, &[]);
    let fail_four_times = || {
        for _ in 0..4 {
            assert_eq!(status(&login, ADA, "wrong"), 401);
        }
    };
    for _ in 0..3 {
        fail_four_times();
        assert_eq!(status(&login, ADA, PASSWORD), 200);
    }
    fail_four_times();
    advance(&server, 15 * 60);
    fail_four_times();
    assert_eq!(status(&login, ADA, "wrong"), 401, "the fifth in a row");
    assert_eq!(status(&login, ADA, "wrong"), 429);
    advance(&server, 15 * 60);
    fail_four_times();
    assert_eq!(status(&login, ADA, PASSWORD), 200);
}

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn spelling_makes_no_other_count_and_the_table_holds_no_address() {
    let server = server().await;
    let login = login(&server, &[]);
    for email in [ADA, "ADA@example.com", "Ada@Example.Com", "aDA@EXAMPLE.COM", "ada@example.COM"] {
        assert_eq!(status(&login, email, "wrong"), 401, "{email}");
    }
    assert_eq!(status(&login, ADA, PASSWORD), 429);
    let keys = server.query("SELECT subject FROM auth.login_throttle");
    assert_eq!(keys.lines().count(), 1, "{keys}");
    assert!(keys.starts_with("email-sha256:") && !keys.to_lowercase().contains("ada"), "{keys}");
}

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn attempts_during_a_lock_do_not_prolong_it_and_cost_no_hash() {
    let server = server().await;
    let login = login(&server, &[]);
    for _ in 0..5 {
        assert_eq!(status(&login, ADA, "wrong"), 401);
    }
    let failures = || server.query("SELECT failures, locked_until FROM auth.login_throttle");
    let before = failures();
    for _ in 0..20 {
        assert_eq!(status(&login, ADA, "wrong"), 429);
    }
    assert_eq!(failures(), before);
    advance(&server, 1);
    assert_eq!(status(&login, ADA, PASSWORD), 200);
    let (_, log) = login.terminate();
    assert_eq!(log.matches("authn_login_fail_max").count(), 20, "{log}");
    assert_eq!(log.matches("authn_login_lock").count(), 1, "{log}");
}
