//! `user`: one user at a time, and the list of all.

use clap::{Args, Subcommand};
use secrecy::ExposeSecret;
use serde_json::json;
use shared::{
    password::DISABLED,
    users::{MySqlUsers, NewUser, StoreError, User, UserRow, UserStore},
};

use crate::{
    accepted,
    answer::{Failure, listing, shown},
    ask::{self, PasswordFrom},
    database::{Store, all, open},
    import::{self, ImportDetails},
    stored_form::{StoredForm, can_be_disabled},
};

#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Add a user
    ///
    /// A password is refused if it is shorter than 8 characters, longer than 1024 bytes, or among
    /// the most common ones.
    Add {
        /// The e-mail to log in with, in the spelling that tokens will carry
        ///
        /// It has one @ with something on both sides, no blanks, no control characters, no colon,
        /// and at most 254 bytes. Two e-mails that differ in upper and lower case alone are the
        /// same.
        email: String,
        /// Make the user an administrator
        #[arg(long)]
        admin: bool,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// Set another password for a user
    Password {
        #[command(flatten)]
        user: OneUser,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// List all users, with the kind of password that is stored for each
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Make a user an administrator
    Grant(OneUser),
    /// Make an administrator a plain user; tokens that the user holds stay what they are
    Revoke(OneUser),
    /// Remove a user; tokens that the user holds stay valid until they expire
    Remove {
        #[command(flatten)]
        user: OneUser,
        /// Do not ask for confirmation
        #[arg(long, short)]
        yes: bool,
    },
    /// Refuse a user's password, and keep it
    ///
    /// Puts a ! in front of the stored hash, as usermod -L does: every password is wrong then, and
    /// the answer and its cost are those of a wrong one. Tokens that the user holds stay valid
    /// until they expire.
    Disable(OneUser),
    /// Take a disabled user's password again
    Enable(OneUser),
    /// Add the users of a CSV file, all or none
    ///
    /// The first line is email,password or email,password,admin. Plain texts are checked and
    /// hashed; hashes that login supports are stored as they are, and digests are hashed once more,
    /// as by upgrade. Hashes with commas in them stand in double quotes. The column admin holds
    /// true or false; empty is false. Lines that are wrong are named by number, with the reason.
    Import(ImportDetails),
}

#[derive(Args)]
pub(crate) struct OneUser {
    /// The user's e-mail
    email: String,
}

pub(crate) async fn run(command: UserCommand) -> Result<String, Failure> {
    let Store { users, hasher, .. } = open().await?;
    let users = &users;
    match command {
        UserCommand::Add { email, admin, password } => {
            // What can be refused without the password is refused before it is typed.
            accepted::email(&email).map_err(Failure::because)?;
            if users.find_by_email(&email).await?.is_some() {
                return Err(StoreError::Duplicate(0).into());
            }
            let hash = hasher.hash(ask::new_password(&password)?).await?;
            let added = format!("added {email}");
            users.add(&[NewUser { email, hash, admin }]).await?;
            Ok(added)
        }
        UserCommand::Password { user: OneUser { email }, password } => {
            let user = existing(users, &email).await?;
            let hash = hasher.hash(ask::new_password(&password)?).await?;
            require(users.set_hash(&user.email, &hash).await?, &email)?;
            Ok(format!("changed the password of {}", shown(&user.email)))
        }
        UserCommand::List { json } => list(users, json).await,
        UserCommand::Grant(OneUser { email }) => set_admin(users, &email, true).await,
        UserCommand::Revoke(OneUser { email }) => set_admin(users, &email, false).await,
        UserCommand::Remove { user: OneUser { email }, yes } => {
            let user = existing(users, &email).await?;
            let name = shown(&user.email);
            ask::confirm(yes, &format!("Remove {name}?"), "nothing was removed")?;
            require(users.remove(&user.email).await?, &email)?;
            Ok(format!("removed {name}"))
        }
        UserCommand::Disable(OneUser { email }) => disable(users, &email).await,
        UserCommand::Enable(OneUser { email }) => enable(users, &email).await,
        UserCommand::Import(details) => import::import(users, &hasher, &details).await,
    }
}

async fn set_admin(users: &MySqlUsers, email: &str, admin: bool) -> Result<String, Failure> {
    let user = existing(users, email).await?;
    require(users.set_admin(&user.email, admin).await?, email)?;
    let now = if admin { "is now an administrator" } else { "is no longer an administrator" };
    Ok(format!("{} {now}", shown(&user.email)))
}

/// Makes a user's stored hash one that no password is right for, and that can be had back.
async fn disable(users: &MySqlUsers, email: &str) -> Result<String, Failure> {
    let user = existing(users, email).await?;
    let (stored, name) = (user.password.expose_secret(), shown(&user.email));
    if matches!(StoredForm::of(stored), StoredForm::Disabled { .. }) {
        return Ok(format!("{name} is disabled already"));
    }
    if !can_be_disabled(stored) {
        return Err(Failure::because(format!(
            "the stored password of {name} is of a kind that login refuses anyway, or a plain \
             text; see auth-admin check"
        )));
    }
    replace(users, &user, &format!("{DISABLED}{stored}")).await?;
    Ok(format!("{name} is disabled"))
}

async fn enable(users: &MySqlUsers, email: &str) -> Result<String, Failure> {
    let user = existing(users, email).await?;
    let (stored, name) = (user.password.expose_secret(), shown(&user.email));
    let hash = stored.strip_prefix(DISABLED).filter(|hash| can_be_disabled(hash));
    let not_disabled = || Failure::because(format!("{name} was not disabled by auth-admin"));
    replace(users, &user, hash.ok_or_else(not_disabled)?).await?;
    Ok(format!("{name} is enabled"))
}

async fn replace(users: &MySqlUsers, user: &User, hash: &str) -> Result<(), Failure> {
    let replaced = users.replace_hash(user, hash).await?;
    let meanwhile = || Failure::because("the password was changed meanwhile; try again");
    replaced.then_some(()).ok_or_else(meanwhile)
}

async fn existing(users: &MySqlUsers, email: &str) -> Result<User, Failure> {
    users.find_by_email(email).await?.ok_or_else(|| unknown(email))
}

fn require(found: bool, email: &str) -> Result<(), Failure> {
    found.then_some(()).ok_or_else(|| unknown(email))
}

fn unknown(email: &str) -> Failure {
    Failure::because(format!("there is no user with the e-mail {}", shown(email)))
}

/// Lists all users, with the kind of password that is stored; the hash itself is in no listing.
async fn list(users: &MySqlUsers, json: bool) -> Result<String, Failure> {
    let row = |UserRow { user, created_at, updated_at }| {
        let password = StoredForm::of(user.password.expose_secret()).to_string();
        json!({
            "id": user.id, "email": user.email, "admin": user.admin, "password": password,
            "created_at": created_at, "updated_at": updated_at,
        })
    };
    let rows = all(users).await?.into_iter().map(row).collect();
    Ok(listing(rows, json, ["email", "admin", "password", "created_at", "updated_at"]))
}
