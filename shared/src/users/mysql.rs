//! Users in MySQL or MariaDB, in a table or view that another system may have made.

mod account;
mod inspection;
mod options;

pub use inspection::{Column, Inspection, Trial};
pub(super) use options::RdsSecret;

use std::sync::{Arc, Once};

use secrecy::ExposeSecret;
use sqlx::{
    AssertSqlSafe, Connection, FromRow, MySql, MySqlConnection, Row, TypeInfo, ValueRef,
    mysql::MySqlRow,
};

use super::{
    DatabaseError, NewUser, StoreError, User, UserRow, UserStore,
    connections::Connections,
    sql::{self, FoundRow, text},
};
use crate::{config::DatabaseConfig, secrets::Secrets};
use account::RotatingAccount;

/// A store in MySQL or MariaDB, which connects at first use.
#[derive(Debug, Clone)]
pub struct MySqlUsers {
    connections: Arc<Connections<MySqlConnection>>,
}

impl MySqlUsers {
    /// A store for the configured database; nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`] if there is no secret of the account, or it is not what it should
    /// be.
    pub async fn prepare(
        config: DatabaseConfig,
        secrets: &Secrets,
        connections: u32,
    ) -> Result<Self, DatabaseError> {
        let account = RotatingAccount::fetch(config, secrets).await?;
        Ok(Self { connections: Arc::new(Connections::new(account, connections)) })
    }

    /// For what else is kept in this database.
    pub(crate) fn connections(&self) -> &Connections<MySqlConnection> {
        &self.connections
    }

    /// A page with the columns that there are.
    async fn rows_behind(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<UserRow>, StoreError> {
        let columns = self.columns().await?;
        let column = |name: &str| columns.iter().find(|it| it.name.eq_ignore_ascii_case(name));
        let optional = |name: &str| if column(name).is_some() { name } else { "NULL" }.to_owned();
        // Times leave the database in UTC, whatever its own time zone is.
        let time = |name: &str| match column(name).map(|it| it.r#type.as_str()) {
            None => "NULL".to_owned(),
            Some(it) if it.starts_with("timestamp") || it.starts_with("datetime") => {
                format!("CAST(CONVERT_TZ({name}, @@session.time_zone, '+00:00') AS CHAR)")
            }
            Some(_) => format!("CAST({name} AS CHAR)"),
        };
        let behind = if after.is_some() { "WHERE id > ?" } else { "" };
        let page = format!(
            "SELECT id, email, password, {} AS admin, {} AS created_at, \
             {} AS updated_at FROM user {behind} ORDER BY id LIMIT ?",
            optional("admin"),
            time("created_at"),
            time("updated_at"),
        );
        let rows = self.connections.run(move |connection| {
            let page = sqlx::query_as(AssertSqlSafe(page.clone()));
            let page = match &after {
                Some(after) => page.bind(after.clone()),
                None => page,
            };
            Box::pin(page.bind(limit).fetch_all(connection))
        });
        let rows: Vec<PageRow> = rows.await?;
        Ok(rows.into_iter().map(|PageRow(row)| row).collect())
    }
}

sql::implement_stores!(MySqlUsers, MySql);

impl FromRow<'_, MySqlRow> for FoundRow {
    fn from_row(row: &MySqlRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: id(row)?,
            email: text(bytes(row, "email")?),
            password: text(bytes(row, "password")?),
            admin: is_administrator(row)?,
        })
    }
}

struct PageRow(UserRow);

impl FromRow<'_, MySqlRow> for PageRow {
    fn from_row(row: &MySqlRow) -> Result<Self, sqlx::Error> {
        Ok(Self(UserRow {
            user: FoundRow::from_row(row)?.listed(),
            created_at: text(bytes(row, "created_at")?),
            updated_at: text(bytes(row, "updated_at")?),
        }))
    }
}

/// What is there, whether the column is of a text or of bytes.
fn bytes(row: &MySqlRow, name: &str) -> Result<Option<Vec<u8>>, sqlx::Error> {
    row.try_get_unchecked(name)
}

/// A number as its digits; everything else is a text. A conversion by the server would make
/// a text of any bytes, and of different ones the same.
fn id(row: &MySqlRow) -> Result<Option<String>, sqlx::Error> {
    let name = row.try_get_raw("id")?.type_info().name().to_owned();
    if !name.contains("INT") && name != "BOOLEAN" {
        return Ok(text(bytes(row, "id")?));
    }
    let number = if name.ends_with("UNSIGNED") {
        row.try_get_unchecked::<Option<u64>, _>("id")?.map(|id| id.to_string())
    } else {
        row.try_get_unchecked::<Option<i64>, _>("id")?.map(|id| id.to_string())
    };
    Ok(number)
}

/// Only a whole number other than 0 says so, and `BIT` is one. Of any other type a number
/// would be something else, such as the position of an `ENUM`'s word.
fn is_administrator(row: &MySqlRow) -> Result<bool, sqlx::Error> {
    static WARNED: Once = Once::new();
    const NUMBERS: [&str; 12] = [
        "BOOLEAN",
        "BIT",
        "TINYINT",
        "TINYINT UNSIGNED",
        "SMALLINT",
        "SMALLINT UNSIGNED",
        "MEDIUMINT",
        "MEDIUMINT UNSIGNED",
        "INT",
        "INT UNSIGNED",
        "BIGINT",
        "BIGINT UNSIGNED",
    ];
    let value = row.try_get_raw("admin")?;
    let r#type = value.type_info().name().to_owned();
    if value.is_null() || !NUMBERS.contains(&r#type.as_str()) {
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
