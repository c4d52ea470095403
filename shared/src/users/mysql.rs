//! Users in MySQL or MariaDB, in a table or view that another system may have made.

use std::sync::Once;

use async_trait::async_trait;
use secrecy::ExposeSecret;
use sqlx::{
    AssertSqlSafe, Error, FromRow, Row, SqlSafeStr, SqlStr, TypeInfo, ValueRef, mysql::MySqlRow,
};

use super::{User, UserStore, UserStoreError};
use crate::{
    config::ColumnName,
    database::{Database, DatabaseError, Transaction, text},
    groups,
};

/// One look-up by the index on `email`, in the given spelling and in lower case: not every column
/// ignores case. Where it is not unique, a few candidates are enough to choose from. `ORDER BY`
/// would have MySQL read the whole table in the order of ids.
const FIND: &str = "SELECT id, email, password, admin FROM user WHERE email IN (?, ?) LIMIT 8";
// A view may compute its ids: the e-mail is what there is an index for.
const REPLACE_HASH: &str =
    "UPDATE user SET password = ? WHERE email = ? AND id = ? AND password = ?";

/// The server's number of the error that a column is missing.
const UNKNOWN_COLUMN: u16 = 1054;

/// The users of a MySQL or MariaDB database.
#[derive(Clone)]
pub struct MySqlUsers {
    database: Database,
    find: SqlStr,
}

impl MySqlUsers {
    /// The users of this database, with their groups in this column.
    pub fn new(database: Database, groups: Option<&ColumnName>) -> Self {
        let with_groups = |column: &ColumnName| {
            let columns = format!("admin, `{}` AS user_groups FROM", column.as_str());
            AssertSqlSafe(FIND.replace("admin FROM", &columns)).into_sql_str()
        };
        let find = groups.map_or_else(|| FIND.into_sql_str(), with_groups);
        Self { database, find }
    }

    /// The user that [`UserStore::find_by_email`] would find in this transaction.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`] if the statement fails.
    pub async fn find_in(
        &self,
        transaction: &mut Transaction,
        email: &str,
    ) -> Result<Option<User>, DatabaseError> {
        let lower = email.to_ascii_lowercase();
        let rows = transaction.query(self.find.clone(), &[email, &lower]).await?.rows;
        choose(&rows, email)
    }

    /// Runs an `UPDATE` of the row of `user`, and commits it if the row has what was `written`.
    /// `false` if there was no such row.
    ///
    /// # Errors
    ///
    /// [`UserStoreError`] if the change was not stored; it is rolled back.
    pub async fn update(
        &self,
        user: &User,
        written: Written<'_>,
        sql: impl SqlSafeStr + Send,
        values: &[&str],
    ) -> Result<bool, UserStoreError> {
        // The table may lack the column `admin` until it is upgraded.
        let admin = if matches!(written, Written::Admin(_)) { "admin" } else { "FALSE" };
        let mut transaction = self.database.begin().await?;
        let outcome = async {
            if transaction.query(sql, values).await?.rows_affected == 0 {
                return Ok(false);
            }
            let read_back = AssertSqlSafe(format!(
                "SELECT id, email, password, {admin} AS admin FROM user WHERE email = ? AND id = ?"
            ));
            let rows = transaction.query(read_back, &[&user.email, &user.id]).await?.rows;
            let stored = rows.first().map(User::from_row).transpose();
            let stored = stored.map_err(DatabaseError::from)?.ok_or(UserStoreError::NotKept)?;
            let is_kept = match written {
                Written::Hash(hash) => stored.password.expose_secret() == hash,
                Written::Admin(admin) => stored.admin == admin,
            };
            if !is_kept {
                restore_hash(&mut transaction, user, &stored).await;
                return Err(UserStoreError::NotKept);
            }
            Ok(true)
        };
        let outcome = outcome.await;
        let finished = transaction.finish(outcome).await;
        finished.map_err(|error| match written {
            Written::Hash(hash) => error.for_hash(hash),
            Written::Admin(_) => error,
        })
    }
}

