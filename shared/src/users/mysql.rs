//! Users in MySQL or MariaDB, in a table or view that another system may have made.

mod account;
mod connections;
mod inspection;
mod options;

pub use inspection::{Column, Inspection, Trial};

use std::sync::{Arc, Once};

use async_trait::async_trait;
use secrecy::ExposeSecret;
use sqlx::{AssertSqlSafe, MySqlConnection, Row, TypeInfo, ValueRef, mysql::MySqlRow};

use super::{NewUser, StoreError, User, UserRow, UserStore, limited};
use crate::{
    config::DatabaseConfig,
    secrets::{SecretError, Secrets},
};
use account::RotatingAccount;
use connections::{Connections, statement};

/// One look-up by the index on `email`, in the given spelling and in lower case: not every column
/// ignores case. Where it is not unique, a few candidates are enough to choose from. `ORDER BY`
/// would have MySQL read the whole table in the order of ids.
const FIND: &str = "SELECT id, email, password, admin FROM user WHERE email IN (?, ?) LIMIT 8";
// A view may compute its ids: the e-mail is what there is an index for.
const REPLACE_HASH: &str =
    "UPDATE user SET password = ? WHERE email = ? AND id = ? AND password = ?";
const SET_HASH: &str = "UPDATE user SET password = ? WHERE email = ? AND id = ?";
const GRANT: &str = "UPDATE user SET admin = TRUE WHERE email = ? AND id = ?";
const REVOKE: &str = "UPDATE user SET admin = FALSE WHERE email = ? AND id = ?";
/// What an update has written, as a row of [`FIND`].
const WRITTEN_HASH: &str =
    "SELECT id, email, password, FALSE AS admin FROM user WHERE email = ? AND id = ?";
const WRITTEN_ADMIN: &str =
    "SELECT id, email, password, admin FROM user WHERE email = ? AND id = ?";
const INSERT: &str = "INSERT INTO user (email, password, admin) VALUES (?, ?, ?)";
const REMOVE: &str = "DELETE FROM user WHERE email = ? AND id = ?";

/// The server's number of the error that a column is missing.
const UNKNOWN_COLUMN: u16 = 1054;

/// A store in MySQL or MariaDB, which connects at first use, with all that `auth-admin` does.
#[derive(Clone)]
pub struct MySqlUsers {
    pub(crate) connections: Arc<Connections>,
}

impl MySqlUsers {
    /// A store for the configured database, with up to `connections`; none is made yet.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if there is no secret of the account, or it is not what it should be.
    pub async fn prepare(
        config: DatabaseConfig,
        secrets: &Secrets,
        connections: u32,
    ) -> Result<Self, SecretError> {
        let account = RotatingAccount::fetch(config, secrets).await?;
        Ok(Self { connections: Arc::new(Connections::new(account, connections)) })
    }

    /// Adds users, all or none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Duplicate`] with the position of the first user whose e-mail is
    /// taken; another [`StoreError`] if the database is out of reach or fails.
    pub async fn add(&self, users: &[NewUser]) -> Result<(), StoreError> {
        let mut lease = self.connections.begin().await?;
        let done = add_all(&mut lease.connection, users).await;
        lease.finish(done).await
    }

    /// Stores a hash of a new password. `false` if there is no such user.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database is out of reach or fails.
    pub async fn set_hash(&self, email: &str, hash: &str) -> Result<bool, StoreError> {
        let Some(user) = self.find_by_email(email).await? else { return Ok(false) };
        self.change_hash(SET_HASH, &[hash, &user.email, &user.id], &user).await
    }

    /// Makes a user an administrator, or no longer one. `false` if there is no such user.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database is out of reach or fails.
    pub async fn set_admin(&self, email: &str, admin: bool) -> Result<bool, StoreError> {
        let Some(user) = self.find_by_email(email).await? else { return Ok(false) };
        let (update, values) = (if admin { GRANT } else { REVOKE }, [&*user.email, &*user.id]);
        self.change(update, &values, WRITTEN_ADMIN, &user, |kept| kept.admin == admin).await
    }

    /// Removes a user. `false` if there is no such user.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database is out of reach or fails.
    pub async fn remove(&self, email: &str) -> Result<bool, StoreError> {
        let Some(user) = self.find_by_email(email).await? else { return Ok(false) };
        self.connections.execute(REMOVE, &[&user.email, &user.id]).await.map(|_| true)
    }

