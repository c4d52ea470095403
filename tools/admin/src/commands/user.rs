//! `user add`, `password`, `grant`, `revoke`, `disable`, `enable` and `remove`: one user at a
//! time.

use secrecy::ExposeSecret;
use shared::password::DISABLED;
use shared::users::{NewUser, StoreError, User, UserDirectory};

use crate::{
    answer::{Answer, Failure, shown},
    ask,
    cli::PasswordFrom,
    email,
    environment::{users, users_and_hashing},
    stored_form::{StoredForm, can_be_disabled},
};

/// Adds a user. Whatever can be refused without the password is refused before anybody
/// types one.
pub(super) async fn add(
    email: String,
    admin: bool,
    password: &PasswordFrom,
) -> Result<Answer, Failure> {
    email::check(&email)?;
    let (users, hashing) = users_and_hashing().await?;
    if users.find_by_email(&email).await?.is_some() {
        return Err(StoreError::Duplicate(0).into());
    }
    let hash = hashing.hash(ask::new_password(password)?).await?;
    let added = format!("added {email}");
    users.add(&[NewUser { email, hash, admin }]).await?;
    Ok(Answer::good(added))
}

/// Sets another password.
pub(super) async fn password(email: &str, password: &PasswordFrom) -> Result<Answer, Failure> {
    let (users, hashing) = users_and_hashing().await?;
    let user = existing(users.as_ref(), email).await?;
    let hash = hashing.hash(ask::new_password(password)?).await?;
    require(users.set_hash(&user.email, &hash).await?, email)?;
    Ok(Answer::good(format!("changed the password of {}", shown(&user.email))))
}

/// Makes a user an administrator, or no longer one.
pub(super) async fn set_admin(email: &str, admin: bool) -> Result<Answer, Failure> {
    let users = users().await?;
    let email = existing(users.as_ref(), email).await?.email;
    require(users.set_admin(&email, admin).await?, &email)?;
    let now = if admin { "is now an administrator" } else { "is no longer an administrator" };
    Ok(Answer::good(format!("{} {now}", shown(&email))))
}

/// Makes a user's stored hash one that no password is right for, and that can be had back.
pub(super) async fn disable(email: &str) -> Result<Answer, Failure> {
    let users = users().await?;
    let user = existing(users.as_ref(), email).await?;
    let stored = user.password.expose_secret();
    if matches!(StoredForm::of(stored), StoredForm::Disabled { .. }) {
        return Ok(Answer::good(format!("{} is disabled already", shown(&user.email))));
    }
    if !can_be_disabled(stored) {
        return Err(Failure::because(format!(
            "the stored password of {} is of a kind that login refuses anyway, or a plain text; \
             see auth-admin check",
            shown(&user.email)
        )));
    }
    replace(users.as_ref(), &user, &format!("{DISABLED}{stored}")).await?;
    Ok(Answer::good(format!("{} is disabled", shown(&user.email))))
}

/// Takes that back.
pub(super) async fn enable(email: &str) -> Result<Answer, Failure> {
    let users = users().await?;
    let user = existing(users.as_ref(), email).await?;
    let stored = user.password.expose_secret();
    let hash = stored.strip_prefix(DISABLED).filter(|hash| can_be_disabled(hash));
    let Some(hash) = hash else {
        let not = format!("{} was not disabled by auth-admin", shown(&user.email));
        return Err(Failure::because(not));
    };
    replace(users.as_ref(), &user, hash).await?;
    Ok(Answer::good(format!("{} is enabled", shown(&user.email))))
}

async fn replace(users: &dyn UserDirectory, user: &User, hash: &str) -> Result<(), Failure> {
    let replaced = users.replace_hash(user, hash).await?;
    let meanwhile = || Failure::because("the password was changed meanwhile; try again");
    replaced.then_some(()).ok_or_else(meanwhile)
}

/// Removes a user.
pub(super) async fn remove(email: &str, yes: bool) -> Result<Answer, Failure> {
    let users = users().await?;
    let email = existing(users.as_ref(), email).await?.email;
    if !yes && !ask::confirm(&format!("Remove {}?", shown(&email)))? {
        return Err(Failure::because("nothing was removed"));
    }
    require(users.remove(&email).await?, &email)?;
    Ok(Answer::good(format!("removed {}", shown(&email))))
}

async fn existing(users: &dyn UserDirectory, email: &str) -> Result<User, Failure> {
    users.find_by_email(email).await?.ok_or_else(|| Failure::unknown(email))
}

fn require(found: bool, email: &str) -> Result<(), Failure> {
    if found { Ok(()) } else { Err(Failure::unknown(email)) }
}
