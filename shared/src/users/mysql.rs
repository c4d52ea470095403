//! Users in MySQL or MariaDB, in a table or view that another system may have made.

mod account;
mod connections;
mod database_url;
mod inspection;
mod options;

pub(crate) use connections::Statement;
pub use inspection::{Column, Inspection, Trial};

use std::sync::{Arc, Once};

use async_trait::async_trait;
use secrecy::ExposeSecret;
use sqlx::{AssertSqlSafe, MySqlConnection, Row, TypeInfo, ValueRef, mysql::MySqlRow, query};

use super::{NewUser, StoreError, User, UserRow, UserStore, limited};
use crate::{
    config::DatabaseConfig,
    secrets::{SecretError, Secrets},
};
use account::RotatingAccount;
use connections::Connections;

/// One look-up by the index on `email`, in the given spelling and in lower case: a column
/// that is not of a text, or of one that compares exactly, has no other way to ignore case. A
/// collation may find more than one candidate where the column is not unique; a few are
/// enough to choose from. They are not sorted here: MySQL would rather read the whole table
/// in the order of ids.
const FIND: &str = "SELECT id, email, password, admin FROM user WHERE email IN (?, ?) LIMIT 8";
// A view may compute its ids: the e-mail is what there is an index for.
const REPLACE_HASH: &str =
    "UPDATE user SET password = ? WHERE email = ? AND id = ? AND password = ?";
const SET_HASH: &str = "UPDATE user SET password = ? WHERE email = ? AND id = ?";
const SET_ADMIN: &str = "UPDATE user SET admin = ? WHERE email = ? AND id = ?";
/// What an update has written, as a row of [`FIND`].
const WRITTEN_HASH: &str =
    "SELECT id, email, password, FALSE AS admin FROM user WHERE email = ? AND id = ?";
const WRITTEN_ADMIN: &str =
    "SELECT id, email, password, admin FROM user WHERE email = ? AND id = ?";
const INSERT: &str = "INSERT INTO user (email, password, admin) VALUES (?, ?, ?)";
const REMOVE: &str = "DELETE FROM user WHERE email = ? AND id = ?";

/// A store in MySQL or MariaDB, which connects at first use. What `auth-admin` does beside
/// what `login` may is here as well.
#[derive(Clone)]
pub struct MySqlUsers {
    /// For what else is kept in this database.
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
        let commits = done.is_ok();
        lease.finish(done, commits).await
    }

    /// Stores a hash of a new password. `false` if there is no such user.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database is out of reach or fails.
    pub async fn set_hash(&self, email: &str, hash: &str) -> Result<bool, StoreError> {
        let Some(user) = self.find_by_email(email).await? else { return Ok(false) };
        let update = query(SET_HASH).bind(hash).bind(&user.email).bind(&user.id);
        self.change_hash(update, &user, hash).await
    }

    /// Makes a user an administrator, or no longer one. `false` if there is no such user.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database is out of reach or fails.
    pub async fn set_admin(&self, email: &str, admin: bool) -> Result<bool, StoreError> {
        let Some(user) = self.find_by_email(email).await? else { return Ok(false) };
        let update = query(SET_ADMIN).bind(admin).bind(&user.email).bind(&user.id);
        self.change(update, WRITTEN_ADMIN, &user, |kept| kept.admin == admin).await
    }

    /// Removes a user. `false` if there is no such user.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database is out of reach or fails.
    pub async fn remove(&self, email: &str) -> Result<bool, StoreError> {
        let Some(user) = self.find_by_email(email).await? else { return Ok(false) };
        let delete = || query(REMOVE).bind(&user.email).bind(&user.id);
        self.connections.execute(delete).await.map(|_| true)
    }

    /// Up to `limit` users in the order of their ids, those behind the id `after`. What a row
    /// or the table lacks is left empty.
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
        let page = || match after {
            Some(after) => query(AssertSqlSafe(select.as_str())).bind(after),
            None => query(AssertSqlSafe(select.as_str())),
        };
        let rows = self.connections.fetch(page).await?;
        let listed = |row: &MySqlRow| {
            let time = |name| text(row, name).map(|time| Some(time).filter(|it| !it.is_empty()));
            let (created_at, updated_at) = (time("created_at")?, time("updated_at")?);
            Ok(UserRow { user: found(row)?, created_at, updated_at })
        };
        rows.iter().map(listed).collect()
    }

    async fn change_hash(
        &self,
        update: Statement,
        user: &User,
        hash: &str,
    ) -> Result<bool, StoreError> {
        let is_kept = |kept: &User| kept.password.expose_secret() == hash;
        let changed = self.change(update, WRITTEN_HASH, user, is_kept).await;
        changed.map_err(|error| about_hash(error, hash))
    }

    /// Runs `update` on the row of `user`, and keeps it if `is_kept` is true of what the
    /// database has stored then, which `written` selects.
    async fn change(
        &self,
        update: Statement,
        written: &'static str,
        user: &User,
        is_kept: impl FnOnce(&User) -> bool + Send,
    ) -> Result<bool, StoreError> {
        let mut lease = self.connections.begin().await?;
        let connection = &mut lease.connection;
        let done = async {
            let updated = limited(update.execute(&mut *connection)).await?.rows_affected() > 0;
            let written = query(written).bind(&user.email).bind(&user.id);
            let written = limited(written.fetch_optional(&mut *connection)).await?;
            let Some(kept) = written.filter(|_| updated).as_ref().map(found).transpose()? else {
                return Ok(false);
            };
            if is_kept(&kept) {
                return Ok(true);
            }
            // For tables without transactions; in others it is rolled back with the rest.
            let back = query(REPLACE_HASH).bind(user.password.expose_secret()).bind(&user.email);
            let back = back.bind(&user.id).bind(kept.password.expose_secret());
            if let Err(error) = limited(back.execute(connection)).await {
                tracing::warn!(user_id = user.id, %error, "the old password hash was not put back");
            }
            Err(StoreError::NotKept)
        };
        let done = done.await;
        let commits = matches!(done, Ok(true));
        lease.finish(done, commits).await
    }
}