    /// Up to `limit` users behind the id `after`. What a row or the table lacks is left empty.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database is out of reach or fails.
    pub async fn page(&self, after: Option<&str>, limit: u32) -> Result<Vec<UserRow>, StoreError> {
        let columns = self.columns().await?;
        let column = |name: &str| columns.iter().find(|it| it.name.eq_ignore_ascii_case(name));
        // Times leave the database in UTC, whatever its own time zone is.
        let time = |name: &str| match column(name).map(|it| it.r#type.as_str()) {
            None => "NULL".to_owned(),
            Some(it) if it.starts_with("timestamp") || it.starts_with("datetime") => {
                format!("CAST(CONVERT_TZ({name}, @@session.time_zone, '+00:00') AS CHAR)")
            }
            Some(_) => format!("CAST({name} AS CHAR)"),
        };
        let select = format!(
            "SELECT id, email, password, {} AS admin, {} AS created_at, {} AS updated_at \
             FROM user {} ORDER BY id LIMIT {limit}",
            if column("admin").is_some() { "admin" } else { "NULL" },
            time("created_at"),
            time("updated_at"),
            if after.is_some() { "WHERE id > ?" } else { "" },
        );
        let rows = self.connections.fetch(AssertSqlSafe(select), after.as_slice()).await?;
        let listed = |row: &MySqlRow| {
            let time = |name| text(row, name).map(|time| Some(time).filter(|it| !it.is_empty()));
            let (created_at, updated_at) = (time("created_at")?, time("updated_at")?);
            Ok(UserRow { user: found(row)?, created_at, updated_at })
        };
        rows.iter().map(listed).collect()
    }

    /// [`Self::change`] of the hash, which is the first of the values.
    async fn change_hash(
        &self,
        update: &'static str,
        values: &[&str],
        user: &User,
    ) -> Result<bool, StoreError> {
        let is_kept = |kept: &User| kept.password.expose_secret() == values[0];
        let changed = self.change(update, values, WRITTEN_HASH, user, is_kept).await;
        changed.map_err(|error| about_hash(error, values[0]))
    }

    /// Runs `update` on the row of `user`. It stays if `is_kept` is true of what `written` selects.
    async fn change(
        &self,
        update: &'static str,
        values: &[&str],
        written: &'static str,
        user: &User,
        is_kept: impl FnOnce(&User) -> bool + Send,
    ) -> Result<bool, StoreError> {
        let mut lease = self.connections.begin().await?;
        let connection = &mut lease.connection;
        let change = async {
            let updated = limited(statement(update, values).execute(&mut *connection)).await?;
            if updated.rows_affected() == 0 {
                return Ok(false);
            }
            let written = statement(written, &[&user.email, &user.id]);
            let written = limited(written.fetch_optional(&mut *connection)).await?;
            let kept = found(&written.ok_or(StoreError::NotKept)?)?;
            if is_kept(&kept) {
                return Ok(true);
            }
            // For tables without transactions; in others it is rolled back with the rest.
            let [old, new] = [user, &kept].map(|user| user.password.expose_secret());
            let back = statement(REPLACE_HASH, &[old, &user.email, &user.id, new]);
            if let Err(error) = limited(back.execute(connection)).await {
                tracing::warn!(user_id = user.id, %error, "the old password hash was not put back");
            }
            Err(StoreError::NotKept)
        };
        let done = change.await;
        lease.finish(done).await
    }
}

#[async_trait]
impl UserStore for MySqlUsers {
    async fn find_by_email(&self, email: &str) -> Result<Option<User>, StoreError> {
        let lower = email.to_ascii_lowercase();
        match self.connections.fetch(FIND, &[email, &lower]).await {
            Ok(rows) => choose(&rows, email),
            Err(error) if cannot_be_an_email(&error) => Ok(None),
            Err(error) if error.number() == Some(UNKNOWN_COLUMN) => {
                Err(StoreError::NoColumn(error.to_string()))
            }
            Err(error) => Err(error),
        }
    }

    async fn replace_hash(&self, user: &User, hash: &str) -> Result<bool, StoreError> {
        let values = [hash, &user.email, &user.id, user.password.expose_secret()];
        self.change_hash(REPLACE_HASH, &values, user).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.connections.execute("SELECT 1", &[]).await.map(drop)
    }
}

