//! Changes of users that only an administrator makes.

use secrecy::ExposeSecret;
use shared::{
    config::ColumnName,
    database::{Database, DatabaseError, Transaction, text},
    users::{MySqlUsers, NewUser, User, UserStore, UserStoreError},
};
use sqlx::{AssertSqlSafe, FromRow, mysql::MySqlRow};

const COLUMNS: &str = "SELECT column_name AS name, column_type AS type, \
     CAST(character_maximum_length AS CHAR) AS characters, collation_name AS collation \
     FROM information_schema.columns \
     WHERE table_schema = DATABASE() AND table_name = 'user' ORDER BY ordinal_position";

const READ_BACK: &str = "SELECT id, email, password, admin FROM user WHERE email = ? AND id = ?";
/// In MySQL a numeric column also equals texts that begin with the number.
const FIND_BY_ID: &str = "SELECT id, email, password, admin FROM user WHERE id = ?";

/// The users of a database, for an account with all privileges on them.
#[derive(Clone)]
pub struct AdminStore {
    /// The database.
    pub database: Database,
    /// The store of `login`.
    pub users: MySqlUsers,
    /// The column of groups, if one is configured.
    pub(crate) groups_column: Option<ColumnName>,
}

/// A user in a list.
pub struct UserRow {
    /// The user.
    pub user: User,
    /// When the user was added, in UTC and in the database's format, if there is such a column.
    pub created_at: Option<String>,
    /// When the user was last changed, likewise.
    pub updated_at: Option<String>,
}

/// A column of the table `user`.
pub(crate) struct Column {
    pub(crate) name: String,
    /// The full type, such as `varchar(60)`.
    pub(crate) r#type: String,
    /// The maximum number of characters, if it is a text.
    pub(crate) characters: Option<u64>,
    pub(crate) collation: Option<String>,
}

impl AdminStore {
    /// The users of this database, with their groups in this column.
    pub fn new(database: Database, groups_column: Option<ColumnName>) -> Self {
        let users = MySqlUsers::new(database.clone(), groups_column.as_ref());
        Self { database, users, groups_column }
    }

    /// The user with this e-mail, or else with this id.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`] if a statement fails.
    pub async fn find(&self, name: &str) -> Result<Option<User>, DatabaseError> {
        if let Some(user) = self.users.find_by_email(name).await? {
            return Ok(Some(user));
        }
        let rows = self.database.query(FIND_BY_ID, &[name]).await?.rows;
        let users = rows.iter().map(User::from_row).collect::<Result<Vec<_>, _>>()?;
        Ok(users.into_iter().find(|user| user.id == name))
    }

    /// Adds users, all or none.
    ///
    /// # Errors
    ///
    /// [`UserStoreError`] if an e-mail is taken, or the database does not store a user as given.
    pub async fn add(&self, users: &[NewUser]) -> Result<(), UserStoreError> {
        let mut transaction = self.database.begin().await?;
        let added = self.add_all(&mut transaction, users).await;
        transaction.finish(added).await
    }

    async fn add_all(
        &self,
        transaction: &mut Transaction,
        users: &[NewUser],
    ) -> Result<(), UserStoreError> {
        for (index, NewUser { email, hash, admin }) in users.iter().enumerate() {
            let insert =
                format!("INSERT INTO user (email, password, admin) VALUES (?, ?, {admin})");
            let inserted = transaction.query(AssertSqlSafe(insert), &[email, hash]).await;
            inserted.map_err(|error| match error {
                DatabaseError::Sql(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                    UserStoreError::Duplicate(index)
                }
                error => UserStoreError::from(error).for_hash(hash),
            })?;
            let is_kept = |stored: User| {
                stored.email == *email
                    && stored.password.expose_secret() == hash
                    && stored.admin == *admin
            };
            if !self.users.find_in(transaction, email).await?.is_some_and(is_kept) {
                return Err(UserStoreError::NotKept);
            }
        }
        Ok(())
    }

    /// Stores a hash of a new password. `false` if the user is gone.
    ///
    /// # Errors
    ///
    /// [`UserStoreError`] if the hash was not stored.
    pub async fn set_hash(&self, user: &User, hash: &str) -> Result<bool, UserStoreError> {
        let update = "UPDATE user SET password = ? WHERE email = ? AND id = ?";
        let values = [hash, &user.email, &user.id];
        self.users.update_hash(user, hash, update, &values).await
    }

    /// Grants or revokes the administrator's role. `false` if the user is gone.
    ///
    /// # Errors
    ///
    /// [`UserStoreError`] if the change was not stored.
    pub async fn set_admin(&self, user: &User, admin: bool) -> Result<bool, UserStoreError> {
        // As a literal: a bound text has another value in a BIT column.
        let update = format!("UPDATE user SET admin = {admin} WHERE email = ? AND id = ?");
        let values = [&*user.email, &*user.id];
        let mut transaction = self.database.begin().await?;
        let outcome = async {
            if transaction.query(AssertSqlSafe(update), &values).await?.change.rows_affected() == 0
            {
                return Ok(false);
            }
            let rows = transaction.query(READ_BACK, &values).await?.rows;
            let stored = rows.first().map(User::from_row).transpose();
            let stored = stored.map_err(DatabaseError::from)?;
            let is_kept = stored.is_some_and(|stored| stored.admin == admin);
            if is_kept { Ok(true) } else { Err(UserStoreError::NotKept) }
        };
        let outcome = outcome.await;
        transaction.finish(outcome).await
    }

    /// Removes a user. `false` if the user is gone.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`] if the statement fails.
    pub async fn remove(&self, user: &User) -> Result<bool, DatabaseError> {
        let delete = "DELETE FROM user WHERE email = ? AND id = ?";
        let deleted = self.database.query(delete, &[&user.email, &user.id]).await?;
        Ok(deleted.change.rows_affected() > 0)
    }

    /// Up to `limit` users after the id `after`. Missing columns and values are empty.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`] if a statement fails.
    pub async fn page(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<UserRow>, DatabaseError> {
        let columns = self.columns().await?;
        let column = |name: &str| columns.iter().find(|it| it.name.eq_ignore_ascii_case(name));
        // Converts times from the database's time zone to UTC.
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
        let rows = self.database.query(AssertSqlSafe(select), after.as_slice()).await?.rows;
        let listed = |row: &MySqlRow| {
            Ok(UserRow {
                user: User::from_row(row)?,
                created_at: optional_text(row, "created_at")?,
                updated_at: optional_text(row, "updated_at")?,
            })
        };
        rows.iter().map(listed).collect()
    }

    /// The columns of `user` that the account may see.
    pub(crate) async fn columns(&self) -> Result<Vec<Column>, DatabaseError> {
        let rows = self.database.query(COLUMNS, &[]).await?.rows;
        let column = |row: &MySqlRow| {
            Ok(Column {
                name: text(row, "name")?,
                r#type: text(row, "type")?,
                characters: text(row, "characters")?.parse().ok(),
                collation: optional_text(row, "collation")?,
            })
        };
        rows.iter().map(column).collect()
    }
}

/// The text of a column, unless it is empty or `NULL`.
pub(crate) fn optional_text(row: &MySqlRow, column: &str) -> Result<Option<String>, sqlx::Error> {
    Ok(Some(text(row, column)?).filter(|text| !text.is_empty()))
}
