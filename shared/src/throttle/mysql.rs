//! Counts in MySQL or MariaDB: one statement for each step, so that each is atomic.
//!
//! A statement returns its result as the insert id (`LAST_INSERT_ID(…)`): MySQL has no `RETURNING`,
//! and MariaDB has none for an `UPDATE`. Assignments are made from left to right, and later ones read
//! what earlier ones have set. All numbers come from [`Rule`] and are part of the text, so that a
//! connection prepares it once.
//!
//! The column `checks` counts the reservations, which expire at `checks_until`. `admitted` says
//! whether this statement has reserved the attempt, for its own assignments after that one; no
//! other statement reads it.
//!
//! Times are those of the database's clock, which all instances share. A lock or a reservation that
//! ends later than the rule allows counts as none; a `forget_at` that is later counts as the latest.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, SqlSafeStr};

use super::{Decision, LOGIN_TIMEOUT, Rule, ThrottleKey, ThrottleStore};
use crate::{
    database::{Database, DatabaseError, QueryResult},
    telemetry::{HealthCheck, HealthError},
};

/// The database's time in milliseconds since 1970, as SQL.
pub const NOW_MS: &str = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000";

/// The insert ids of [`reserve`]. That of a locked subject is [`FULL`] plus the remaining milliseconds.
const FIRST: u64 = 0;
const NEXT: u64 = 1;
const FULL: u64 = 2;

/// In a locked or full row only expired times change.
fn reserve(rule: &Rule) -> String {
    let (max_failures, window) = (rule.max_failures, rule.window.as_millis());
    let timeout = LOGIN_TIMEOUT.as_millis();
    // A step that waits for another one still has the time at which it began.
    let (furthest_reservation, furthest_lock) =
        (2 * timeout, rule.longest_lock().as_millis() + timeout);
    format!(
        "INSERT INTO login_throttle \
           (subject, failures, checks, checks_until, locked_until, forget_at) \
         SELECT ?, 0, 1, clock.now + {timeout}, 0, 0 FROM (SELECT {NOW_MS} AS now) AS clock \
         ON DUPLICATE KEY UPDATE \
         forget_at = IF(forget_at > clock.now, LEAST(forget_at, clock.now + {window}), 0), \
         failures = IF(forget_at = 0, 0, failures), \
         checks_until = IF(checks_until > clock.now \
           AND checks_until <= clock.now + {furthest_reservation}, checks_until, 0), \
         checks = IF(checks_until = 0, 0, checks), \
         locked_until = IF(locked_until > clock.now \
           AND locked_until <= clock.now + {furthest_lock}, locked_until, 0), \
         admitted = LAST_INSERT_ID(CASE \
           WHEN locked_until > 0 THEN locked_until - clock.now + {FULL} \
           WHEN checks >= GREATEST({max_failures} - failures, 1) THEN {FULL} \
           WHEN checks > 0 OR failures > 0 THEN {NEXT} \
           ELSE {FIRST} END) < {FULL}, \
         checks = checks + admitted, \
         checks_until = IF(admitted, clock.now + {timeout}, checks_until)"
    )
}

/// The insert id is the number of failures; 0, where the row is new, means the first.
fn commit_failure(rule: &Rule) -> String {
    let Rule { max_failures, locks, window, counts_in_a_row, .. } = rule;
    let (count, window) = (locks.len(), window.as_millis());
    let locks = locks.iter().map(|lock| lock.as_millis().to_string()).collect::<Vec<_>>();
    let locks = locks.join(", ");
    // NULL for a failure that does not lock.
    let lock = |failures| {
        format!("clock.now + ELT(LEAST({failures} - {max_failures} + 1, {count}), {locks})")
    };
    let (first_lock, next_lock) = (lock("1"), lock("failures"));
    format!(
        "INSERT INTO login_throttle \
           (subject, failures, checks, checks_until, locked_until, forget_at) \
         SELECT ?, 1, 0, 0, COALESCE({first_lock}, 0), clock.now + {window} FROM (SELECT {NOW_MS} AS now) AS clock \
         ON DUPLICATE KEY UPDATE \
         failures = LAST_INSERT_ID(IF(forget_at > clock.now, failures, 0) + 1), \
         checks = GREATEST(checks, 1) - 1, \
         forget_at = IF({counts_in_a_row} OR failures = 1, clock.now + {window}, \
           LEAST(forget_at, clock.now + {window})), \
         locked_until = COALESCE(LEAST(forget_at, {next_lock}), 0)"
    )
}

