//! The statements, which MySQL, MariaDB and SQLite understand alike, and one
//! implementation of the two traits on them.

use std::{future::Future, time::Duration};

use super::{StoreError, User, UserRow};

/// How long one statement may take, waiting for a connection not included.
pub(super) const QUERY_LIMIT: Duration = Duration::from_secs(3);
/// How long to wait for a connection, making one included.
pub(super) const ACQUIRE_LIMIT: Duration = Duration::from_secs(3);

// ORDER BY takes a bare `id` for the result of that name, which is a text: 10 before 9.

/// One look-up by the index on `email`. A collation may find more than one candidate
/// where the column is not unique; a few are enough to choose from.
pub(super) const FIND: &str = "SELECT CAST(id AS CHAR) AS id, email, password, admin <> 0 AS admin \
     FROM user WHERE email = ? ORDER BY user.id LIMIT 8";
pub(super) const REPLACE_HASH: &str = "UPDATE user SET password = ? WHERE id = ? AND password = ?";
pub(super) const INSERT: &str = "INSERT INTO user (email, password, admin) VALUES (?, ?, ?)";
pub(super) const SET_HASH: &str = "UPDATE user SET password = ? WHERE id = ?";
pub(super) const SET_ADMIN: &str = "UPDATE user SET admin = ? WHERE id = ?";
pub(super) const REMOVE: &str = "DELETE FROM user WHERE id = ?";
pub(super) const PAGE: &str = "SELECT CAST(id AS CHAR) AS id, email, password, admin <> 0 AS admin, \
     CAST(created_at AS CHAR) AS created_at, CAST(updated_at AS CHAR) AS updated_at \
     FROM user WHERE id > ? ORDER BY user.id LIMIT ?";

/// A row of [`FIND`].
pub(super) type FoundRow = (String, String, String, i64);
/// A row of [`PAGE`].
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
    let result = tokio::time::timeout(QUERY_LIMIT + ACQUIRE_LIMIT, statement).await;
    result.map_err(|_| StoreError::TooSlow)?.map_err(|error| match error {
        sqlx::Error::Database(error) if error.is_unique_violation() => StoreError::Duplicate,
        error => StoreError::Database(error),
    })
}

/// Whether the connection broke, so that the same statement may well succeed on a new one.
pub(super) fn is_broken_connection(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed)
}

/// Implements [`UserStore`](super::UserStore) and [`UserDirectory`](super::UserDirectory)
/// for a store with a field `pool`. A macro, since generic code over `sqlx::Database`
/// needs more bounds than it has lines.
macro_rules! implement_stores {
    ($store:ty) => {
        #[async_trait::async_trait]
        impl $crate::users::UserStore for $store {
            async fn find_by_email(&self, email: &str) -> Result<Option<User>, StoreError> {
                let find = || sqlx::query_as(sql::FIND).bind(email).fetch_all(&self.pool);
                let found = sql::limited(async {
                    match find().await {
                        // It broke while this process was frozen or the database restarted.
                        Err(error) if sql::is_broken_connection(&error) => find().await,
                        found => found,
                    }
                });
                match found.await {
                    Ok(rows) => Ok(sql::choose(rows, email)),
                    Err(error) => Err(self.explain(error).await),
                }
            }

            async fn replace_hash(&self, user: &User, hash: &str) -> Result<(), StoreError> {
                let old = user.password.expose_secret();
                let update = sqlx::query(sql::REPLACE_HASH).bind(hash).bind(&user.id).bind(old);
                sql::limited(update.execute(&self.pool)).await.map(drop)
            }

            async fn ping(&self) -> Result<(), StoreError> {
                sql::limited(sqlx::query("SELECT 1").execute(&self.pool)).await.map(drop)
            }
        }

        #[async_trait::async_trait]
        impl $crate::users::UserDirectory for $store {
            async fn add(&self, users: &[NewUser]) -> Result<(), (usize, StoreError)> {
                let at = |position| move |error| (position, error);
                let mut all = sql::limited(self.pool.begin()).await.map_err(at(0))?;
                for (position, user) in users.iter().enumerate() {
                    let values = sqlx::query(sql::INSERT).bind(&user.email).bind(&user.hash);
                    let insert = values.bind(user.admin).execute(&mut *all);
                    sql::limited(insert).await.map_err(at(position))?;
                }
                sql::limited(all.commit()).await.map_err(at(0))
            }

            async fn set_hash(&self, email: &str, hash: &str) -> Result<bool, StoreError> {
                let Some(user) = self.find_by_email(email).await? else { return Ok(false) };
                let update = sqlx::query(sql::SET_HASH).bind(hash).bind(user.id);
                sql::limited(update.execute(&self.pool)).await.map(|_| true)
            }

            async fn set_admin(&self, email: &str, admin: bool) -> Result<bool, StoreError> {
                let Some(user) = self.find_by_email(email).await? else { return Ok(false) };
                let update = sqlx::query(sql::SET_ADMIN).bind(admin).bind(user.id);
                sql::limited(update.execute(&self.pool)).await.map(|_| true)
            }

            async fn remove(&self, email: &str) -> Result<bool, StoreError> {
                let Some(user) = self.find_by_email(email).await? else { return Ok(false) };
                let delete = sqlx::query(sql::REMOVE).bind(user.id);
                sql::limited(delete.execute(&self.pool)).await.map(|_| true)
            }

            async fn page(
                &self,
                after: Option<&str>,
                limit: u32,
            ) -> Result<Vec<UserRow>, StoreError> {
                let page = sqlx::query_as(sql::PAGE).bind(after.unwrap_or("-1")).bind(limit);
                let rows: Vec<sql::ListedRow> = sql::limited(page.fetch_all(&self.pool)).await?;
                Ok(rows.into_iter().map(sql::listed).collect())
            }
        }
    };
}
pub(super) use implement_stores;
