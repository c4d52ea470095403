//! The commands.

use clap::{Parser, Subcommand};

use crate::{
    check,
    key::{self, KeyCommand},
    terminal::Failure,
    throttle::{self, ThrottleCommand},
    upgrade::{self, Target, UpgradeDetails},
    user::{self, UserCommand},
};

/// Looks after the users of the auth service, and after the keys of its tokens.
///
/// The database is found as login finds it: by `DATABASE_URL`, by `MYSQL_HOST` and its siblings,
/// or by `DATABASE_SECRET_ID`. The account needs SELECT, INSERT, UPDATE and DELETE on the tables
/// user and `login_throttle`; the one that init.sql makes for login may not add users or make
/// administrators. docs/configuration.md lists the variables.
///
/// New hashes are Argon2id. `ARGON2_MEMORY_KIB`, `ARGON2_ITERATIONS` and `ARGON2_PARALLELISM` set
/// their cost, which should be the one of login.
///
/// Passwords are asked for, or read with --password-stdin; they are never arguments, which the
/// history of the shell and every user of the machine would see.
///
/// The exit status is 0 for success, 1 for a refusal or a failure, 2 for a wrong command line and
/// 78 for a wrong configuration.
#[derive(Parser)]
#[command(name = "auth-admin", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Add, change, list and remove users
    #[command(subcommand)]
    User(UserCommand),
    /// Say what login would make of the database, and change nothing
    ///
    /// Run it with the account and the variables of login. The exit status is 1 where a login would
    /// fail.
    Check,
    /// Hash the digests that other systems stored, so that their users can log in
    ///
    /// Fast digests (docs/moving-over.md lists them) are hashed once more, with Argon2id. First it
    /// says how many rows there are of each form, and asks. The service may run meanwhile; if the
    /// command is stopped, the next one goes on where it was.
    ///
    /// A digest of something else than the password alone, such as of the password and a salt in
    /// another column, looks the same, and would be lost: so try one user with --only first.
    Upgrade(UpgradeDetails),
    /// Hash the passwords that the Flask service stored as plain text
    ///
    /// Run upgrade-from-flask.sql first, and keep no backup with the plain texts. It asks, stores
    /// and goes on as upgrade does. What looks like a hash is left alone: with a hash of it, an old
    /// copy of the table would be enough to log in.
    ///
    /// Weak passwords are hashed as well; their e-mails are listed on standard error, since it is the
    /// last chance to find them.
    UpgradePlaintext {
        #[command(flatten)]
        details: UpgradeDetails,
        /// Hash what looks like a hash as well: users type it as their password
        #[arg(long)]
        allow_hash_like: bool,
    },
    /// Make, list and rotate the keys that sign and verify tokens
    ///
    /// They are a JWK Set, in the file that `JWT_SECRET_FILE` names or in the Secrets Manager secret
    /// that `JWT_SECRET_ID` names. The first key of the set that can sign signs; all of them verify.
    /// A plain text (HS256) or a PEM key becomes a set at its first change. A rotation that no
    /// client notices is rotate --stage, promote and retire, with a wait before each of the last
    /// two: docs/rotation.md has it in full.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Show and forget failed logins
    #[command(subcommand)]
    Throttle(ThrottleCommand),
}

/// Runs the command of the command line.
pub(crate) async fn run() -> Result<String, Failure> {
    match Cli::parse().command {
        Command::User(command) => user::run(command).await,
        Command::Check => check::check().await,
        Command::Upgrade(details) => upgrade::upgrade(Target::Digests, &details).await,
        Command::UpgradePlaintext { details, allow_hash_like: hash_like } => {
            upgrade::upgrade(Target::PlainTexts { hash_like }, &details).await
        }
        Command::Key(command) => key::run(command).await,
        Command::Throttle(command) => throttle::run(command).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn a_wrong_command_line_is_refused_and_a_password_is_never_an_argument() {
        Cli::command().debug_assert();
        for line in [
            "user add",
            "user add a@b secret",
            "user password a@b secret",
            "user add a@b --password=secret",
            "user add a@b --password-stdin=secret",
            "user import users.csv",
            "throttle reset",
            "throttle reset a@b --all",
            "key list",
            "key list --file a --secret-id b",
            "key list --secret-id=",
            "key new --alg none --file a",
            "key new --file a",
            "key retire --file a",
            "key retire one --without-kid --file a",
            "key publish --file a --public-file b --public-secret-id c",
        ] {
            let words = ["auth-admin"].into_iter().chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_err(), "{line}");
        }
    }
}
