//! Counts in an SQLite file, for local work and tests. It has one connection, so that a
//! transaction is as good as one statement.

use std::time::SystemTime;

use async_trait::async_trait;
use sqlx::{Connection, SqliteConnection};

use super::{
    Admission, Rule, Subject, ThrottleRow, ThrottleStore,
    count::Count,
    store::{FailuresRow, listed, milliseconds},
};
use crate::users::{SqliteUsers, StoreError};

const READ: &str = "SELECT failures, checks, checks_until, locked_until, forget_at \
     FROM login_throttle WHERE subject = ?";
const WRITE: &str = "INSERT OR REPLACE INTO login_throttle \
     (subject, failures, checks, checks_until, locked_until, forget_at) VALUES (?, ?, ?, ?, ?, ?)";
/// Rows that say nothing any more.
const FORGET: &str = "DELETE FROM login_throttle WHERE forget_at <= ?1 AND checks_until <= ?1";
const RESET: &str = "DELETE FROM login_throttle WHERE ?1 IS NULL OR subject = ?1";
const FAILURES: &str = "SELECT subject, failures, locked_until - ?1, forget_at - ?1 \
     FROM login_throttle WHERE forget_at > ?1 AND failures > 0 \
     ORDER BY locked_until DESC, subject LIMIT ?2";

/// Takes a step of a subject's count.
async fn step<T: Send + 'static>(
    store: &SqliteUsers,
    subject: &Subject,
    step: impl Fn(&mut Count) -> T + Copy + Send + Sync + 'static,
) -> Result<T, StoreError> {
    let subject = subject.clone();
    let taken = store.connections().run(move |connection| {
        let subject = subject.clone();
        Box::pin(async move {
            let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
            let mut count = read(&mut transaction, &subject).await?;
            let result = step(&mut count);
            write(&mut transaction, &subject, count).await?;
            transaction.commit().await?;
            Ok(result)
        })
    });
    taken.await
}

async fn read(connection: &mut SqliteConnection, key: &Subject) -> Result<Count, sqlx::Error> {
    let row: Option<(i64, i64, i64, i64, i64)> =
        sqlx::query_as(READ).bind(key.as_str()).fetch_optional(connection).await?;
    let (failures, checks, checks_until, locked_until, forget_at) = row.unwrap_or_default();
    Ok(Count { failures, checks, checks_until, locked_until, forget_at })
}

async fn write(
    connection: &mut SqliteConnection,
    subject: &Subject,
    count: Count,
) -> Result<(), sqlx::Error> {
    let Count { failures, checks, checks_until, locked_until, forget_at } = count;
    let write = sqlx::query(WRITE).bind(subject.as_str()).bind(failures).bind(checks);
    let write = write.bind(checks_until).bind(locked_until).bind(forget_at);
    write.execute(connection).await.map(drop)
}

/// SQLite's clock is that of this machine.
fn time(now: Option<SystemTime>) -> i64 {
    milliseconds(now.unwrap_or_else(SystemTime::now))
}

#[async_trait]
impl ThrottleStore for SqliteUsers {
    async fn begin(
        &self,
        subject: &Subject,
        rule: &Rule,
        now: Option<SystemTime>,
    ) -> Result<Admission, StoreError> {
        let (now, rule) = (time(now), *rule);
        let forget = move || sqlx::query(FORGET).bind(now);
        self.connections().run(move |connection| Box::pin(forget().execute(connection))).await?;
        step(self, subject, move |count| count.begin(&rule, now)).await
    }

    async fn fail(
        &self,
        subject: &Subject,
        rule: &Rule,
        now: Option<SystemTime>,
    ) -> Result<i64, StoreError> {
        let (now, rule) = (time(now), *rule);
        step(self, subject, move |count| count.fail(&rule, now)).await
    }

    async fn end(&self, subject: &Subject, clear: bool) -> Result<(), StoreError> {
        step(self, subject, move |count| count.end(clear)).await
    }

    async fn failures(
        &self,
        now: Option<SystemTime>,
        limit: u32,
    ) -> Result<Vec<ThrottleRow>, StoreError> {
        let now = time(now);
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
        let done = self.connections().run(move |connection| {
            Box::pin(sqlx::query(RESET).bind(subject.clone()).execute(connection))
        });
        Ok(done.await?.rows_affected())
    }
}
