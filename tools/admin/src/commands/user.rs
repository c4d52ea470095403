//! `user add`, `password`, `grant`, `revoke` and `remove`: one user at a time.

use shared::users::{NewUser, StoreError, User, UserDirectory};

use crate::{
    answer::{Answer, Failure, shown},
    ask,
    cli::PasswordFrom,
    email,
    environment::{users, users_and_hashing},
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
