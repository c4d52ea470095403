//! `upgrade-plaintext`

use secrecy::{ExposeSecret, SecretString};
use shared::users::{User, UserDirectory, UserRow};

use crate::{
    answer::{Answer, Failure, shown},
    environment::users_and_hashing,
    hashing::Hashing,
    pages::each_page,
    progress::Progress,
    stored_form::StoredForm,
    weakness,
};

/// What was found and done.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    hashed: u64,
    weak: u64,
    already: u64,
    unsupported: u64,
}

/// Hashes every password that is stored as plain text.
pub(super) async fn upgrade() -> Result<Answer, Failure> {
    let (users, hashing) = users_and_hashing().await?;
    let total = count_plain_texts(users.as_ref()).await?;
    let mut tally = Tally::default();
    // A row that is done is a hash for the next run: to go on is to begin again.
    let done = upgrade_rows(users.as_ref(), &hashing, total, &mut tally).await;
    match done {
        Ok(()) => Ok(Answer::good(tally.summary())),
        Err(Failure::Refused(mut reasons)) => {
            let hashed = tally.hashed;
            reasons.push(format!("stopped after {hashed} of {total}; run it again to go on"));
            Err(Failure::Refused(reasons))
        }
        Err(failure) => Err(failure),
    }
}

async fn count_plain_texts(users: &dyn UserDirectory) -> Result<u64, Failure> {
    let mut total = 0;
    each_page(users, async |page| {
        let forms = page.iter().map(|row| StoredForm::of(row.user.password.expose_secret()));
        total += forms.map(|form| u64::from(form == StoredForm::PlainText)).sum::<u64>();
        Ok(())
    })
    .await?;
    Ok(total)
}

async fn upgrade_rows(
    users: &dyn UserDirectory,
    hashing: &Hashing,
    total: u64,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let mut progress = Progress::new("hashed", total);
    each_page(users, async |page| {
        let plain_texts = plain_texts(page, tally, &progress);
        hashing
            .hash_each(plain_texts, async |user: User, hash| {
                // Unless it has changed since: a new password must not be undone.
                if users.replace_hash(&user, &hash).await? {
                    tally.count_hashed(&user, &progress);
                }
                progress.step();
                Ok(())
            })
            .await
    })
    .await
}

/// The users with a plain text, and the text; the others are counted.
fn plain_texts(
    page: Vec<UserRow>,
    tally: &mut Tally,
    progress: &Progress,
) -> Vec<(User, SecretString)> {
    let mut plain_texts = Vec::new();
    for UserRow { user, .. } in page {
        match StoredForm::of(user.password.expose_secret()) {
            StoredForm::Hash(_) => tally.already += 1,
            StoredForm::PlainText => {
                let password = user.password.clone();
                plain_texts.push((user, password));
            }
            StoredForm::UnsupportedHash => {
                tally.unsupported += 1;
                let email = shown(&user.email);
                progress.say(&format!("hash of a kind that is not supported: {email}"));
            }
        }
    }
    plain_texts
}

impl Tally {
    /// Nobody can tell later on whose password is weak, so it is said now.
    fn count_hashed(&mut self, user: &User, progress: &Progress) {
        self.hashed += 1;
        if weakness::check(user.password.expose_secret()).is_err() {
            self.weak += 1;
            progress.say(&format!("weak password: {}", shown(&user.email)));
        }
    }

    fn summary(&self) -> String {
        let Self { hashed, weak, already, unsupported } = self;
        format!(
            "plain texts hashed: {hashed} (weak: {weak}), hashes already: {already}, \
             hashes that are not supported: {unsupported}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_has_every_number() {
        let tally = Tally { hashed: 4, weak: 3, already: 2, unsupported: 1 };
        assert_eq!(
            tally.summary(),
            "plain texts hashed: 4 (weak: 3), hashes already: 2, hashes that are not supported: 1"
        );
    }
}
