//! The stores of users and of failed logins.

use std::net::Ipv4Addr;

use secrecy::ExposeSecret;
use shared::{
    config::ThrottleConfig,
    database::DatabaseError,
    throttle::{Decision, MySqlThrottle, Rule, ThrottleKey, ThrottleStore},
    users::{NewUser, UserStoreError},
};
use tokio::task::JoinSet;

use super::*;

pub(crate) async fn suite(server: &DatabaseServer) {
    set_up(server, "");
    let store = open(&server.root_variables(), 4).await;
    a_user_is_found_by_the_exact_email_ignoring_ascii_case(&store).await;
    a_hash_is_replaced_only_if_it_is_still_the_one_that_was_read(&store).await;
    a_user_added_three_times_concurrently_is_stored_once(&store).await;
    a_transaction_on_a_broken_connection_is_not_committed(&store).await;
    each_throttle_step_follows_the_rule(server).await;
    expired_throttle_rows_are_deleted(server).await;
}

fn new_user(email: &str) -> NewUser {
    NewUser { email: email.to_owned(), hash: "hash".to_owned(), admin: false }
}

async fn add(store: &AdminStore, email: &str) -> User {
    store.add(&[new_user(email)]).await.unwrap();
    let user = find(store, email).await.unwrap_or_else(|| panic!("{email} is not found"));
    assert_eq!(user.email, email);
    user
}

async fn a_user_is_found_by_the_exact_email_ignoring_ascii_case(store: &AdminStore) {
    let bob = add(store, "Bob@Example.com").await;
    assert_eq!((bob.password.expose_secret(), bob.admin), ("hash", false));
    for spelling in ["bob@example.com", "BOB@EXAMPLE.COM", "Bob@Example.com"] {
        let user = find(store, spelling).await.unwrap();
        assert_eq!((user.email.as_str(), &user.id), ("Bob@Example.com", &bob.id));
    }
    for (stored, other) in rows::<(String, String)>("emails") {
        add(store, &stored).await;
        assert!(find(store, &other).await.is_none(), "{other:?} found {stored:?}");
    }
    // A collation may treat both as equal and refuse the second. If both are stored, each is
    // found by its own spelling.
    add(store, "renée@example.com").await;
    if store.add(&[new_user("renee@example.com")]).await.is_ok() {
        assert_eq!(find(store, "renee@example.com").await.unwrap().email, "renee@example.com");
    }

    let odd = r#"o'brien|"quoted"|100%|under_score|back\slash|юзер|名|math𝒳|👩‍👩‍👧|x'; DROP TABLE user; --|?|:name|\"#;
    let longest = "l".repeat(255 - "@example.com".len());
    for name in odd.split('|').chain(["line\nbreak", &longest]) {
        add(store, &format!("{name}@example.com")).await;
    }
    let long = format!("{}@example.com", "x".repeat(10 * 1024));
    for email in ["%", "100_@example.com", "%@example.com", "' OR '1'='1", "", "NULL", "0", &long] {
        assert!(find(store, email).await.is_none(), "{email:?}");
    }
}

async fn a_hash_is_replaced_only_if_it_is_still_the_one_that_was_read(store: &AdminStore) {
    let read = add(store, "swap@example.com").await;
    assert!(store.users.replace_hash(&read, "stronger").await.unwrap());
    // Hashes are case-sensitive. (Trailing blanks are ignored by MySQL's utf8mb4_bin.)
    let near = User { password: "STRONGER".into(), ..read.clone() };
    for user in [read, near] {
        assert!(!store.users.replace_hash(&user, "too late").await.unwrap());
        let stored = find(store, &user.email).await.unwrap();
        assert_eq!(stored.password.expose_secret(), "stronger");
    }
}

/// A test of `auth-admin user import` proves that of several users all are added or none.
async fn a_user_added_three_times_concurrently_is_stored_once(store: &AdminStore) {
    let race = (0..3).map(|_| {
        let store = store.clone();
        async move { store.add(&[new_user("race@example.com")]).await }
    });
    let outcomes = race.collect::<JoinSet<_>>().join_all().await;
    let lost = |outcome: &&_| matches!(outcome, Err(UserStoreError::Duplicate(0)));
    assert_eq!(outcomes.iter().filter(lost).count(), 2, "{outcomes:?}");
}

async fn a_transaction_on_a_broken_connection_is_not_committed(store: &AdminStore) {
    let mut transaction = store.database.begin().await.unwrap();
    assert!(transaction.query("KILL CONNECTION_ID()", &[]).await.is_err());
    assert!(transaction.finish(Ok::<_, DatabaseError>(())).await.is_err());
}

fn email_rule() -> Rule {
    Rule::email(&ThrottleConfig { max_failures: 3, ..Default::default() })
}

async fn each_throttle_step_follows_the_rule(server: &DatabaseServer) {
    const NOW: u32 = 2_000_000_000;
    let config = ThrottleConfig { source_limit: Some(3), ..Default::default() };
    let source_rule = Rule::source(&config).unwrap();
    server.sql(&format!("SET GLOBAL init_connect = 'SET timestamp = {NOW}'"));
    let store = MySqlThrottle(open(&server.login_variables(), 1).await.database);
    let set = |columns: &str| server.sql(&format!("UPDATE auth.login_throttle SET {columns}"));
    for (what, steps) in rows::<(String, String)>("throttle") {
        let (subject, rule) = if what.contains("source") {
            (ThrottleKey::source(Ipv4Addr::LOCALHOST.into()), &source_rule)
        } else {
            (ThrottleKey::email(&what), &email_rule())
        };
        for step in steps.split_whitespace() {
            if let Some(pause) = step.strip_prefix('+') {
                let times = ["checks_until", "locked_until", "forget_at"];
                set(&times.map(|time| format!("{time} = {time} - {pause}")).join(", "));
            }
            let found = match step.split(':').next().unwrap() {
                "reserve" => match store.reserve(&subject, rule).await.unwrap() {
                    Decision::Reserved { is_first: true } => "first".to_owned(),
                    Decision::Reserved { is_first: false } => "next".to_owned(),
                    Decision::Full => "full".to_owned(),
                    Decision::Locked(remaining) => format!("{remaining:?}"),
                },
                "commit" => store.commit_failure(&subject, rule).await.unwrap().to_string(),
                "release" | "reset" => {
                    store.release(&subject, step == "reset:").await.unwrap();
                    String::new()
                }
                column if column.contains('=') => {
                    set(&column.replace("now", &format!("{NOW}000")));
                    continue;
                }
                _ => continue,
            };
            assert!(step.ends_with(&format!(":{found}")), "{what}: {step} found {found}: {steps}");
        }
    }
    server.sql("SET GLOBAL init_connect = ''");
}

async fn expired_throttle_rows_are_deleted(server: &DatabaseServer) {
    server.sql(
        "DELETE FROM auth.login_throttle;
         INSERT INTO auth.login_throttle
           (subject, failures, checks, checks_until, locked_until, forget_at)
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 900)
         SELECT CONCAT('old', n), 7, 1, 1000, 1000, 1000 FROM n",
    );
    let store = MySqlThrottle(open(&server.login_variables(), 1).await.database);
    // One reservation in 64 deletes them, so one of these 2,000 practically always does.
    for number in 0..2000 {
        let subject = ThrottleKey::email(&format!("{number}@example.com"));
        store.reserve(&subject, &email_rule()).await.unwrap();
    }
    // The new reservations are kept.
    let rest = "SELECT SUM(subject LIKE 'old%'), SUM(checks) > 0 FROM auth.login_throttle";
    assert_eq!(server.query(rest), "0\t1");
}
