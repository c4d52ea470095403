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
const READ_HASH: &str = "SELECT password FROM user WHERE email = ? AND id = ?";

/// `ER_BAD_FIELD_ERROR`
const UNKNOWN_COLUMN: u16 = 1054;
const UNKNOWN_COLUMN_ADVICE: &str = "if that is the column of USER_GROUPS_COLUMN, correct the \
     variable; if the table is the Flask service's, run docs/upgrade-from-flask.sql; or else make \
     a view (docs/moving-over.md)";
/// The e-mail that was looked for has characters that the column's character set lacks.
const NOT_IN_CHARACTER_SET: [u16; 7] = [1267, 1270, 1271, 1300, 1366, 3854, 3988];

/// The users of a MySQL or MariaDB database.
#[derive(Clone)]
pub struct MySqlUsers {
    database: Database,
    find: SqlStr,
}

impl MySqlUsers {
    /// The users of this database, with their groups in this column.
    pub fn new(database: Database, groups_column: Option<&ColumnName>) -> Self {
        let groups = groups_column.map(|it| format!(", `{}` AS user_groups FROM", it.as_str()));
        let find = FIND.replace(" FROM", &groups.unwrap_or(" FROM".into()));
        Self { database, find: AssertSqlSafe(find).into_sql_str() }
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

    /// Runs an `UPDATE` of the hash of `user`, and commits it if the row then has `hash`. `false`
    /// if there was no such row.
    ///
    /// # Errors
    ///
    /// [`UserStoreError`] if the hash was not stored; the change is rolled back.
    pub async fn update_hash(
        &self,
        user: &User,
        hash: &str,
        sql: &'static str,
        values: &[&str],
    ) -> Result<bool, UserStoreError> {
        let mut transaction = self.database.begin().await?;
        let outcome = async {
            if transaction.query(sql, values).await?.change.rows_affected() == 0 {
                return Ok(false);
            }
            let rows = transaction.query(READ_HASH, &[&user.email, &user.id]).await?.rows;
            let stored = rows.first().map(|row| text(row, "password")).transpose();
            let stored = stored.map_err(DatabaseError::from)?.unwrap_or_default();
            if stored == hash {
                return Ok(true);
            }
            // For tables without transactions; in others it is rolled back with the rest.
            let restore = [user.password.expose_secret(), &user.email, &user.id, &stored];
            if let Err(error) = transaction.query(REPLACE_HASH, &restore).await {
                tracing::warn!(user_id = user.id, %error, "the old password hash was not put back");
            }
            Err(UserStoreError::NotKept)
        };
        let outcome = outcome.await;
        transaction.finish(outcome).await.map_err(|error| error.for_hash(hash))
    }
}

#[async_trait]
impl UserStore for MySqlUsers {
    async fn find_by_email(&self, email: &str) -> Result<Option<User>, DatabaseError> {
        let lower = email.to_ascii_lowercase();
        match self.database.query(self.find.clone(), &[email, &lower]).await {
            Ok(result) => choose(&result.rows, email),
            Err(error) => match error.number() {
                Some(number) if NOT_IN_CHARACTER_SET.contains(&number) => Ok(None),
                Some(UNKNOWN_COLUMN) => {
                    let problem = "the table `user` is not as login needs it";
                    let (error, advice) = (error.into(), UNKNOWN_COLUMN_ADVICE);
                    Err(DatabaseError::Table { problem, error, advice })
                }
                _ => Err(error),
            },
        }
    }

    async fn replace_hash(&self, user: &User, hash: &str) -> Result<bool, UserStoreError> {
        let values = [hash, &user.email, &user.id, user.password.expose_secret()];
        self.update_hash(user, hash, REPLACE_HASH, &values).await
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

/// What a row lacks is left empty.
impl FromRow<'_, MySqlRow> for User {
    fn from_row(row: &MySqlRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: id(row)?,
            email: text(row, "email")?,
            password: text(row, "password")?.into(),
            admin: is_administrator(row)?,
            groups: granted_groups(row),
        })
    }
}

/// A number as its digits, or else a text. A server that converts ids to text would make two ids of
/// bytes equal.
fn id(row: &MySqlRow) -> Result<String, sqlx::Error> {
    match (row.try_get::<i64, _>("id"), row.try_get::<u64, _>("id")) {
        (Ok(number), _) => Ok(number.to_string()),
        (_, Ok(number)) => Ok(number.to_string()),
        _ => text(row, "id"),
    }
}

/// Only a whole number other than 0 says so, and `BIT` is one. Of any other type a number
/// would be something else, such as the position of an `ENUM`'s word.
fn is_administrator(row: &MySqlRow) -> Result<bool, sqlx::Error> {
    const WHOLE_NUMBERS: [&str; 7] =
        ["BIT", "BOOLEAN", "TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT"];
    static WARNED: Once = Once::new();
    let value = row.try_get_raw("admin")?;
    let r#type = value.type_info().name().to_owned();
    let found = if value.is_null() { "NULL" } else { &r#type };
    if WHOLE_NUMBERS.contains(&found.trim_end_matches(" UNSIGNED")) {
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
fn granted_groups(row: &MySqlRow) -> Vec<String> {
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
