//! `upgrade` and `upgrade-plaintext`

use std::{collections::BTreeMap, fmt::Write as _};

use secrecy::ExposeSecret;
use shared::{
    password::{DISABLED, StoredDigest},
    users::{User, UserDirectory, UserRow},
};

use crate::{
    answer::{Answer, Failure, shown},
    ask,
    cli::UpgradeDetails,
    environment::users_and_hashing,
    hashing::{Hashing, Input},
    pages::each_page,
    progress::Progress,
    stored_form::{StoredForm, alphabet, is_locked},
    weakness,
};

/// What is hashed; everything else is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Fast digests of passwords.
    Digests,
    /// Passwords.
    PlainTexts,
    /// Passwords, among them such as are written like hashes.
    PlainTextsAndHashLike,
}

impl Wanted {
    /// What is hashed of a row with this in it.
    fn input(self, form: &StoredForm, stored: &str) -> Option<Input> {
        match (self, form) {
            (Self::Digests, StoredForm::Digest(_) | StoredForm::Disabled { digest: true }) => {
                StoredDigest::parse(stored.trim_start_matches(DISABLED)).map(Input::Digest)
            }
            (Self::PlainTexts | Self::PlainTextsAndHashLike, StoredForm::PlainText)
            | (Self::PlainTextsAndHashLike, StoredForm::Unsupported)
                if !is_locked(stored) =>
            {
                Some(Input::Password(stored.into()))
            }
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        if self == Self::Digests { "digests" } else { "plain texts" }
    }
}

/// Rows of one form.
#[derive(Debug, Default)]
struct Form {
    rows: u64,
    /// The shortest and the longest text, in characters.
    characters: Option<(usize, usize)>,
    is_hashed: bool,
}

/// Hashes what is wanted of all rows, once the operator has seen what there is.
pub(super) async fn upgrade(wanted: Wanted, details: &UpgradeDetails) -> Result<Answer, Failure> {
    let (users, hashing) = users_and_hashing().await?;
    let forms = forms(users.as_ref(), wanted, details).await?;
    let total = forms.values().filter(|form| form.is_hashed).map(|form| form.rows).sum();
    eprint!("{}", table(&forms));
    if total > 0 && !details.yes {
        let question = format!("Hash {total} {}?", wanted.name());
        if !ask::confirm(&question)? {
            return Err(Failure::because("nothing was changed"));
        }
    }
    let mut hashed = 0;
    // A row that is done is a hash for the next run: to go on is to begin again.
    match hash_rows(users.as_ref(), &hashing, wanted, details, total, &mut hashed).await {
        Ok(()) => Ok(Answer::good(format!("{} hashed: {hashed}", wanted.name()))),
        Err(Failure::Refused(mut reasons)) => {
            reasons.push(format!("stopped after {hashed} of {total}; run it again to go on"));
            Err(Failure::Refused(reasons))
        }
        Err(failure) => Err(failure),
    }
}

/// How many rows there are of each form. Of a plain text it says no more than its alphabet
/// and its length.
async fn forms(
    users: &dyn UserDirectory,
    wanted: Wanted,
    details: &UpgradeDetails,
) -> Result<BTreeMap<String, Form>, Failure> {
    let mut forms: BTreeMap<String, Form> = BTreeMap::new();
    each_page(users, async |page| {
        for row in page.into_iter().filter(|row| details.includes(&row.user)) {
            let stored = row.user.password.expose_secret();
            let form = StoredForm::of(stored);
            let name = match form {
                StoredForm::PlainText => format!("plain text of {}", alphabet(stored)),
                StoredForm::Unsupported => format!("looks like a hash, of {}", alphabet(stored)),
                StoredForm::Digest(kind) => format!("{} digest", kind.name()),
                ref form => form.to_string(),
            };
            let entry = forms.entry(name).or_default();
            entry.rows += 1;
            entry.is_hashed = wanted.input(&form, stored).is_some();
            if matches!(form, StoredForm::PlainText | StoredForm::Unsupported) {
                let length = stored.chars().count();
                let (least, most) = entry.characters.unwrap_or((length, length));
                entry.characters = Some((least.min(length), most.max(length)));
            }
        }
        Ok(())
    })
    .await?;
    Ok(forms)
}

fn table(forms: &BTreeMap<String, Form>) -> String {
    let mut table = format!("{:>9}  {:8}  FORM\n", "ROWS", "");
    for (name, Form { rows, characters, is_hashed }) in forms {
        let what = if *is_hashed { "hashed" } else { "left" };
        let _ = write!(table, "{rows:>9}  {what:8}  {name}");
        if let Some((least, most)) = characters {
            let _ = write!(table, ", {least} to {most} characters");
        }
        table.push('\n');
    }
    table
}

async fn hash_rows(
    users: &dyn UserDirectory,
    hashing: &Hashing,
    wanted: Wanted,
    details: &UpgradeDetails,
    total: u64,
    hashed: &mut u64,
) -> Result<(), Failure> {
    let mut progress = Progress::new("hashed", total);
    each_page(users, async |page| {
        let page = page.into_iter().filter(|row| details.includes(&row.user));
        let inputs = page.filter_map(|UserRow { user, .. }| {
            let stored = user.password.expose_secret();
            let input = wanted.input(&StoredForm::of(stored), stored)?;
            Some((user, input))
        });
        let inputs: Vec<(User, Input)> = inputs.collect();
        hashing
            .hash_each(inputs, async |user: User, hash| {
                // Who is disabled stays so.
                let mark = user.password.expose_secret().starts_with(DISABLED);
                let hash = if mark && wanted == Wanted::Digests {
                    format!("{DISABLED}{hash}")
                } else {
                    hash
                };
                // Unless it has changed since: a new password must not be undone.
                if users.replace_hash(&user, &hash).await? {
                    *hashed += 1;
                    warn_of_weakness(wanted, &user, &progress);
                }
                progress.step();
                Ok(())
            })
            .await
    })
    .await
}

/// Said now, since a hash does not show it later on.
fn warn_of_weakness(wanted: Wanted, user: &User, progress: &Progress) {
    if wanted != Wanted::Digests && weakness::check(user.password.expose_secret()).is_err() {
        progress.say(&format!("weak password: {}", shown(&user.email)));
    }
}
