//! Counts in MySQL or MariaDB: one statement for each step, so that each is atomic.
//!
//! What a statement found comes back as the insert id of its answer, which costs no second
//! one: both servers have no `RETURNING` for this. Assignments are made from left to right,
//! and later ones see what earlier ones have set.
//!
//! Times are those of the database's clock, which all instances share. A lock or a check that is
//! further ahead than the rule could have set it counts as none; failures are remembered for as
//! long as the rule says at most.

use std::time::SystemTime;

use async_trait::async_trait;
use sqlx::{MySql, mysql::MySqlArguments, query::Query};

use super::{
    Admission, Rule, Subject, ThrottleRow, ThrottleStore,
    rule::MAX_DOUBLINGS,
    store::{FailuresRow, check_limit, furthest, listed, milliseconds},
};
use crate::users::{MySqlUsers, StoreError};

/// Milliseconds since 1970, or another time in tests.
macro_rules! now {
    () => {
        "COALESCE(?, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)"
    };
}

/// The insert id is that of [`admission`]. A row that is locked, or full, stays as it is but
/// for times that are over.
const BEGIN: &str = concat!(
    "INSERT INTO login_throttle \
       (subject, failures, checks, checks_until, locked_until, forget_at) \
     SELECT ?, 0, 1, clock.now + ?, 0, 0 FROM (SELECT ",
    now!(),
    " AS now) AS clock ON DUPLICATE KEY UPDATE \
     forget_at = IF(forget_at > clock.now, LEAST(forget_at, clock.now + ?), 0), \
     failures = IF(forget_at = 0, 0, failures), \
     checks_until = IF(checks_until > clock.now AND checks_until <= clock.now + ?, checks_until, 0), \
     checks = IF(checks_until = 0, 0, checks), \
     locked_until = IF(locked_until > clock.now AND locked_until <= clock.now + ?, locked_until, 0), \
     admitted = LAST_INSERT_ID(CASE \
       WHEN locked_until > 0 THEN locked_until - clock.now + 2 \
       WHEN checks >= GREATEST(? - failures, 1) THEN 2 \
       WHEN checks > 0 OR failures > 0 THEN 1 \
       ELSE 0 END) < 2, \
     checks = checks + admitted, \
     checks_until = IF(admitted, clock.now + ?, checks_until)"
);

/// The insert id is the number of failures; 0, where the row is new, means the first.
const FAIL: &str = concat!(
    "INSERT INTO login_throttle \
       (subject, failures, checks, checks_until, locked_until, forget_at) \
     SELECT ?, 1, 0, 0, IF(? = 0, 0, clock.now + ?), clock.now + ? FROM (SELECT ",
    now!(),
    " AS now) AS clock ON DUPLICATE KEY UPDATE \
     failures = LAST_INSERT_ID(\
       IF(forget_at > clock.now, failures, 0) + 1), \
     checks = GREATEST(checks, 1) - 1, \
     forget_at = IF(? OR failures = 1, clock.now + ?, LEAST(forget_at, clock.now + ?)), \
     locked_until = IF(failures < ?, 0, LEAST(forget_at, \
       clock.now + LEAST(?, ? << LEAST(failures - ?, ?))))"
);

const END: &str = "UPDATE login_throttle SET checks = GREATEST(checks, 1) - 1, \
     failures = IF(?, 0, failures), locked_until = IF(?, 0, locked_until), \
     forget_at = IF(?, 0, forget_at) WHERE subject = ?";

const FAILURES: &str = concat!(
    "SELECT subject, failures, locked_until - clock.now, forget_at - clock.now \
     FROM login_throttle, (SELECT ",
    now!(),
    " AS now) AS clock \
     WHERE forget_at > clock.now AND failures > 0 \
     ORDER BY locked_until DESC, subject LIMIT ?"
);

const RESET: &str = "DELETE FROM login_throttle WHERE ? IS NULL OR subject = ?";

/// Some at a time, so that nobody waits for it.
const FORGET: &str = concat!(
    "DELETE FROM login_throttle WHERE forget_at <= ",
    now!(),
    " AND checks_until <= ",
    now!(),
    " ORDER BY forget_at LIMIT 1000"
);
/// One check in so many, by chance, has old rows deleted: more than came meanwhile.
const FORGET_EVERY: u8 = 64;

/// `ER_NO_SUCH_TABLE` and `ER_TABLEACCESS_DENIED_ERROR`, and what a deadlock gives.
const NO_TABLE: &str = "42S02";
const DENIED: &str = "42000";
const DEADLOCK: &str = "40001";
/// `InnoDB` ends one of two statements that wait for each other; that one is made again.
const DEADLOCK_TRIES: u32 = 5;

