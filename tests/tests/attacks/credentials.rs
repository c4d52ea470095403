//! Attacks on `login`: credentials that are almost right, or encoded almost right.
//!
//! Each row has its own user, whose right password is accepted afterwards. So neither the
//! throttle nor another row influences an answer.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use login::LoginState;
use shared::{
    config::{Argon2Config, IssueConfig, ThrottleConfig},
    keys::Keys,
    password::PasswordHasher,
    throttle::{MemoryStore, Throttle},
    users::NewUser,
};
use system_tests::{Request, SECRET, mariadb, stores};

use crate::{Attack, answer, filled, rows};

/// The password of a row's user, unless the row has another.
const PASSWORD: &str = "Right: Passwört 1";

/// On MariaDB: its collations treat more texts as equal than `login` may.
#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn almost_right_credentials_are_refused() {
    let server = mariadb::shared();
    let store = stores::open(&server.root_variables(), 3).await;
    let passwords = PasswordHasher::new(
        Argon2Config { memory_kib: 64, iterations: 1, parallelism: 1 },
        1,
        None,
    );
    let post = || Request::new("POST", "/login");
    let mut attacks = Vec::new();
    let all = ["credentials", "basic"].map(|place| rows(place).map(move |row| (place, row)));
    for (n, (place, (source, expected, row))) in all.into_iter().flatten().enumerate() {
        let email = format!("canary-{n}@x");
        let places = [
            ("{email}", &*email),
            ("{n}", &n.to_string()),
            ("{password}", PASSWORD),
            ("{1000}", &"p".repeat(1000)),
            ("{23}", &"p".repeat(23)),
            ("{blanks}", &" ".repeat(240)),
        ];
        let row = filled(row, &places);
        let (email, password, tried) = match row.split('|').collect::<Vec<_>>()[..] {
            [email, password, tried] => (email, password, tried),
            _ => (&*email, PASSWORD, &*row),
        };
        let right = STANDARD.encode(format!("{email}:{password}"));
        let request = if place == "credentials" {
            post().header("authorization", format!("Basic {}", STANDARD.encode(tried)))
        } else {
            let values = tried.split('\n').map(|value| value.replace('@', &right));
            values.fold(post(), |post, value| post.header("authorization", value))
        };
        let hash = passwords.hash(password.into()).await.unwrap();
        store.add(&[NewUser { email: email.into(), hash, admin: false }]).await.unwrap();
        let attack = Attack { name: row.clone(), source, expected, request };
        attacks.push((attack, post().basic(email, password)));
    }
    let throttle = Throttle::new(Arc::new(MemoryStore::default()), &ThrottleConfig::default());
    let keys = Arc::new(Keys::read(&SECRET.into()).unwrap()).into();
    let (users, issue) = (Arc::new(store.users), IssueConfig::default());
    let router = login::router(LoginState { throttle, users, passwords, keys, issue });
    for (attack, right) in attacks {
        attack.run(&router).await;
        assert_eq!(answer(&router, &right).await.0.status, 200);
    }
}
