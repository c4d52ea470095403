//! `user list`

use secrecy::ExposeSecret;
use serde::Serialize;
use shared::users::UserRow;

use crate::{
    answer::{Answer, Failure, shown},
    environment::users,
    pages::each_page,
    stored_form::StoredForm,
};

/// A user as the listing shows one; the hash itself is for nobody to see.
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
    if json {
        let json = serde_json::to_string_pretty(&listed);
        return json.map(Answer::good).map_err(|error| Failure::because(error.to_string()));
    }
    Ok(Answer::good(table(&listed)))
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

/// One line for each user, the columns as wide as they need to be.
fn table(users: &[Listed]) -> String {
    let emails: Vec<String> = users.iter().map(|user| shown(&user.email)).collect();
    let width = emails.iter().map(|email| email.chars().count()).fold("EMAIL".len(), usize::max);
    let forms = users.iter().map(|user| user.password.len());
    let form_width = forms.fold("PASSWORD".len(), usize::max);
    let head = format!(
        "{:width$}  {:5}  {:form_width$}  {:19}  {}\n",
        "EMAIL", "ADMIN", "PASSWORD", "ADDED (UTC)", "CHANGED (UTC)"
    );
    let line = |(user, email): (&Listed, &String)| {
        let Listed { password, created_at, updated_at, .. } = user;
        let admin = if user.admin { "yes" } else { "no" };
        let [added, changed] = [created_at, updated_at].map(|it| it.as_deref().unwrap_or("-"));
        format!("{email:width$}  {admin:5}  {password:form_width$}  {added:19}  {changed}\n")
    };
    head + &users.iter().zip(&emails).map(line).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let user = |email: &str, admin| Listed {
            id: "1".into(),
            email: email.into(),
            admin,
            password: "bcrypt".into(),
            created_at: admin.then(|| "2026-01-02 03:04:05".into()),
            updated_at: Some("2026-01-02 03:04:06".into()),
        };
        assert_eq!(
            table(&[user("ädä@example.com", true), user("a@b\n", false)]),
            "\
EMAIL            ADMIN  PASSWORD  ADDED (UTC)          CHANGED (UTC)
ädä@example.com  yes    bcrypt    2026-01-02 03:04:05  2026-01-02 03:04:06
a@b\\u000a        no     bcrypt    -                    2026-01-02 03:04:06
"
        );
    }
}
