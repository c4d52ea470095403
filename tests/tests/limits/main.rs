//! What a client may take of a function: bytes, time and connections.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

mod bodies;
mod connections;
mod heads;
mod invocations;
mod log;
mod logins;

use system_tests::{
    Environment,
    contract::{SECRET, add_users},
    service::Service,
    stores::Sqlite,
};

fn with_key(variables: &[(&str, &str)]) -> Environment {
    let all = [("JWT_SECRET", SECRET)];
    let all = all.iter().chain(variables);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn validate() -> Service {
    Service::start("validate", with_key(&[]))
}

/// A `login` whose database is never asked.
fn login() -> Service {
    let url = format!("mysql://u:x@127.0.0.1:{}/auth", system_tests::wait::free_port());
    Service::start("login", with_key(&[("DATABASE_URL", &url)]))
}

/// What `login` needs for the users of the contract; they live as long as the store.
async fn login_variables() -> (Sqlite, Environment) {
    let store = Sqlite::with(&[]).await;
    add_users(&store.users).await;
    let variables = with_key(&[]).into_iter().chain(store.variables()).collect();
    (store, variables)
}
