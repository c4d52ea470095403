//! The commands.

mod check;
mod completions;
mod import;
mod key;
mod list;
mod throttle;
mod token;
mod upgrade;
mod user;

use secrecy::SecretString;
use shared::config::Argon2Config;

use crate::{
    answer::{Answer, Failure},
    ask,
    cli::{Command, PasswordFrom, TokenCommand, UserCommand},
    environment,
    hashing::Hashing,
};
use upgrade::Wanted;

/// Does what `command` says.
pub(crate) async fn run(command: Command) -> Result<Answer, Failure> {
    match command {
        Command::User(command) => run_user(command).await,
        Command::Hash(password) => hash(&password).await,
        Command::Check => check::check().await,
        Command::Upgrade(details) => upgrade::upgrade(Wanted::Digests, &details).await,
        Command::UpgradePlaintext { details, allow_hash_like } => {
            let wanted =
                if allow_hash_like { Wanted::PlainTextsAndHashLike } else { Wanted::PlainTexts };
            upgrade::upgrade(wanted, &details).await
        }
        Command::Key(command) => key::run(command).await,
        Command::Throttle(command) => throttle::run(command).await,
        Command::Token(TokenCommand::Inspect { token }) => token::inspect(token).await,
        Command::Completions { shell } => Ok(completions::completions(shell)),
    }
}

async fn run_user(command: UserCommand) -> Result<Answer, Failure> {
    match command {
        UserCommand::Add { email, admin, password } => user::add(email, admin, &password).await,
        UserCommand::Password { email, password } => user::password(&email, &password).await,
        UserCommand::List { json } => list::list(json).await,
        UserCommand::Grant { email } => user::set_admin(&email, true).await,
        UserCommand::Revoke { email } => user::set_admin(&email, false).await,
        UserCommand::Remove { email, yes } => user::remove(&email, yes).await,
        UserCommand::Disable { email } => user::disable(&email).await,
        UserCommand::Enable { email } => user::enable(&email).await,
        UserCommand::Import { file, details } => import::import(&file, &details).await,
    }
}

async fn hash(password: &PasswordFrom) -> Result<Answer, Failure> {
    let hashing = Hashing::new(environment::read(Argon2Config::read)?);
    let password: SecretString = ask::new_password(password)?;
    Ok(Answer::good(hashing.hash(password).await?))
}
