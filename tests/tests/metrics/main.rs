//! Metrics: what is counted, who gets to see it, and what Prometheus and CloudWatch make of it.

mod embedded;
mod examples;
mod port;
mod real_prometheus;
mod requests;
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

/// What `login` needs for the users of the contract, in a file in this folder.
async fn login_variables(folder: &Path) -> Environment {
    let path = folder.join("users.sqlite");
    let users = SqliteUsers::open(&path).await.expect("scratch can be written");
    add_users(&users).await;
    users.ping().await.expect("an open file");
    let database = format!("sqlite:{}", path.display());
    environment(&[("JWT_SECRET", SECRET), ("DATABASE_URL", &database)])
}
