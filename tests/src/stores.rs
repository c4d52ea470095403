//! User stores, opened in the test process with the code that `login` uses.

use auth_admin::store::AdminStore;
use shared::{
    config::{Argon2Config, ColumnName, DatabaseConfig, Reader},
    database::Database,
    password::PasswordHasher,
    secrets::Secrets,
    users::{NewUser, SqliteUsers},
};
use tempfile::TempDir;

use crate::{Environment, contract, scratch};

/// Opens the store that these variables configure, with a pool of up to `connections`.
pub async fn open(variables: &Environment, connections: u32) -> AdminStore {
    let value = |name: &str| variables.get(name).map(Into::into);
    let mut reader = Reader::new(&value);
    let config = (DatabaseConfig::read(&mut reader), ColumnName::of_groups(&mut reader));
    let (config, groups_column) = reader.finish(config).unwrap_or_else(|it| panic!("{it:?}"));
    let database = Database::connect_lazy(config, &Secrets::default(), connections).await;
    AdminStore::new(database.unwrap_or_else(|error| panic!("{error}")), groups_column)
}

/// A store in an SQLite file, which is deleted when this is dropped.
pub struct Sqlite {
    /// The store.
    pub users: SqliteUsers,
    folder: TempDir,
}

impl Sqlite {
    /// A store with the users of the contract.
    pub async fn of_contract() -> Self {
        Self::with(&[]).await
    }

    /// A store with the users of the contract and these pairs of e-mail and password.
    pub async fn with(more: &[(&str, &str)]) -> Self {
        let folder = scratch::directory();
        let users = SqliteUsers::open(&folder.path().join("users.sqlite")).await.expect("a file");
        for new in [contract::users().await, new_users(more).await] {
            users.add(&new).await.expect("the users are new");
        }
        Self { users, folder }
    }

    /// The variables with which `login` uses it.
    pub fn variables(&self) -> Environment {
        let path = self.folder.path().join("users.sqlite");
        [("DATABASE_URL".into(), format!("sqlite:{}", path.display()))].into()
    }
}

/// Users from pairs of e-mail and password, with hashes of `login`'s default cost.
pub async fn new_users(users: &[(&str, &str)]) -> Vec<NewUser> {
    let (mut new, hasher) = (Vec::new(), PasswordHasher::new(Argon2Config::default(), 1, None));
    for (email, password) in users {
        let hash = hasher.hash((*password).into()).await.expect("a hash");
        new.push(NewUser { email: (*email).into(), hash, admin: false });
    }
    new
}
