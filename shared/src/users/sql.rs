//! The statements, which MySQL, MariaDB and SQLite understand alike, and one
//! implementation of the two traits on them.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use super::{StoreError, User, UserRow};
use crate::telemetry::metrics;

/// How long one statement may take.
pub(super) const STATEMENT_LIMIT: Duration = Duration::from_secs(3);

// ORDER BY takes a bare `id` for the result of that name, which is a text: 10 before 9.

/// One look-up by the index on `email`. A collation may find more than one candidate
/// where the column is not unique; a few are enough to choose from.
pub(super) const FIND: &str = "SELECT CAST(id AS CHAR) AS id, email, COALESCE(password, '') AS password, \
     COALESCE(admin <> 0, 0) AS admin \
     FROM user WHERE email = ? ORDER BY user.id LIMIT 8";
pub(super) const REPLACE_HASH: &str = "UPDATE user SET password = ? WHERE id = ? AND password = ?";
pub(super) const INSERT: &str = "INSERT INTO user (email, password, admin) VALUES (?, ?, ?)";
pub(super) const SET_HASH: &str = "UPDATE user SET password = ? WHERE id = ?";
pub(super) const SET_ADMIN: &str = "UPDATE user SET admin = ? WHERE id = ?";
pub(super) const REMOVE: &str = "DELETE FROM user WHERE id = ?";

/// A row of [`FIND`].
pub(super) type FoundRow = (String, String, String, i64);
/// A row of a page of users.
pub(super) type ListedRow = (String, String, String, i64, String, String);

/// The candidate whose e-mail is the one asked for, but for ASCII case.
pub(super) fn choose(rows: Vec<FoundRow>, email: &str) -> Option<User> {
    let mut users = rows.into_iter().map(|(id, email, password, admin)| User {
        id,
        email,
        password: password.into(),
        admin: admin != 0,
    });
    users.find(|user| user.email.eq_ignore_ascii_case(email))
}

pub(super) fn listed(row: ListedRow) -> UserRow {
    let (id, email, password, admin, created_at, updated_at) = row;
    let user = User { id, email, password: password.into(), admin: admin != 0 };
    UserRow { user, created_at, updated_at }
}

/// The statement's result, or an error once it has taken too long.
pub(super) async fn limited<T>(
    statement: impl Future<Output = Result<T, sqlx::Error>> + Send,
) -> Result<T, StoreError> {
    let begun = Instant::now();
    let result = tokio::time::timeout(STATEMENT_LIMIT, statement).await;
    metrics::statement_ended(begun.elapsed());
    result.map_err(|_| StoreError::Timeout)?.map_err(|error| match error {
        sqlx::Error::Database(error) if error.is_unique_violation() => StoreError::Duplicate(0),
        error => StoreError::Database(error),
    })
}

/// Implements [`UserStore`](super::UserStore) and [`UserDirectory`](super::UserDirectory)
/// for a store with a field `connections`; `$page` selects [`ListedRow`]s. A macro, since
/// generic code over `sqlx::Database` needs more bounds than it has lines.
macro_rules! implement_stores {
    ($store:ty, $database:ty, $page:expr) => {
        impl $store {
            /// Runs a statement and says how many rows it changed.
            async fn execute(
                &self,
                statement: sqlx::query::Query<
                    '_,
                    $database,
                    <$database as sqlx::Database>::Arguments,
                >,
            ) -> Result<u64, StoreError> {
                let mut lease = self.connections.lease().await?;
                let done = sql::limited(statement.execute(&mut *lease)).await?;
                lease.keep();
                Ok(done.rows_affected())
            }
        }

        #[async_trait::async_trait]
        impl $crate::users::UserStore for $store {
            async fn find_by_email(&self, email: &str) -> Result<Option<User>, StoreError> {
                let wanted = email.to_owned();
                let rows = self.connections.run(move |connection| {
                    let find = sqlx::query_as(sql::FIND).bind(wanted.clone());
                    Box::pin(find.fetch_all(connection))
                });
                Ok(sql::choose(rows.await?, email))
            }

            async fn replace_hash(&self, user: &User, hash: &str) -> Result<bool, StoreError> {
                let old = user.password.expose_secret();
                let update = sqlx::query(sql::REPLACE_HASH).bind(hash).bind(&user.id).bind(old);
                self.execute(update).await.map(|changed| changed > 0)
            }

            async fn ping(&self) -> Result<(), StoreError> {
                self.execute(sqlx::query("SELECT 1")).await.map(drop)
            }
        }

        #[async_trait::async_trait]
        impl $crate::users::UserDirectory for $store {
            async fn add(&self, users: &[NewUser]) -> Result<(), StoreError> {
                let mut lease = self.connections.lease().await?;
                let mut all = sql::limited(lease.begin()).await?;
                for (position, user) in users.iter().enumerate() {
                    let values = sqlx::query(sql::INSERT).bind(&user.email).bind(&user.hash);
                    let insert = values.bind(user.admin).execute(&mut *all);
                    sql::limited(insert).await.map_err(|error| match error {
                        StoreError::Duplicate(_) => StoreError::Duplicate(position),
                        error => error,
                    })?;
                }
                sql::limited(all.commit()).await?;
                lease.keep();
                Ok(())
            }

            async fn set_hash(&self, email: &str, hash: &str) -> Result<bool, StoreError> {
                let Some(user) = self.find_by_email(email).await? else { return Ok(false) };
                let update = sqlx::query(sql::SET_HASH).bind(hash).bind(user.id);
                self.execute(update).await.map(|_| true)
            }

            async fn set_admin(&self, email: &str, admin: bool) -> Result<bool, StoreError> {
                let Some(user) = self.find_by_email(email).await? else { return Ok(false) };
                let update = sqlx::query(sql::SET_ADMIN).bind(admin).bind(user.id);
                self.execute(update).await.map(|_| true)
            }

            async fn remove(&self, email: &str) -> Result<bool, StoreError> {
                let Some(user) = self.find_by_email(email).await? else { return Ok(false) };
                let delete = sqlx::query(sql::REMOVE).bind(user.id);
                self.execute(delete).await.map(|_| true)
            }

            async fn page(
                &self,
                after: Option<&str>,
                limit: u32,
            ) -> Result<Vec<UserRow>, StoreError> {
                let after = after.unwrap_or("-1").to_owned();
                let rows = self.connections.run(move |connection| {
                    let page = sqlx::query_as($page).bind(after.clone()).bind(limit);
                    Box::pin(page.fetch_all(connection))
                });
                let rows: Vec<sql::ListedRow> = rows.await?;
                Ok(rows.into_iter().map(sql::listed).collect())
            }
        }
    };
}
pub(super) use implement_stores;
