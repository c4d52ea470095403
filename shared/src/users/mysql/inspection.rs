//! What `login` finds in a database: for `auth-admin check`.

use sqlx::{Row, mysql::MySqlRow};

use super::{MySqlUsers, text};
use crate::users::{StoreError, UserStore};

/// A database as one account sees it.
#[derive(Debug)]
pub struct Inspection {
    /// The server's version.
    pub version: String,
    /// Its `sql_mode`, which sessions of `login` do not use.
    pub sql_mode: String,
    /// The account, as the server has it.
    pub account: String,
    /// Its privileges, as `GRANT` statements.
    pub grants: Vec<String>,
    /// The engine of `user`, unless that is a view.
    pub engine: Option<String>,
    /// The columns of `user` that it may see.
    pub columns: Vec<Column>,
    /// What `login` does.
    pub trials: Vec<Trial>,
}

/// A column of `user`.
#[derive(Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type in full, such as `varchar(60)`.
    pub r#type: String,
    /// How many characters it holds, if it is of texts.
    pub characters: Option<u64>,
    /// How its texts are compared.
    pub collation: Option<String>,
}

/// Something that `login` does, tried on no row.
#[derive(Debug)]
pub struct Trial {
    /// What is done.
    pub what: &'static str,
    /// Whether a login fails without it.
    pub is_needed: bool,
    /// Why it cannot be done.
    pub problem: Option<String>,
}

const SERVER: &str = "SELECT VERSION() AS version, @@GLOBAL.sql_mode AS sql_mode, CURRENT_USER() AS account, \
     (SELECT engine FROM information_schema.tables \
      WHERE table_schema = DATABASE() AND table_name = 'user') AS engine";

const COLUMNS: &str = "SELECT column_name AS name, column_type AS type, \
     CAST(character_maximum_length AS CHAR) AS characters, collation_name AS collation FROM information_schema.columns \
     WHERE table_schema = DATABASE() AND table_name = 'user' ORDER BY ordinal_position";

/// None of them changes a row: there is none that they are about.
const TRIALS: [(&str, bool, &[&str]); 2] = [
    (
        "count failed logins",
        true,
        &[
            "SELECT subject, failures, checks, admitted, checks_until, locked_until, forget_at \
             FROM login_throttle WHERE 1 = 0",
            "INSERT INTO login_throttle (subject, failures, checks, admitted, checks_until, \
             locked_until, forget_at) SELECT '', 0, 0, 0, 0, 0, 0 FROM DUAL WHERE 1 = 0",
            "UPDATE login_throttle SET failures = failures, checks = checks WHERE 1 = 0",
            "DELETE FROM login_throttle WHERE 1 = 0",
        ],
    ),
    ("replace a hash", false, &["UPDATE user SET password = password WHERE 1 = 0"]),
];

impl MySqlUsers {
    /// Looks at the database as `login` does, and changes nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if there is no connection.
    pub async fn inspect(&self) -> Result<Inspection, StoreError> {
        let server = self.connections.fetch(SERVER, &[]).await?;
        let server = server.first().ok_or(sqlx::Error::RowNotFound)?;
        let grants = self.connections.fetch("SHOW GRANTS", &[]).await?;
        let grants = grants.iter().filter_map(|row| row.try_get_unchecked::<String, _>(0).ok());
        // MariaDB shows the account's hash.
        let grants = grants.filter_map(|it| it.split(" IDENTIFIED ").next().map(str::to_owned));
        Ok(Inspection {
            version: text(server, "version")?,
            sql_mode: text(server, "sql_mode")?,
            account: text(server, "account")?,
            engine: Some(text(server, "engine")?).filter(|engine| !engine.is_empty()),
            grants: grants.collect(),
            columns: self.columns().await?,
            trials: self.trials().await,
        })
    }

    /// The columns of `user` that the account may see.
    pub(super) async fn columns(&self) -> Result<Vec<Column>, StoreError> {
        let rows = self.connections.fetch(COLUMNS, &[]).await?;
        let column = |row: &MySqlRow| {
            Ok(Column {
                name: text(row, "name")?,
                r#type: text(row, "type")?,
                characters: text(row, "characters")?.parse().ok(),
                collation: Some(text(row, "collation")?).filter(|it| !it.is_empty()),
            })
        };
        rows.iter().map(column).collect()
    }

    async fn trials(&self) -> Vec<Trial> {
        let found = self.find_by_email("").await;
        let problem = found.err().map(|error| error.to_string());
        let mut trials = vec![Trial { what: "look a user up", is_needed: true, problem }];
        for (what, is_needed, statements) in TRIALS {
            let mut problem = None;
            for statement in statements {
                if let Err(error) = self.connections.execute(*statement, &[]).await {
                    problem.get_or_insert(error.to_string());
                }
            }
            trials.push(Trial { what, is_needed, problem });
        }
        trials
    }
}
