//! One suite for all stores of users: `login` and `auth-admin` must not notice which
//! one they have.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

mod changes;
mod lookup;
mod throttle;

use shared::users::{NewUser, SqliteUsers, User, UserDirectory};
use system_tests::{database::DatabaseServer, mariadb, mysql9, scratch, stores};

/// Every check has e-mails of its own, so none is in another one's way.
async fn suite(users: &dyn UserDirectory) {
    lookup::suite(users).await;
    changes::suite(users).await;
}

#[tokio::test]
async fn sqlite_keeps_the_rules() {
    let directory = scratch::directory();
    let store = SqliteUsers::open(&directory.path().join("users.sqlite")).await.unwrap();
    suite(&store).await;
}

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn mariadb_keeps_the_rules() {
    keeps_the_rules(&mariadb::shared()).await;
}

#[tokio::test]
#[ignore = "needs MySQL 9: make verify"]
async fn mysql_9_keeps_the_rules() {
    keeps_the_rules(&mysql9::shared()).await;
}

async fn keeps_the_rules(server: &DatabaseServer) {
    let store = stores::open(&server.root_variables(), 4).await;
    suite(&store).await;
    throttle::suite(server).await;
    times_are_utc(server).await;
}

/// `auth-admin` shows them as such.
async fn times_are_utc(server: &DatabaseServer) {
    server.sql("SET GLOBAL time_zone = '+05:00'");
    let store = stores::open(&server.root_variables(), 1).await;
    let now = || server.query("SELECT UTC_TIMESTAMP()");
    let before = now();
    let id = add(&store, "clock@example.com").await.id;
    let row = store.page(None, 10_000).await.unwrap();
    let row = row.into_iter().find(|row| row.user.id == id).unwrap();
    for time in [row.created_at, row.updated_at].map(Option::unwrap) {
        assert!(before <= time && time <= now(), "{time} is not {before}");
    }
}

fn new_user(email: &str) -> NewUser {
    NewUser { email: email.to_owned(), hash: "hash".to_owned(), admin: false }
}

async fn add(users: &dyn UserDirectory, email: &str) -> User {
    users.add(&[new_user(email)]).await.unwrap();
    find(users, email).await.unwrap_or_else(|| panic!("{email} was added and is not found"))
}

async fn find(users: &dyn UserDirectory, email: &str) -> Option<User> {
    users.find_by_email(email).await.unwrap_or_else(|error| panic!("{email:?}: {error}"))
}
