//! `user list`

use secrecy::ExposeSecret;
use serde::Serialize;
use shared::users::UserRow;

use crate::{
    answer::{Answer, Failure},
    database::{each_page, users},
    stored_form::StoredForm,
    table::listing,
};

const HEAD: [&str; 5] = ["EMAIL", "ADMIN", "PASSWORD", "ADDED (UTC)", "CHANGED (UTC)"];

/// A user as the listing shows one; the hash itself is in no listing.
#[derive(Serialize)]
struct Listed {
    id: String,
    email: String,
    admin: bool,
    /// What is stored as a password: the name of an algorithm, `plain text!`, `unsupported`
    /// and so on.
    password: String,
    /// `None` where the table has no such time.
    created_at: Option<String>,
    updated_at: Option<String>,
}

/// Lists all users.
pub(super) async fn list(json: bool) -> Result<Answer, Failure> {
    let mut listed: Vec<Listed> = Vec::new();
    each_page(users().await?.as_ref(), async |page| {
        listed.extend(page.into_iter().map(Listed::from));
        Ok(())
    })
    .await?;
    Ok(listing(&listed, json, HEAD, |user| {
        let time = |time: &Option<String>| time.clone().unwrap_or_else(|| "-".into());
        let admin = if user.admin { "yes" } else { "no" };
        let [added, changed] = [time(&user.created_at), time(&user.updated_at)];
        [user.email.clone(), admin.into(), user.password.clone(), added, changed]
    }))
}

impl From<UserRow> for Listed {
    fn from(row: UserRow) -> Self {
        Self {
            password: StoredForm::of(row.user.password.expose_secret()).to_string(),
            id: row.user.id,
            email: row.user.email,
            admin: row.user.admin,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
