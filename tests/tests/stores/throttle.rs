//! Counts of failed logins: in MySQL each step is one statement, in SQLite it is code of
//! our own. Both must take the same steps.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use shared::{
    config::ThrottleConfig,
    throttle::{Admission, Rule, Subject, ThrottleStore},
    users::SqliteUsers,
};
use system_tests::{database::DatabaseServer, scratch, stores};

const ALONE: Admission = Admission::Admitted { alone: true };

fn rules() -> (Rule, Rule) {
    let config = ThrottleConfig { max_failures: 3, source_limit: Some(4), ..Default::default() };
    (Rule::email(&config), Rule::source(&config).unwrap())
}

/// Whole milliseconds, as the tables have them.
fn now() -> SystemTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

pub(crate) async fn suite(server: &DatabaseServer) {
    both_take_the_same_steps(server).await;
    parallel_checks_do_not_outrun_the_rule(server).await;
    every_failure_of_many_at_once_is_counted(server).await;
    rows_that_say_nothing_any_more_are_deleted(server).await;
}

/// 2,000 steps at random but reproducible, at times from milliseconds to minutes apart.
async fn both_take_the_same_steps(server: &DatabaseServer) {
    let directory = scratch::directory();
    let model = SqliteUsers::open(&directory.path().join("counts.sqlite")).await.unwrap();
    let store = stores::open(&server.login_variables(), 1).await;
    let (email, source) = rules();
    let subjects = [
        (Subject::email("steps@example.com"), email),
        (Subject::email("other@example.com"), email),
        (Subject::source("192.0.2.1"), source),
    ];
    let (mut random, mut time) = (1_u64, now());
    for step in 0..2000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let draw = |shift: u32, below: u64| (random >> shift) % below;
        let (subject, rule) = &subjects[usize::try_from(draw(40, 3)).unwrap()];
        time += Duration::from_millis(
            [0, 1, 400, 3_000, 10_000, 61_000, 900_000, 7][usize::try_from(draw(44, 8)).unwrap()],
        );
        let what = format!("step {step} on {subject}");
        match draw(50, 10) {
            0..5 => assert_eq!(
                store.begin(subject, rule, Some(time)).await.unwrap(),
                model.begin(subject, rule, Some(time)).await.unwrap(),
                "{what}: begin"
            ),
            5..8 => assert_eq!(
                store.fail(subject, rule, Some(time)).await.unwrap(),
                model.fail(subject, rule, Some(time)).await.unwrap(),
                "{what}: fail"
            ),
            other => {
                store.end(subject, other == 9).await.unwrap();
                model.end(subject, other == 9).await.unwrap();
            }
        }
        assert_eq!(
            store.failures(Some(time), 10).await.unwrap(),
            model.failures(Some(time), 10).await.unwrap(),
            "{what}: the counts behind it"
        );
    }
    for (subject, _) in &subjects {
        store.reset(Some(subject)).await.unwrap();
        assert_eq!(store.begin(subject, &email, Some(time)).await.unwrap(), ALONE, "{subject}");
    }
}

async fn parallel_checks_do_not_outrun_the_rule(server: &DatabaseServer) {
    let rule = rules().0;
    for round in 0..5 {
        // Instances share nothing but the database.
        let stores = [
            Arc::new(stores::open(&server.login_variables(), 4).await),
            Arc::new(stores::open(&server.login_variables(), 4).await),
        ];
        let subject = Subject::email(&format!("parallel{round}@example.com"));
        let begins = (0..100).map(|number| {
            let (store, subject) = (Arc::clone(&stores[number % 2]), subject.clone());
            tokio::spawn(async move { store.begin(&subject, &rule, None).await.unwrap() })
        });
        let mut admitted = 0;
        for begin in begins.collect::<Vec<_>>() {
            match begin.await.unwrap() {
                Admission::Admitted { .. } => admitted += 1,
                Admission::Full => {}
                locked @ Admission::Locked(_) => panic!("{locked:?}"),
            }
        }
        assert_eq!(admitted, 3, "round {round}");
    }
}

async fn every_failure_of_many_at_once_is_counted(server: &DatabaseServer) {
    let store = Arc::new(stores::open(&server.login_variables(), 8).await);
    let (subject, rule) = (Subject::email("counted@example.com"), rules().0);
    let fails = (0..100).map(|_| {
        let (store, subject) = (Arc::clone(&store), subject.clone());
        tokio::spawn(async move { store.fail(&subject, &rule, None).await.unwrap() })
    });
    let mut numbers = Vec::new();
    for fail in fails.collect::<Vec<_>>() {
        numbers.push(fail.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=100).collect::<Vec<_>>());
}

async fn rows_that_say_nothing_any_more_are_deleted(server: &DatabaseServer) {
    server.sql(
        "DELETE FROM auth.login_throttle;
         INSERT INTO auth.login_throttle
           (subject, failures, checks, checks_until, locked_until, forget_at)
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 900)
         SELECT CONCAT('old', n), 7, 1, 1000, 1000, 1000 FROM n",
    );
    let store = stores::open(&server.login_variables(), 1).await;
    let old = "SELECT COUNT(*) FROM auth.login_throttle WHERE subject LIKE 'old%'";
    // One check in 64 deletes them: by far not one in 2,000 checks does not happen.
    for number in 0..2000 {
        let subject = Subject::email(&format!("{number}@example.com"));
        store.begin(&subject, &rules().0, None).await.unwrap();
        if number % 50 == 0 && server.query(old) == "0" {
            let rest = server.query("SELECT COUNT(*) FROM auth.login_throttle");
            assert!(rest.parse::<usize>().unwrap() > number, "checks under way stay: {rest}");
            return;
        }
    }
    panic!("{} old rows are left", server.query(old));
}