type Statement = Query<'static, MySql, MySqlArguments>;

/// Runs a statement; its insert id and the number of rows it changed.
async fn execute(
    store: &MySqlUsers,
    statement: impl Fn() -> Statement + Send + Sync,
) -> Result<(u64, u64), StoreError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let run = store.connections().run(|connection| Box::pin(statement().execute(connection)));
        let error = match run.await {
            Ok(done) => return Ok((done.last_insert_id(), done.rows_affected())),
            Err(error) => error,
        };
        match error.sql_state().as_deref() {
            Some(DEADLOCK) if tries < DEADLOCK_TRIES => {}
            Some(NO_TABLE | DENIED) => return Err(StoreError::NoThrottle(error.to_string())),
            _ => return Err(error),
        }
    }
}

#[async_trait]
impl ThrottleStore for MySqlUsers {
    async fn begin(
        &self,
        subject: &Subject,
        rule: &Rule,
        now: Option<SystemTime>,
    ) -> Result<Admission, StoreError> {
        let now = now.map(milliseconds);
        let begin = || {
            let begin = sqlx::query(BEGIN).bind(subject.to_string()).bind(check_limit());
            let begin = begin.bind(now).bind(rule.window).bind(furthest(check_limit()));
            begin.bind(furthest(rule.longest_lock)).bind(rule.max_failures).bind(check_limit())
        };
        let (found, _) = execute(self, begin).await?;
        if by_chance() {
            forget_later(self.clone(), now);
        }
        Ok(admission(found))
    }

    async fn fail(
        &self,
        subject: &Subject,
        rule: &Rule,
        now: Option<SystemTime>,
    ) -> Result<i64, StoreError> {
        let now = now.map(milliseconds);
        let first_lock = if rule.locks(1) { rule.lock(1).min(rule.window) } else { 0 };
        let fail = || {
            let fail = sqlx::query(FAIL).bind(subject.to_string());
            let fail = fail.bind(first_lock).bind(first_lock).bind(rule.window).bind(now);
            let fail = fail.bind(rule.from_last).bind(rule.window).bind(rule.window);
            let fail = fail.bind(rule.max_failures).bind(rule.longest_lock).bind(rule.first_lock);
            fail.bind(rule.max_failures).bind(MAX_DOUBLINGS)
        };
        let (failures, _) = execute(self, fail).await?;
        Ok(i64::try_from(failures.max(1)).unwrap_or(i64::MAX))
    }

    async fn end(&self, subject: &Subject, clear: bool) -> Result<(), StoreError> {
        let end = || {
            let end = sqlx::query(END).bind(clear).bind(clear).bind(clear);
            end.bind(subject.to_string())
        };
        execute(self, end).await.map(drop)
    }

    async fn failures(
        &self,
        now: Option<SystemTime>,
        limit: u32,
    ) -> Result<Vec<ThrottleRow>, StoreError> {
        let now = now.map(milliseconds);
        let rows: Vec<FailuresRow> = self
            .connections()
            .run(move |connection| {
                let failures = sqlx::query_as(FAILURES).bind(now).bind(limit);
                Box::pin(failures.fetch_all(connection))
            })
            .await?;
        Ok(rows.into_iter().map(listed).collect())
    }

    async fn reset(&self, subject: Option<&Subject>) -> Result<u64, StoreError> {
        let subject = subject.map(Subject::to_string);
        let reset = || sqlx::query(RESET).bind(subject.clone()).bind(subject.clone());
        let (_, rows) = execute(self, reset).await?;
        Ok(rows)
    }
}

/// What the insert id of [`BEGIN`] says. It is 0 as well where the row is new.
fn admission(found: u64) -> Admission {
    match found {
        0 => Admission::Admitted { alone: true },
        1 => Admission::Admitted { alone: false },
        2 => Admission::Full,
        locked => Admission::Locked(std::time::Duration::from_millis(locked - 2)),
    }
}

fn by_chance() -> bool {
    let mut byte = [0];
    let drawn = aws_lc_rs::rand::fill(&mut byte).is_ok();
    drawn && byte[0] % FORGET_EVERY == 0
}

/// Deletes rows that say nothing any more, while nobody waits for it.
fn forget_later(store: MySqlUsers, now: Option<i64>) {
    tokio::spawn(async move {
        let forget = || sqlx::query(FORGET).bind(now).bind(now);
        if let Err(error) = execute(&store, forget).await {
            tracing::warn!(%error, "old rows of the throttle were not deleted; another login will");
        }
    });
}
