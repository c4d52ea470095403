//! The budget of a source, where one is set.

use system_tests::{http::Answer, service::Service};

use crate::{ADA, BOB, PASSWORD, login, server, status};

fn forwarded(login: &Service, forwarded_for: &str, email: &str, password: &str) -> Answer {
    let request = login.request("POST", "/login").basic(email, password);
    request.header("x-forwarded-for", forwarded_for).send()
}

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn a_source_that_sprays_is_locked_whatever_it_says_of_itself() {
    let server = server().await;
    let login = login(&server, &[("LOGIN_SOURCE_LIMIT", "3")]);
    for number in 0..3 {
        let email = format!("{number}@example.com");
        let answer = forwarded(&login, &format!("192.0.2.{number}"), &email, "wrong");
        assert_eq!(answer.status, 401);
    }
    let refused = forwarded(&login, "192.0.2.9", ADA, PASSWORD);
    assert_eq!(refused.status, 429);
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((50..=60).contains(&seconds), "until a minute after the first failure: {seconds}");
    let keys = server.query("SELECT subject FROM auth.login_throttle WHERE subject LIKE 's%'");
    assert_eq!(keys, "source:127.0.0.1");
}

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn behind_proxies_of_ones_own_the_last_entries_are_believed() {
    let server = server().await;
    let login = login(&server, &[("LOGIN_SOURCE_LIMIT", "3"), ("TRUSTED_PROXY_HOPS", "2")]);
    let sprayer = |first: usize| format!("10.9.8.{first}, 198.51.100.7, 10.0.0.1");
    for number in 0..3 {
        let email = format!("{number}@example.com");
        assert_eq!(forwarded(&login, &sprayer(number), &email, "wrong").status, 401);
    }
    assert_eq!(forwarded(&login, &sprayer(9), ADA, PASSWORD).status, 429);
    let other = "198.51.100.7, 198.51.100.8, 10.0.0.1";
    assert_eq!(forwarded(&login, other, ADA, PASSWORD).status, 200, "another source");
}

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn a_success_does_not_clear_the_budget_of_its_source() {
    let server = server().await;
    let login = login(&server, &[("LOGIN_SOURCE_LIMIT", "3")]);
    for number in 0..3 {
        assert_eq!(status(&login, ADA, PASSWORD), 200);
        assert_eq!(status(&login, &format!("{number}@example.com"), "wrong"), 401);
    }
    assert_eq!(status(&login, BOB, PASSWORD), 429);
}

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn without_a_limit_no_source_is_counted() {
    let server = server().await;
    let login = login(&server, &[]);
    for number in 0..20 {
        assert_eq!(status(&login, &format!("{number}@example.com"), "wrong"), 401);
    }
    let keys = "SELECT COUNT(*) FROM auth.login_throttle WHERE subject LIKE 'source:%'";
    assert_eq!(server.query(keys), "0");
}
