//! What may be typed, and what `--help` says about it.

mod help;
mod key;
mod throttle;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use secrecy::SecretString;
use shared::users::User;

pub(crate) use key::{KeyCommand, KeyDetails, PlaceOfKeys, PlaceOfPublicKeys, WhichKey};
pub(crate) use throttle::{ThrottleCommand, WhoseFailures};

/// Looks after the users of the auth service, and after the keys of its tokens.
#[derive(Parser)]
#[command(version, about, long_about = help::TOP, after_help = help::TOP_EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Add, change, list and remove users
    #[command(subcommand)]
    User(UserCommand),
    /// Print the hash of a password, as it would be stored
    #[command(long_about = help::HASH, after_help = help::HASH_EXAMPLES)]
    Hash(PasswordFrom),
    /// Say what login would make of the database, and change nothing
    #[command(long_about = help::CHECK, after_help = help::CHECK_EXAMPLES)]
    Check,
    /// Hash the digests that other systems stored, so that their users can log in
    #[command(long_about = help::UPGRADE, after_help = help::UPGRADE_EXAMPLES)]
    Upgrade(UpgradeDetails),
    /// Hash the passwords that the Flask service stored as plain text
    #[command(long_about = help::UPGRADE_PLAINTEXT, after_help = help::UPGRADE_PLAINTEXT_EXAMPLES)]
    UpgradePlaintext {
        #[command(flatten)]
        details: UpgradeDetails,
        /// Hash what looks like a hash as well: users type it as their password
        #[arg(long)]
        allow_hash_like: bool,
    },
    /// Make, list and rotate the keys that sign and verify tokens
    #[command(subcommand, long_about = key::KEY, after_help = key::KEY_EXAMPLES)]
    Key(KeyCommand),
    /// Show and forget failed logins
    #[command(subcommand)]
    Throttle(ThrottleCommand),
    /// Look at tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Print completions for a shell
    #[command(after_help = help::COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// What can be done with users.
#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Add a user
    #[command(long_about = help::ADD, after_help = help::ADD_EXAMPLES)]
    Add {
        /// The e-mail to log in with, in the spelling that tokens will carry
        email: String,
        /// Make the user an administrator
        #[arg(long)]
        admin: bool,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// Set another password for a user
    #[command(after_help = help::PASSWORD_EXAMPLES)]
    Password {
        /// The user's e-mail
        email: String,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// List all users, with the kind of password that is stored for each
    #[command(after_help = help::LIST_EXAMPLES)]
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Make a user an administrator
    #[command(after_help = help::GRANT_EXAMPLES)]
    Grant {
        /// The user's e-mail
        email: String,
    },
    /// Make an administrator a plain user
    #[command(long_about = help::REVOKE, after_help = help::REVOKE_EXAMPLES)]
    Revoke {
        /// The user's e-mail
        email: String,
    },
    /// Remove a user
    #[command(long_about = help::REMOVE, after_help = help::REMOVE_EXAMPLES)]
    Remove {
        /// The user's e-mail
        email: String,
        /// Do not ask for confirmation
        #[arg(long, short)]
        yes: bool,
    },
    /// Refuse a user's password, and keep it
    #[command(long_about = help::DISABLE, after_help = help::DISABLE_EXAMPLES)]
    Disable {
        /// The user's e-mail
        email: String,
    },
    /// Take a disabled user's password again
    #[command(after_help = help::ENABLE_EXAMPLES)]
    Enable {
        /// The user's e-mail
        email: String,
    },
    /// Add the users of a CSV file, all or none
    #[command(long_about = help::IMPORT, after_help = help::IMPORT_EXAMPLES)]
    Import {
        /// The file, with the header email,password or email,password,admin
        file: PathBuf,
        #[command(flatten)]
        details: ImportDetails,
    },
}

/// What the passwords of a file are; they are never guessed.
#[derive(Debug, Args)]
pub(crate) struct ImportDetails {
    /// What the column password holds
    #[arg(long)]
    pub(crate) passwords: PasswordsAre,
    /// Take plain texts that look like hashes: users type them as their passwords
    #[arg(long)]
    pub(crate) allow_hash_like: bool,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PasswordsAre {
    /// Passwords as users type them
    Plain,
    /// Hashes or digests of them
    Hashed,
}

/// How the whole table is changed.
#[derive(Debug, Args)]
pub(crate) struct UpgradeDetails {
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Change this user's row alone, to try it out
    #[arg(long, value_name = "EMAIL")]
    pub(crate) only: Option<String>,
}

impl UpgradeDetails {
    /// Whether the user's row is to be looked at.
    pub(crate) fn includes(&self, user: &User) -> bool {
        self.only.as_ref().is_none_or(|only| only.eq_ignore_ascii_case(&user.email))
    }
}

/// What can be done with tokens.
#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    /// Show what a token says, and whether it is valid
    #[command(long_about = help::INSPECT, after_help = help::INSPECT_EXAMPLES)]
    Inspect {
        /// The token, or - to read it from standard input
        token: SecretString,
    },
}

/// Where a password comes from; the prompt unless told otherwise.
#[derive(Args)]
pub(crate) struct PasswordFrom {
    /// Read the password from the first line of standard input instead of asking for it
    #[arg(long)]
    pub(crate) password_stdin: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_token_is_not_shown_by_debug() {
        let cli = Cli::parse_from(["auth-admin", "token", "inspect", "canary"]);
        let Command::Token(TokenCommand::Inspect { token }) = cli.command else { panic!() };
        assert!(!format!("{token:?}").contains("canary"));
    }

    #[test]
    fn a_password_is_never_an_argument() {
        for line in [
            ["auth-admin", "user", "add", "a@b", "secret"],
            ["auth-admin", "user", "password", "a@b", "secret"],
            ["auth-admin", "user", "add", "a@b", "--password=secret"],
            ["auth-admin", "user", "add", "a@b", "--password-stdin=secret"],
        ] {
            assert!(Cli::try_parse_from(line).is_err(), "{line:?}");
        }
        assert!(Cli::try_parse_from(["auth-admin", "hash", "secret"]).is_err());
    }
}
