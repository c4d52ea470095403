//! Counts in MySQL or MariaDB: one statement for each step, so that each is atomic.
//!
//! What a statement found comes back as the insert id of its answer: neither server has a
//! `RETURNING` for this. Assignments are made from left to right, and later ones see what earlier
//! ones have set. Numbers of the rule are part of the text: a connection prepares it once.
//!
//! Times are those of the database's clock, which all instances share. A time further ahead than the
//! rule could have set it counts as none, or as the furthest.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::{
    AssertSqlSafe, FromRow, SqlSafeStr,
    mysql::{MySqlQueryResult, MySqlRow},
};

use super::{CHECK_LIMIT, Reservation, Rule, ThrottleKey, ThrottleStore, rule::milliseconds};
use crate::users::{MySqlUsers, StoreError};

/// Milliseconds since 1970.
const NOW: &str = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000";

/// The insert id is that of [`reservation`]. In a locked or full row only lapsed times change.
fn reserve(rule: &Rule) -> String {
    let Rule { max_failures, window, .. } = rule;
    let check = milliseconds(CHECK_LIMIT);
    // A step that waits for another one still has the time at which it began.
    let (furthest_check, furthest_lock) = (check + check, rule.longest_lock() + check);
    format!(
        "INSERT INTO login_throttle \
           (subject, failures, checks, checks_until, locked_until, forget_at) \
         SELECT ?, 0, 1, clock.now + {check}, 0, 0 FROM (SELECT {NOW} AS now) AS clock \
         ON DUPLICATE KEY UPDATE \
         forget_at = IF(forget_at > clock.now, LEAST(forget_at, clock.now + {window}), 0), \
         failures = IF(forget_at = 0, 0, failures), \
         checks_until = IF(checks_until > clock.now \
           AND checks_until <= clock.now + {furthest_check}, checks_until, 0), \
         checks = IF(checks_until = 0, 0, checks), \
         locked_until = IF(locked_until > clock.now \
           AND locked_until <= clock.now + {furthest_lock}, locked_until, 0), \
         admitted = LAST_INSERT_ID(CASE \
           WHEN locked_until > 0 THEN locked_until - clock.now + 2 \
           WHEN checks >= GREATEST({max_failures} - failures, 1) THEN 2 \
           WHEN checks > 0 OR failures > 0 THEN 1 \
           ELSE 0 END) < 2, \
         checks = checks + admitted, \
         checks_until = IF(admitted, clock.now + {check}, checks_until)"
    )
}

/// What the insert id of [`reserve`] says. It is 0 as well where the row is new.
fn reservation(found: u64) -> Reservation {
    match found {
        0 => Reservation::Reserved { alone: true },
        1 => Reservation::Reserved { alone: false },
        2 => Reservation::Full,
        locked => Reservation::Locked(Duration::from_millis(locked - 2)),
    }
}

/// The insert id is the number of failures; 0, where the row is new, means the first.
fn commit_failure(rule: &Rule) -> String {
    let Rule { max_failures, locks, window, from_last } = rule;
    let (count, locks) = (locks.len(), locks.iter().map(i64::to_string).collect::<Vec<_>>());
    let locks = locks.join(", ");
    // NULL for a failure that does not lock.
    let lock = |failures| {
        format!("clock.now + ELT(LEAST({failures} - {max_failures} + 1, {count}), {locks})")
    };
    let (first_lock, next_lock) = (lock("1"), lock("failures"));
    format!(
        "INSERT INTO login_throttle \
           (subject, failures, checks, checks_until, locked_until, forget_at) \
         SELECT ?, 1, 0, 0, COALESCE({first_lock}, 0), clock.now + {window} FROM (SELECT {NOW} AS now) AS clock \
         ON DUPLICATE KEY UPDATE \
         failures = LAST_INSERT_ID(IF(forget_at > clock.now, failures, 0) + 1), \
         checks = GREATEST(checks, 1) - 1, \
         forget_at = IF({from_last} OR failures = 1, clock.now + {window}, \
           LEAST(forget_at, clock.now + {window})), \
         locked_until = COALESCE(LEAST(forget_at, {next_lock}), 0)"
    )
}

const RELEASE: &str =
    "UPDATE login_throttle SET checks = GREATEST(checks, 1) - 1 WHERE subject = ?";
const RELEASE_AND_CLEAR: &str = "UPDATE login_throttle SET checks = GREATEST(checks, 1) - 1, \
     failures = 0, locked_until = 0, forget_at = 0 WHERE subject = ?";
const RESET: &str = "DELETE FROM login_throttle WHERE subject = ?";
const RESET_ALL: &str = "DELETE FROM login_throttle";

