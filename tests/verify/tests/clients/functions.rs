//! Both functions with one user, for one client.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use shared::users::{NewUser, SqliteUsers, UserDirectory};
use system_tests::{
    Environment,
    contract::{SECRET, hash},
    http::Request,
    http_door::HttpDoor,
    scratch,
    service::Service,
};
use tempfile::TempDir;

use crate::{EMAIL, PASSWORD};

/// The functions, and the file with the user.
pub(crate) struct Functions {
    door: HttpDoor,
    _folder: TempDir,
}

impl Functions {
    /// Starts both, with these variables for `login`.
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        let folder = scratch::directory();
        let path = folder.path().join("users.sqlite");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async { add_user(&SqliteUsers::open(&path).await.unwrap()).await });
        let mut all: Environment =
            [("DATABASE_URL".into(), format!("sqlite:{}", path.display()))].into();
        all.extend(variables.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        Self { door: HttpDoor::start(all), _folder: folder }
    }

    /// What a client needs.
    pub(crate) fn variables(&self) -> Environment {
        variables(&self.door.login.url("/login"), &self.door.validate.url("/validate"))
    }

    pub(crate) fn login(&self) -> Request {
        self.door.login.request("POST", "/login")
    }

    /// That `login` and `validate` have answered with these statuses and no others. Lines of good
    /// tokens come into the log a moment behind the answer.
    pub(crate) fn answered(&self, what: &str, (login, validate): (&[u64], &[u64])) {
        let expected = [login.to_vec(), validate.to_vec()];
        let now = || [&self.door.login, &self.door.validate].map(statuses);
        let longest = Instant::now() + Duration::from_secs(2);
        while now() != expected && Instant::now() < longest {
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(now(), expected, "{what}");
    }
}

pub(crate) async fn add_user(users: &dyn UserDirectory) {
    let user = NewUser { email: EMAIL.into(), hash: hash(PASSWORD).await, admin: false };
    users.add(&[user]).await.unwrap();
}

/// What a client needs to know of a service at these addresses.
pub(crate) fn variables(login: &str, validate: &str) -> Environment {
    [
        ("LOGIN_URL", login),
        ("VALIDATE_URL", validate),
        ("AUTH_EMAIL", EMAIL),
        ("AUTH_PASSWORD", PASSWORD),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// The statuses in the log of a function, which has no line for probes.
pub(crate) fn statuses(service: &Service) -> Vec<u64> {
    let log = service.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["message"] == "request").filter_map(|l| l["status"].as_u64()).collect()
}

/// `JWT_SECRET` beside the variables of a database.
pub(crate) fn with_key(mut database: Environment) -> Environment {
    database.insert("JWT_SECRET".into(), SECRET.into());
    database
}