#[async_trait]
impl UserStore for MySqlUsers {
    async fn find_by_email(&self, email: &str) -> Result<Option<User>, StoreError> {
        let lower = email.to_ascii_lowercase();
        match self.connections.fetch(|| query(FIND).bind(email).bind(&lower)).await {
            Ok(rows) => choose(&rows, email),
            Err(error) if cannot_be_an_email(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn replace_hash(&self, user: &User, hash: &str) -> Result<bool, StoreError> {
        let update = query(REPLACE_HASH).bind(hash).bind(&user.email).bind(&user.id);
        self.change_hash(update.bind(user.password.expose_secret()), user, hash).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.connections.execute(|| query("SELECT 1")).await.map(drop)
    }
}

async fn add_all(connection: &mut MySqlConnection, users: &[NewUser]) -> Result<(), StoreError> {
    for (position, user) in users.iter().enumerate() {
        let insert = query(INSERT).bind(&user.email).bind(&user.hash).bind(user.admin);
        limited(insert.execute(&mut *connection)).await.map_err(|error| match error {
            StoreError::Duplicate(_) => StoreError::Duplicate(position),
            error => about_hash(error, &user.hash),
        })?;
        let find = query(FIND).bind(&user.email).bind(&user.email);
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

/// The candidate whose e-mail is the one asked for, but for ASCII case. Of several, the one in
/// that very spelling, or else the one with the lowest id. A row without an id is none: its
/// user could not be named.
fn choose(rows: &[MySqlRow], email: &str) -> Result<Option<User>, StoreError> {
    let users = rows.iter().map(found).collect::<Result<Vec<_>, _>>()?;
    let is_wanted = |user: &User| !user.id.is_empty() && user.email.eq_ignore_ascii_case(email);
    // The shorter number is the lower one.
    let order = |user: &User| (user.email != email, user.id.len(), user.id.clone());
    Ok(users.into_iter().filter(is_wanted).min_by_key(order))
}

/// Whether no e-mail in the column can be the one that was looked for: it has characters that
/// the column's character set lacks.
fn cannot_be_an_email(error: &StoreError) -> bool {
    error.number().is_some_and(|it| [1267, 1270, 1271, 1300, 1366, 3854, 3988].contains(&it))
}

/// The same error, or that the hash was too long where it was that. Through a view, the
/// message has the name of a column that only its maker knows.
fn about_hash(error: StoreError, hash: &str) -> StoreError {
    if error.number() == Some(1406) && !error.to_string().contains("'email'") {
        return StoreError::TooLong(hash.len());
    }
    error
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

/// A number as its digits; everything else is a text. A conversion by the server would make
/// a text of any bytes, and of different ones the same.
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
    let is_number = r#type == "BIT" || is_integer(r#type.trim_end_matches(" UNSIGNED"));
    if value.is_null() || !is_number {
        let found = if value.is_null() { "NULL" } else { &r#type };
        WARNED.call_once(|| {
            tracing::warn!(
                found,
                "the column `admin` of the table `user` is no whole number, and makes no \
                 administrators; auth-admin check says what to do"
            );
        });
        return Ok(false);
    }
    // Negative numbers too, which are large ones here.
    Ok(row.try_get_unchecked::<u64, _>("admin")? != 0)
}
