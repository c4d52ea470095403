//! Connections that die, stall or never come about: a client of `login` doesn't notice,
//! or is told so within the limits.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

mod broken;
mod stalled;
mod statements;

use std::time::{Duration, Instant};

use shared::users::{MySqlUsers, StoreError, User, UserStore};
use system_tests::database::DatabaseServer;

const EMAIL: &str = "bob@example.com";

/// `init.sql`, and one user.
fn prepare(server: &DatabaseServer) {
    server.init();
    server.sql(&format!("INSERT INTO auth.user (email, password) VALUES ('{EMAIL}', 'hash')"));
}

/// Looks the user up and says how long that took.
async fn timed_find(store: &MySqlUsers) -> (Result<Option<User>, StoreError>, Duration) {
    let start = Instant::now();
    let found = store.find_by_email(EMAIL).await;
    (found, start.elapsed())
}

/// Fails unless the user is found without an error and within `limit`.
async fn must_find(store: &MySqlUsers, limit: Duration, what: &str) {
    let (found, elapsed) = timed_find(store).await;
    assert!(matches!(&found, Ok(Some(_))), "{what}: {found:?} after {elapsed:?}");
    assert!(elapsed < limit, "{what}: took {elapsed:?}");
}

/// Opens all connections of the store's pool.
async fn fill_pool(store: &MySqlUsers, connections: usize) {
    let finds = (0..connections * 4).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.find_by_email(EMAIL).await })
    });
    for find in finds.collect::<Vec<_>>() {
        find.await.unwrap().unwrap();
    }
}

/// How many connections `auth_user` has.
fn connections(server: &DatabaseServer) -> usize {
    connection_ids(server).len()
}

fn connection_ids(server: &DatabaseServer) -> Vec<String> {
    let query = "SELECT id FROM information_schema.processlist WHERE user = 'auth_user'";
    server.query(query).lines().map(str::to_owned).collect()
}