async fn add_all(connection: &mut MySqlConnection, users: &[NewUser]) -> Result<(), StoreError> {
    for (position, user) in users.iter().enumerate() {
        let insert = statement(INSERT, &[&user.email, &user.hash]).bind(user.admin);
        limited(insert.execute(&mut *connection)).await.map_err(|error| match error {
            StoreError::Duplicate(_) => StoreError::Duplicate(position),
            error => about_hash(error, &user.hash),
        })?;
        let find = statement(FIND, &[&user.email, &user.email]);
        let rows = limited(find.fetch_all(&mut *connection)).await?;
        let is_kept = choose(&rows, &user.email)?.is_some_and(|kept| {
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

/// The candidate whose e-mail is `email` but for ASCII case. Of several, the one in that very
/// spelling, or else the one with the lowest id. A row without an id is none.
fn choose(rows: &[MySqlRow], email: &str) -> Result<Option<User>, StoreError> {
    let users = rows.iter().map(found).collect::<Result<Vec<_>, _>>()?;
    let is_wanted = |user: &User| !user.id.is_empty() && user.email.eq_ignore_ascii_case(email);
    // The shorter number is the lower one.
    let order = |user: &User| (user.email != email, user.id.len(), user.id.clone());
    Ok(users.into_iter().filter(is_wanted).min_by_key(order))
}

/// Whether the e-mail that was looked for has characters that the column's character set lacks.
fn cannot_be_an_email(error: &StoreError) -> bool {
    error.number().is_some_and(|it| [1267, 1270, 1271, 1300, 1366, 3854, 3988].contains(&it))
}

/// The same error, or that the hash was too long where it was that. Through a view, the
/// message has the name of a column that only its maker knows.
fn about_hash(error: StoreError, hash: &str) -> StoreError {
    let is_too_long = error.number() == Some(1406) && !error.to_string().contains("'email'");
    if is_too_long { StoreError::TooLong(hash.len()) } else { error }
}

/// The user of a row, with nothing where the row has nothing.
fn found(row: &MySqlRow) -> Result<User, sqlx::Error> {
    Ok(User {
        id: id(row)?,
        email: text(row, "email")?,
        password: text(row, "password")?.into(),
        admin: is_administrator(row)?,
    })
}

/// A text in UTF-8, whether the column is of a text or of bytes; empty for anything else.
fn text(row: &MySqlRow, name: &str) -> Result<String, sqlx::Error> {
    let bytes: Option<Vec<u8>> = row.try_get_unchecked(name)?;
    Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default())
}

/// A number as its digits, or else a text: as one, the server would make two ids of bytes equal.
fn id(row: &MySqlRow) -> Result<String, sqlx::Error> {
    let value = row.try_get_raw("id")?;
    let r#type = value.type_info().name().to_owned();
    Ok(match r#type.strip_suffix(" UNSIGNED") {
        _ if value.is_null() => String::new(),
        Some(_) => row.try_get_unchecked::<u64, _>("id")?.to_string(),
        None if is_integer(&r#type) => row.try_get_unchecked::<i64, _>("id")?.to_string(),
        None => text(row, "id")?,
    })
}

fn is_integer(r#type: &str) -> bool {
    ["BOOLEAN", "TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT"].contains(&r#type)
}

/// Only a whole number other than 0 says so, and `BIT` is one. Of any other type a number
/// would be something else, such as the position of an `ENUM`'s word.
fn is_administrator(row: &MySqlRow) -> Result<bool, sqlx::Error> {
    static WARNED: Once = Once::new();
    let value = row.try_get_raw("admin")?;
    let r#type = value.type_info().name().to_owned();
    let found = if value.is_null() { "NULL" } else { &r#type };
    if found == "BIT" || is_integer(found.trim_end_matches(" UNSIGNED")) {
        // Negative numbers too, which are large ones here.
        return Ok(row.try_get_unchecked::<u64, _>("admin")? != 0);
    }
    WARNED.call_once(|| {
        tracing::warn!(
            found,
            "the column `admin` of the table `user` is no whole number, and makes no \
             administrators; auth-admin check says what to do"
        );
    });
    Ok(false)
}