/// One reservation in so many, by chance, has old rows deleted: more than came meanwhile.
const FORGET_EVERY: u8 = 64;
/// Rows that are deleted at once, so that no statement waits for long.
const FORGET_LIMIT: u32 = 1000;

/// `ER_NO_SUCH_TABLE` and `ER_TABLEACCESS_DENIED_ERROR`, and what a deadlock gives.
const NO_TABLE: &str = "42S02";
const DENIED: &str = "42000";
const DEADLOCK: &str = "40001";
/// `InnoDB` ends one of two statements that wait for each other; that one is made again.
const DEADLOCK_TRIES: u32 = 5;

/// A count with failures in it.
#[derive(Debug)]
pub struct ThrottleRow {
    /// Whose count it is.
    pub subject: ThrottleKey,
    /// Failures that are remembered.
    pub failures: i64,
    /// For how long nothing is checked; zero if it is not locked.
    pub locked: Duration,
    /// After how long without another failure the count begins anew.
    pub forgotten: Duration,
}

impl MySqlUsers {
    /// Counts with failures that are still remembered, up to `limit`, locked ones first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database is out of reach or fails.
    pub async fn throttled(&self, limit: u32) -> Result<Vec<ThrottleRow>, StoreError> {
        let select = format!(
            "SELECT subject, failures, locked_until - clock.now, forget_at - clock.now \
             FROM login_throttle, (SELECT {NOW} AS now) AS clock \
             WHERE forget_at > clock.now AND failures > 0 ORDER BY locked_until DESC, subject LIMIT {limit}"
        );
        let rows = self.connections.fetch(AssertSqlSafe(select), &[]).await?;
        let until = |millis: i64| Duration::from_millis(u64::try_from(millis).unwrap_or(0));
        let row = |row: &MySqlRow| {
            let (subject, failures, locked, forgotten) = FromRow::from_row(row)?;
            let (locked, forgotten) = (until(locked), until(forgotten));
            Ok(ThrottleRow { subject: ThrottleKey(subject), failures, locked, forgotten })
        };
        rows.iter().map(row).collect()
    }

    /// Forgets all about `subject`, or about all of them. How many counts there were.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database is out of reach or fails.
    pub async fn reset_throttle(&self, subject: Option<&ThrottleKey>) -> Result<u64, StoreError> {
        let done = match subject {
            Some(subject) => self.count(RESET, &[subject.as_str()]).await?,
            None => self.count(RESET_ALL, &[]).await?,
        };
        Ok(done.rows_affected())
    }

    /// Runs a statement on the counts.
    async fn count(
        &self,
        sql: impl SqlSafeStr,
        values: &[&str],
    ) -> Result<MySqlQueryResult, StoreError> {
        let (sql, mut tries) = (sql.into_sql_str(), 0);
        loop {
            tries += 1;
            let done = self.connections.execute(sql.clone(), values).await;
            let Err(error) = done else { return done };
            match error.sql_state().as_deref() {
                Some(DEADLOCK) if tries < DEADLOCK_TRIES => {}
                Some(NO_TABLE | DENIED) => return Err(StoreError::NoThrottle(error.to_string())),
                _ => return Err(error),
            }
        }
    }

    /// Deletes rows that say nothing any more, behind what is waited for.
    fn forget_later(&self) {
        let store = self.clone();
        let forget = format!(
            "DELETE FROM login_throttle WHERE forget_at <= {NOW} AND checks_until <= {NOW} \
             ORDER BY forget_at LIMIT {FORGET_LIMIT}"
        );
        tokio::spawn(async move {
            if let Err(error) = store.count(AssertSqlSafe(forget), &[]).await {
                tracing::warn!(%error, "old rows of the throttle were not deleted; another login will");
            }
        });
    }
}

#[async_trait]
impl ThrottleStore for MySqlUsers {
    async fn reserve(&self, subject: &ThrottleKey, rule: &Rule) -> Result<Reservation, StoreError> {
        let done = self.count(AssertSqlSafe(reserve(rule)), &[subject.as_str()]).await?;
        if fastrand::u8(..FORGET_EVERY) == 0 {
            self.forget_later();
        }
        Ok(reservation(done.last_insert_id()))
    }

    async fn commit_failure(&self, subject: &ThrottleKey, rule: &Rule) -> Result<i64, StoreError> {
        let done = self.count(AssertSqlSafe(commit_failure(rule)), &[subject.as_str()]).await?;
        Ok(i64::try_from(done.last_insert_id().max(1)).unwrap_or(i64::MAX))
    }

    async fn release(&self, subject: &ThrottleKey, clear: bool) -> Result<(), StoreError> {
        let release = if clear { RELEASE_AND_CLEAR } else { RELEASE };
        self.count(release, &[subject.as_str()]).await.map(drop)
    }
}
