//! The statements, which MySQL, MariaDB and SQLite understand alike, and one
//! implementation of the two traits on them.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use super::{StoreError, User};
use crate::telemetry::metrics;

/// How long one statement may take.
pub(super) const STATEMENT_LIMIT: Duration = Duration::from_secs(3);

/// One look-up by the index on `email`, in the given spelling and in lower case: a column
/// that is not of a text, or of one that compares exactly, has no other way to ignore case. A
/// collation may find more than one candidate where the column is not unique; a few are
/// enough to choose from. They are not sorted here: MySQL would rather read the whole table
/// in the order of ids.
pub(super) const FIND: &str = "SELECT id, email, password, admin \
     FROM user WHERE email IN (?, ?) LIMIT 8";
// A view may compute its ids: the e-mail is what there is an index for.
pub(super) const REPLACE_HASH: &str =
    "UPDATE user SET password = ? WHERE email = ? AND id = ? AND password = ?";
/// What [`REPLACE_HASH`] and [`SET_HASH`] have written, as a row of [`FIND`].
pub(super) const WRITTEN_HASH: &str = "SELECT id, email, password, FALSE AS admin FROM user \
     WHERE email = ? AND id = ?";
/// What [`SET_ADMIN`] has written.
pub(super) const WRITTEN_ADMIN: &str =
    "SELECT id, email, password, admin FROM user WHERE email = ? AND id = ?";
pub(super) const INSERT: &str = "INSERT INTO user (email, password, admin) VALUES (?, ?, ?)";
pub(super) const SET_HASH: &str = "UPDATE user SET password = ? WHERE email = ? AND id = ?";
pub(super) const SET_ADMIN: &str = "UPDATE user SET admin = ? WHERE email = ? AND id = ?";
pub(super) const REMOVE: &str = "DELETE FROM user WHERE email = ? AND id = ?";

/// A row of [`FIND`]. A text that is not there, or is not UTF-8, is `None`.
pub(super) struct FoundRow {
    pub(super) id: Option<String>,
    pub(super) email: Option<String>,
    pub(super) password: Option<String>,
    pub(super) admin: bool,
}

impl FoundRow {
    /// The user, with nothing where the row has nothing.
    pub(super) fn listed(self) -> User {
        User {
            id: self.id.unwrap_or_default(),
            email: self.email.unwrap_or_default(),
            password: self.password.unwrap_or_default().into(),
            admin: self.admin,
        }
    }
}

/// The candidate whose e-mail is the one asked for, but for ASCII case. Of several, the one in
/// that very spelling, or else the one with the lowest id. A row without an id is none: its
/// user could not be named.
pub(super) fn choose(rows: Vec<FoundRow>, email: &str) -> Option<User> {
    let is_wanted = |row: &FoundRow| {
        row.id.is_some() && row.email.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(email))
    };
    let wanted = rows.into_iter().filter(is_wanted).map(FoundRow::listed);
    // The shorter number is the lower one.
    wanted.min_by_key(|user| (user.email != email, user.id.len(), user.id.clone()))
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

/// A text in UTF-8; `None` for bytes that are not.
pub(super) fn text(bytes: Option<Vec<u8>>) -> Option<String> {
    bytes.and_then(|bytes| String::from_utf8(bytes).ok())
}

