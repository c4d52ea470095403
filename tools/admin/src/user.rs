//! `user`: one user at a time, and the list of all.

use clap::{Args, Subcommand};
use secrecy::ExposeSecret;
use serde_json::json;
use shared::{
    password::DISABLED,
    users::{NewUser, User, UserStore, UserStoreError},
};

use crate::{
    accepted,
    database::{all_users, open},
    import::{self, ImportDetails},
    store::{AdminStore, UserRow},
    stored_form::StoredForm,
    terminal::{Failure, confirm, escaped, listing, new_password},
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
        /// Read the password from the first line of standard input instead of asking for it
        #[arg(long)]
        password_stdin: bool,
    },
    /// Set another password for a user
    Password {
        #[command(flatten)]
        user: OneUser,
        /// Read the password from the first line of standard input instead of asking for it
        #[arg(long)]
        password_stdin: bool,
    },
    /// List all users, with the kind of password that is stored for each
    List {
        /// Only the user with this e-mail, or with this id, which the log has as `user_id`
        user: Option<String>,
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
    /// The user's e-mail, or id
    email: String,
}

pub(crate) async fn run(command: UserCommand) -> Result<String, Failure> {
    let (store, hasher) = &open().await?;
    match command {
        UserCommand::Add { email, admin, password_stdin } => {
            // Checked before the user types a password.
            accepted::email(&email).map_err(Failure::because)?;
            if store.users.find_by_email(&email).await?.is_some() {
                return Err(UserStoreError::Duplicate(0).into());
            }
            let hash = hasher.hash(new_password(password_stdin)?).await?;
            let added = format!("added {email}");
            store.add(&[NewUser { email, hash, admin }]).await?;
            Ok(added)
        }
        UserCommand::Password { user, password_stdin } => {
            let user = existing(store, &user.email).await?;
            let hash = hasher.hash(new_password(password_stdin)?).await?;
            require(store.set_hash(&user, &hash).await?.then_some(()), &user.email)?;
            Ok(format!("changed the password of {}", escaped(&user.email)))
        }
        UserCommand::List { user, json } => list(store, user.as_deref(), json).await,
        UserCommand::Grant(user) => set_admin(store, &user.email, true).await,
        UserCommand::Revoke(user) => set_admin(store, &user.email, false).await,
        UserCommand::Remove { user, yes } => {
            let user = existing(store, &user.email).await?;
            confirm(yes, &format!("Remove {}?", escaped(&user.email)), "nothing was removed")?;
            require(store.remove(&user).await?.then_some(()), &user.email)?;
            Ok(format!("removed {}", escaped(&user.email)))
        }
        UserCommand::Disable(user) => set_disabled(store, &user.email, true).await,
        UserCommand::Enable(user) => set_disabled(store, &user.email, false).await,
        UserCommand::Import(details) => import::import(store, hasher, &details).await,
    }
}

async fn set_admin(store: &AdminStore, email: &str, admin: bool) -> Result<String, Failure> {
    let user = existing(store, email).await?;
    require(store.set_admin(&user, admin).await?.then_some(()), &user.email)?;
    let now = if admin { "is now an administrator" } else { "is no longer an administrator" };
    Ok(format!("{} {now}", escaped(&user.email)))
}

/// Disables a user by a mark before the stored hash, or enables the user again.
async fn set_disabled(store: &AdminStore, email: &str, disable: bool) -> Result<String, Failure> {
    let user = existing(store, email).await?;
    let (stored, name) = (user.password.expose_secret(), escaped(&user.email));
    let (hash, now) = match StoredForm::of(stored) {
        StoredForm::Disabled(_) if disable => return Ok(format!("{name} is disabled already")),
        StoredForm::Hash(_) | StoredForm::Digest(_) if disable => {
            (format!("{DISABLED}{stored}"), "disabled")
        }
        StoredForm::Disabled(_) => (stored.trim_start_matches(DISABLED).to_owned(), "enabled"),
        _ if disable => {
            return Err(Failure::because(format!(
                "the stored password of {name} is of a kind that login refuses anyway, or a plain \
                 text; see auth-admin check"
            )));
        }
        _ => return Err(Failure::because(format!("{name} was not disabled by auth-admin"))),
    };
    if !store.users.replace_hash(&user, &hash).await? {
        return Err(Failure::because("the password was changed meanwhile; try again"));
    }
    Ok(format!("{name} is {now}"))
}

async fn existing(store: &AdminStore, email: &str) -> Result<User, Failure> {
    require(store.find(email).await?, email)
}

fn require<T>(found: Option<T>, email: &str) -> Result<T, Failure> {
    let unknown = || format!("there is no user with the e-mail or id {}", escaped(email));
    found.ok_or_else(|| Failure::because(unknown()))
}

/// Lists all users with the kind of the stored password, but without hashes.
async fn list(store: &AdminStore, name: Option<&str>, json: bool) -> Result<String, Failure> {
    let row = |UserRow { user, created_at, updated_at }| {
        let password = StoredForm::of(user.password.expose_secret()).to_string();
        json!({
            "id": user.id, "email": user.email, "admin": user.admin, "password": password,
            "created_at": created_at, "updated_at": updated_at,
        })
    };
    let is_wanted = |UserRow { user, .. }: &UserRow| {
        name.is_none_or(|name| user.id == name || user.email.eq_ignore_ascii_case(name))
    };
    let rows: Vec<_> = all_users(store).await?.into_iter().filter(is_wanted).map(row).collect();
    if let Some(name) = name {
        require((!rows.is_empty()).then_some(()), name)?;
    }
    Ok(listing(rows, json, ["id", "email", "admin", "password", "created_at", "updated_at"]))
}
