//! A place where the binary runs, and what it leaves there.

use std::{
    ffi::OsStr,
    io::Write,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use secrecy::ExposeSecret;
use shared::{
    config::Argon2Config,
    password::{PasswordHasher, Verification},
    users::{NewUser, SqliteUsers, UserDirectory, UserRow, UserStore},
};
use tempfile::TempDir;

pub(crate) const PASSWORD: &str = "a canary sings";
pub(crate) const BCRYPT: &str = "$2b$04$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie";
/// MD5 of `PASSWORD`.
pub(crate) const MD5: &str = "16530af42cc6581f55270f558583d035";
pub(crate) const UNSUPPORTED: &str = "$1$salt$qJH7.N4xYta3aEG/dfqo/0";

/// A directory with a database that is not there yet.
pub(crate) struct Place {
    directory: TempDir,
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        std::fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    /// The binary with the quickest hashes that the configuration lets through.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auth-admin"));
        let database = format!("sqlite:{}", self.path("users.db").display());
        command.env_clear().env("DATABASE_URL", database);
        command.env("ARGON2_MEMORY_KIB", "7168").env("ARGON2_ITERATIONS", "1");
        command
    }

    pub(crate) fn run(&self, arguments: impl IntoIterator<Item: AsRef<OsStr>>) -> Run {
        self.run_with("", arguments)
    }

    pub(crate) fn run_with(
        &self,
        input: &str,
        arguments: impl IntoIterator<Item: AsRef<OsStr>>,
    ) -> Run {
        finish(self.command().args(arguments), input)
    }

    /// Adds a user with [`PASSWORD`].
    pub(crate) fn add(&self, email: &str) {
        let run = self.run_with(PASSWORD, ["user", "add", email, "--password-stdin"]);
        assert_eq!(run.good(), format!("added {email}\n"));
    }

    /// Adds rows as other programs leave them behind.
    pub(crate) fn insert(&self, rows: &[(&str, &str)]) {
        let new = |&(email, stored): &(&str, &str)| NewUser {
            email: email.into(),
            hash: stored.into(),
            admin: false,
        };
        let new: Vec<NewUser> = rows.iter().map(new).collect();
        self.on_users(async |users| users.add(&new).await.unwrap());
    }

    pub(crate) fn rows(&self) -> Vec<UserRow> {
        self.on_users(async |users| users.page(None, 10_000).await.unwrap())
    }

    pub(crate) fn emails(&self) -> Vec<String> {
        self.rows().into_iter().map(|row| row.user.email).collect()
    }

    pub(crate) fn stored(&self, email: &str) -> String {
        self.on_users(async |users| {
            let user = users.find_by_email(email).await.unwrap().unwrap();
            user.password.expose_secret().to_owned()
        })
    }

    /// Whether `login` would let the user in.
    pub(crate) fn logs_in(&self, email: &str, password: &str) -> bool {
        let hasher = PasswordHasher::new(Argon2Config::default(), 1);
        let stored = self.stored(email);
        runtime().block_on(async {
            let verification = hasher.verify(password.into(), Some(stored.into())).await;
            matches!(verification.unwrap(), Verification::Right { .. })
        })
    }

    fn on_users<T>(&self, work: impl AsyncFnOnce(SqliteUsers) -> T) -> T {
        runtime().block_on(async {
            work(SqliteUsers::open(&self.path("users.db")).await.unwrap()).await
        })
    }
}

impl Run {
    /// The output of a run that went well and had nothing to complain about.
    #[track_caller]
    pub(crate) fn good(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{}", self.out);
        self.out
    }

    /// The complaint of a run that was refused and had nothing else to say.
    #[track_caller]
    pub(crate) fn refused(self, code: i32) -> String {
        assert_eq!((self.code, self.out.as_str()), (Some(code), ""), "{}", self.err);
        self.err
    }
}

/// Runs the command with this input. No output may have a password or a hash in it.
#[track_caller]
pub(crate) fn finish(command: &mut Command, input: &str) -> Run {
    let run = finish_unchecked(command, input);
    for output in [&run.out, &run.err] {
        for secret in ["canary", "$argon2", "$2b$"] {
            assert!(!output.to_lowercase().contains(secret), "{secret} is in {output}");
        }
    }
    run
}

/// The same for `hash`, whose result is a hash.
pub(crate) fn finish_unchecked(command: &mut Command, input: &str) -> Run {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A binary that refuses before it reads has closed its end already.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: status.code(), out: text(stdout), err: text(stderr) }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
