//! Metrics: what is counted, who gets to see it, and what Prometheus and CloudWatch make of it.

mod alerts;
mod counters;
mod dashboard;
mod embedded;
mod measured;
mod port;
mod prometheus;
mod promtool;
mod secrets;

use std::path::Path;

use shared::users::{SqliteUsers, UserStore};
use system_tests::{
    Environment,
    contract::{SECRET, add_users},
};

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The key of the contract's tokens in a file in this folder, for a secret that has an age.
fn key_in_file(folder: &Path) -> Environment {
    let path = folder.join("key");
    std::fs::write(&path, SECRET).expect("scratch can be written");
    environment(&[("JWT_SECRET_FILE", path.to_str().expect("UTF-8"))])
}

/// What `login` needs for the users of the contract, in a file in this folder.
async fn login_variables(folder: &Path) -> Environment {
    let path = folder.join("users.sqlite");
    let users = SqliteUsers::open(&path).await.expect("scratch can be written");
    add_users(&users).await;
    users.ping().await.expect("an open file");
    let database = format!("sqlite:{}", path.display());
    environment(&[("JWT_SECRET", SECRET), ("DATABASE_URL", &database)])
}