/// What an update writes.
#[derive(Clone, Copy)]
pub enum Written<'a> {
    /// A hash.
    Hash(&'a str),
    /// Whether the user is an administrator.
    Admin(bool),
}

/// For tables without transactions; in others it is rolled back with the rest.
async fn restore_hash(transaction: &mut Transaction, user: &User, stored: &User) {
    let [old, new] = [user, stored].map(|user| user.password.expose_secret());
    let values = [old, &user.email, &user.id, new];
    if let Err(error) = transaction.query(REPLACE_HASH, &values).await {
        tracing::warn!(user_id = user.id, %error, "the old password hash was not put back");
    }
}

#[async_trait]
impl UserStore for MySqlUsers {
    async fn find_by_email(&self, email: &str) -> Result<Option<User>, UserStoreError> {
        let lower = email.to_ascii_lowercase();
        match self.database.query(self.find.clone(), &[email, &lower]).await {
            Ok(result) => Ok(choose(&result.rows, email)?),
            Err(error) if cannot_be_an_email(&error) => Ok(None),
            Err(error) if error.number() == Some(UNKNOWN_COLUMN) => {
                Err(UserStoreError::NoColumn(error))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn replace_hash(&self, user: &User, hash: &str) -> Result<bool, UserStoreError> {
        let values = [hash, &user.email, &user.id, user.password.expose_secret()];
        self.update(user, Written::Hash(hash), REPLACE_HASH, &values).await
    }
}

impl UserStoreError {
    /// [`UserStoreError::HashTooLong`] if the column was too short for `hash`, or else this error.
    pub fn for_hash(self, hash: &str) -> Self {
        match self {
            // Through a view, the message names a column that only the table has.
            Self::Database(error)
                if error.number() == Some(1406) && !error.to_string().contains("'email'") =>
            {
                Self::HashTooLong(hash.len())
            }
            other => other,
        }
    }
}

/// The candidate whose e-mail is `email` but for ASCII case. Of several, the one in that very
/// spelling, or else the one with the lowest id. A row without an id is none.
fn choose(rows: &[MySqlRow], email: &str) -> Result<Option<User>, DatabaseError> {
    let users = rows.iter().map(User::from_row).collect::<Result<Vec<_>, _>>()?;
    let is_wanted = |user: &User| !user.id.is_empty() && user.email.eq_ignore_ascii_case(email);
    // The shorter number is the lower one.
    let order = |user: &User| (user.email != email, user.id.len(), user.id.clone());
    Ok(users.into_iter().filter(is_wanted).min_by_key(order))
}

/// Whether the e-mail that was looked for has characters that the column's character set lacks.
fn cannot_be_an_email(error: &DatabaseError) -> bool {
    error.number().is_some_and(|it| [1267, 1270, 1271, 1300, 1366, 3854, 3988].contains(&it))
}

/// What a row lacks is left empty.
impl FromRow<'_, MySqlRow> for User {
    fn from_row(row: &MySqlRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: id(row)?,
            email: text(row, "email")?,
            password: text(row, "password")?.into(),
            admin: is_administrator(row)?,
            groups: groups(row),
        })
    }
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

/// The names between the commas of a text. A value of another type or with a malformed name grants
/// no groups.
fn groups(row: &MySqlRow) -> Vec<String> {
    static WARNED: Once = Once::new();
    let text = match row.try_get::<Option<Vec<u8>>, _>("user_groups") {
        Ok(None) | Err(Error::ColumnNotFound(_)) => return Vec::new(),
        Ok(Some(bytes)) => String::from_utf8(bytes).ok(),
        Err(_) => None,
    };
    let accepted = text.and_then(|text| match text.trim_ascii() {
        "" => Some(Vec::new()),
        names => groups::without_reserved(names.split(',').map(str::trim_ascii)),
    });
    accepted.unwrap_or_else(|| {
        WARNED.call_once(|| {
            tracing::warn!(
                user_id = id(row).unwrap_or_default(),
                "the groups of this user cannot be read, so none is granted; see USER_GROUPS_COLUMN"
            );
        });
        Vec::new()
    })
}
