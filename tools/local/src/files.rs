//! What is kept between runs: the users and the signing key.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use shared::{
    config::Argon2Config,
    password::PasswordHasher,
    users::{NewUser, SqliteUsers, UserDirectory, UserStore},
};
use uuid::Uuid;

pub(crate) const DEMO_USER: &str = "demo@example.com";
/// No secret: everybody can read it here, and the service listens on the loopback
/// address alone.
pub(crate) const DEMO_PASSWORD: &str = "correct horse battery staple";

/// The folder of this tool's files.
pub(crate) fn folder() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    target.join("local")
}

/// The key's file, made with a random key if it is not there yet.
pub(crate) fn key_file() -> io::Result<PathBuf> {
    fs::create_dir_all(folder())?;
    let path = folder().join("jwt-secret");
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => write!(file, "{}{}", Uuid::new_v4(), Uuid::new_v4())?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    Ok(path)
}

/// The users' file, with the demo user in it.
pub(crate) async fn users() -> Result<SqliteUsers, String> {
    let path = users_file()?;
    let users = SqliteUsers::open(&path).await.map_err(|error| error.to_string())?;
    let known = users.find_by_email(DEMO_USER).await.map_err(|error| error.to_string())?;
    if known.is_none() {
        let hasher = PasswordHasher::new(Argon2Config::default(), 1);
        let hash = hasher.hash(DEMO_PASSWORD.into()).await.map_err(|error| error.to_string())?;
        let demo = NewUser { email: DEMO_USER.into(), hash, admin: false };
        users.add(&[demo]).await.map_err(|error| error.to_string())?;
    }
    Ok(users)
}

fn users_file() -> Result<PathBuf, String> {
    fs::create_dir_all(folder()).map_err(|error| error.to_string())?;
    Ok(folder().join("users.sqlite"))
}

/// A path as a shell can read it from anywhere.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