/// Implements [`UserStore`](super::UserStore) and [`UserDirectory`](super::UserDirectory)
/// for a store with a field `connections` and a method `rows_behind`. A macro, since generic
/// code over `sqlx::Database` needs more bounds than it has lines.
macro_rules! implement_stores {
    ($store:ty, $database:ty) => {
        impl $store {
            /// Runs `update` on the row of `user`, and keeps it if `is_kept` is true of what the
            /// database has stored then, which `written` selects.
            async fn change(
                &self,
                update: sqlx::query::Query<'_, $database, <$database as sqlx::Database>::Arguments>,
                written: &'static str,
                user: &User,
                is_kept: impl FnOnce(&User) -> bool + Send,
            ) -> Result<bool, StoreError> {
                let mut lease = self.connections.lease().await?;
                let mut transaction = sql::limited(lease.begin()).await?;
                let done = sql::limited(async {
                    let rows = update.execute(&mut *transaction).await?.rows_affected();
                    let written = sqlx::query_as(written).bind(&user.email).bind(&user.id);
                    let written: Option<sql::FoundRow> =
                        written.fetch_optional(&mut *transaction).await?;
                    Ok((rows > 0).then_some(written).flatten().map(sql::FoundRow::listed))
                });
                let done = match done.await {
                    Ok(Some(kept)) if !is_kept(&kept) => {
                        Self::take_back(&mut transaction, user, &kept).await;
                        Err(StoreError::NotKept)
                    }
                    done => done.map(|kept| kept.is_some()),
                };
                let ended = Self::finish(transaction, matches!(done, Ok(true)), &done).await;
                let done = done.and_then(|changed| ended.map(|()| changed));
                lease.end(&done);
                done
            }

            /// For tables without transactions; in others it is rolled back with the rest.
            async fn take_back(
                connection: &mut <$database as sqlx::Database>::Connection,
                old: &User,
                kept: &User,
            ) {
                let back = sqlx::query(sql::REPLACE_HASH).bind(old.password.expose_secret());
                let back = back.bind(&old.email).bind(&old.id).bind(kept.password.expose_secret());
                if let Err(error) = sql::limited(back.execute(connection)).await {
                    tracing::warn!(user_id = old.id, %error, "the old password hash was not put back");
                }
            }

            /// Ends a transaction, with its changes or without.
            async fn finish<T>(
                transaction: sqlx::Transaction<'_, $database>,
                commits: bool,
                done: &Result<T, StoreError>,
            ) -> Result<(), StoreError> {
                match done {
                    // Nothing more comes on this connection.
                    Err(StoreError::Timeout) => Err(StoreError::Timeout),
                    _ if commits => sql::limited(transaction.commit()).await,
                    // Now, and not at its next use: it has locks.
                    _ => sql::limited(transaction.rollback()).await,
                }
            }

            async fn add_all(
                connection: &mut <$database as sqlx::Database>::Connection,
                users: &[NewUser],
            ) -> Result<(), StoreError> {
                for (position, user) in users.iter().enumerate() {
                    let values = sqlx::query(sql::INSERT).bind(&user.email).bind(&user.hash);
                    let insert = values.bind(user.admin).execute(&mut *connection);
                    sql::limited(insert).await.map_err(|error| match error {
                        StoreError::Duplicate(_) => StoreError::Duplicate(position),
                        error => sql::about_hash(error, &user.hash),
                    })?;
                    let find = sqlx::query_as(sql::FIND).bind(&user.email).bind(&user.email);
                    let rows = sql::limited(find.fetch_all(&mut *connection)).await?;
                    let is_kept = sql::choose(rows, &user.email).is_some_and(|kept| {
                        kept.email == user.email
                            && kept.password.expose_secret() == user.hash
                            && kept.admin == user.admin
                    });
                    if !is_kept {
                        return Err(StoreError::NotKept);
                    }
                }
                Ok(())
            }
        }

        #[async_trait::async_trait]
        impl $crate::users::UserStore for $store {
            async fn find_by_email(&self, email: &str) -> Result<Option<User>, StoreError> {
                let wanted = [email.to_owned(), email.to_ascii_lowercase()];
                let rows = self.connections.run(move |connection| {
                    let [exact, lower] = wanted.clone();
                    let find = sqlx::query_as(sql::FIND).bind(exact).bind(lower);
                    Box::pin(find.fetch_all(connection))
                });
                match rows.await {
                    Ok(rows) => Ok(sql::choose(rows, email)),
                    Err(error) if sql::cannot_be_an_email(&error) => Ok(None),
                    Err(error) => Err(error),
                }
            }

            async fn replace_hash(&self, user: &User, hash: &str) -> Result<bool, StoreError> {
                let old = user.password.expose_secret();
                let update = sqlx::query(sql::REPLACE_HASH).bind(hash).bind(&user.email);
                let update = update.bind(&user.id).bind(old);
                let is_kept = |kept: &User| kept.password.expose_secret() == hash;
                let changed = self.change(update, sql::WRITTEN_HASH, user, is_kept).await;
                changed.map_err(|error| sql::about_hash(error, hash))
            }

            async fn ping(&self) -> Result<(), StoreError> {
                let ping = self
                    .connections
                    .run(|connection| Box::pin(sqlx::query("SELECT 1").execute(connection)));
                ping.await.map(drop)
            }
        }

        #[async_trait::async_trait]
        impl $crate::users::UserDirectory for $store {
            async fn add(&self, users: &[NewUser]) -> Result<(), StoreError> {
                let mut lease = self.connections.lease().await?;
                let mut transaction = sql::limited(lease.begin()).await?;
                let done = Self::add_all(&mut transaction, users).await;
                let ended = Self::finish(transaction, done.is_ok(), &done).await;
                let done = done.and(ended);
                lease.end(&done);
                done
            }

            async fn set_hash(&self, email: &str, hash: &str) -> Result<bool, StoreError> {
                let Some(user) = self.find_by_email(email).await? else { return Ok(false) };
                let update = sqlx::query(sql::SET_HASH).bind(hash).bind(&user.email).bind(&user.id);
                let is_kept = |user: &User| user.password.expose_secret() == hash;
                let changed = self.change(update, sql::WRITTEN_HASH, &user, is_kept).await;
                changed.map_err(|error| sql::about_hash(error, hash))
            }

            async fn set_admin(&self, email: &str, admin: bool) -> Result<bool, StoreError> {
                let Some(user) = self.find_by_email(email).await? else { return Ok(false) };
                let update = sqlx::query(sql::SET_ADMIN).bind(admin).bind(&user.email);
                let update = update.bind(&user.id);
                self.change(update, sql::WRITTEN_ADMIN, &user, |kept| kept.admin == admin).await
            }

            async fn remove(&self, email: &str) -> Result<bool, StoreError> {
                let Some(user) = self.find_by_email(email).await? else { return Ok(false) };
                let removed = self.connections.run(move |connection| {
                    let delete = sqlx::query(sql::REMOVE).bind(user.email.clone());
                    let delete = delete.bind(user.id.clone());
                    Box::pin(delete.execute(connection))
                });
                removed.await.map(|_| true)
            }

            async fn page(
                &self,
                after: Option<&str>,
                limit: u32,
            ) -> Result<Vec<UserRow>, StoreError> {
                self.rows_behind(after.map(str::to_owned), limit).await
            }
        }
    };
}
pub(super) use implement_stores;

/// Whether no e-mail in the column can be the one that was looked for: it has characters that
/// the column's character set lacks.
pub(super) fn cannot_be_an_email(error: &StoreError) -> bool {
    error.number().is_some_and(|it| [1267, 1270, 1271, 1300, 1366, 3854, 3988].contains(&it))
}

/// The same error, or that the hash was too long where it was that. Through a view, the
/// message has the name of a column that only its maker knows.
pub(super) fn about_hash(error: StoreError, hash: &str) -> StoreError {
    if error.number() == Some(1406) && !error.to_string().contains("'email'") {
        return StoreError::TooLong(hash.len());
    }
    error
}