/// One random reservation in so many deletes expired rows: more than were added meanwhile.
const DELETE_EXPIRED_ONE_IN: u8 = 64;

/// `ER_TABLEACCESS_DENIED_ERROR`, `ER_COLUMNACCESS_DENIED_ERROR` and `ER_NO_SUCH_TABLE`.
const NO_TABLE: [u16; 3] = [1142, 1143, 1146];
/// `ER_LOCK_DEADLOCK`: `InnoDB` ends one of two statements that wait for each other. That one is
/// made again.
const DEADLOCK: u16 = 1213;
const DEADLOCK_TRIES: u32 = 5;

/// Counts in the table `login_throttle` of this database.
#[derive(Clone)]
pub struct MySqlThrottle(pub Database);

impl MySqlThrottle {
    /// Runs a statement on the table, again after a deadlock.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`] if the statement fails.
    pub async fn query(
        &self,
        sql: impl SqlSafeStr,
        values: &[&str],
    ) -> Result<QueryResult, DatabaseError> {
        let sql = sql.into_sql_str();
        let mut result = self.0.query(sql.clone(), values).await;
        for _ in 1..DEADLOCK_TRIES {
            if result.as_ref().err().and_then(DatabaseError::number) != Some(DEADLOCK) {
                break;
            }
            result = self.0.query(sql.clone(), values).await;
        }
        result.map_err(|error| match error.number() {
            Some(number) if NO_TABLE.contains(&number) => DatabaseError::Table {
                problem: "the table of the throttle cannot be used",
                error: error.into(),
                advice: "run init.sql again",
            },
            _ => error,
        })
    }
}

#[async_trait]
impl ThrottleStore for MySqlThrottle {
    async fn reserve(&self, key: &ThrottleKey, rule: &Rule) -> Result<Decision, DatabaseError> {
        let done = self.query(AssertSqlSafe(reserve(rule)), &[key.as_str()]).await?;
        if fastrand::u8(..DELETE_EXPIRED_ONE_IN) == 0 {
            // Not all at once, so that no other statement waits long for it.
            let delete = format!(
                "DELETE FROM login_throttle WHERE forget_at <= {NOW_MS} \
                 AND checks_until <= {NOW_MS} ORDER BY forget_at LIMIT 1000"
            );
            let store = self.clone();
            // In the background: no login waits for it.
            tokio::spawn(async move {
                if let Err(error) = store.query(AssertSqlSafe(delete), &[]).await {
                    tracing::warn!(%error, "old rows of the throttle were not deleted; another login will");
                }
            });
        }
        // A new row sets no insert id, which is 0 then, the same as `FIRST`.
        Ok(match done.change.last_insert_id() {
            FIRST => Decision::Reserved { is_first: true },
            NEXT => Decision::Reserved { is_first: false },
            FULL => Decision::Full,
            locked => Decision::Locked(Duration::from_millis(locked - FULL)),
        })
    }

    async fn commit_failure(&self, key: &ThrottleKey, rule: &Rule) -> Result<i64, DatabaseError> {
        let done = self.query(AssertSqlSafe(commit_failure(rule)), &[key.as_str()]).await?;
        Ok(i64::try_from(done.change.last_insert_id().max(1)).unwrap_or(i64::MAX))
    }

    async fn release(&self, key: &ThrottleKey, reset: bool) -> Result<(), DatabaseError> {
        let reset = if reset { "failures = 0, locked_until = 0, forget_at = 0, " } else { "" };
        let release = format!(
            "UPDATE login_throttle SET {reset}checks = GREATEST(checks, 1) - 1 WHERE subject = ?"
        );
        self.query(AssertSqlSafe(release), &[key.as_str()]).await.map(drop)
    }
}

#[async_trait]
impl HealthCheck for MySqlThrottle {
    async fn check(&self) -> Result<(), HealthError> {
        let row = self.query("SELECT 1 FROM login_throttle LIMIT 1", &[]).await;
        row.map(drop).map_err(|error| HealthError {
            is_refusal: error.is_refusal(),
            reason: error.to_string(),
        })
    }
}
