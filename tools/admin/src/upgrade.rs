//! `upgrade` and `upgrade-plaintext`

use std::collections::BTreeMap;

use clap::Args;
use indicatif::ProgressBar;
use secrecy::ExposeSecret;
use shared::{
    password::{DISABLED, StoredDigest},
    users::{User, UserDirectory},
};

use crate::{
    accepted,
    answer::{Answer, Failure, shown, table},
    ask,
    database::{Hashing, Input, each_page, progress, users_and_hashing},
    stored_form::{StoredForm, alphabet, is_locked},
};

/// How the whole table is changed.
#[derive(Debug, Args)]
pub(crate) struct UpgradeDetails {
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
    /// Change this user's row alone, to try it out
    #[arg(long, value_name = "EMAIL")]
    only: Option<String>,
}

/// What is hashed; everything else is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Fast digests of passwords.
    Digests,
    /// Passwords.
    PlainTexts {
        /// Those that are written like hashes as well.
        hash_like: bool,
    },
}

impl Wanted {
    /// What is hashed of a row with this in it.
    fn input(self, form: &StoredForm, stored: &str) -> Option<Input> {
        let is_wanted = match (self, form) {
            (Self::Digests, StoredForm::Digest(_) | StoredForm::Disabled { digest: true }) => {
                let digest = stored.trim_start_matches(DISABLED);
                return StoredDigest::parse(digest).map(Input::Digest);
            }
            (Self::PlainTexts { .. }, StoredForm::PlainText) => true,
            (Self::PlainTexts { hash_like }, StoredForm::Unsupported) => hash_like,
            _ => false,
        };
        (is_wanted && !is_locked(stored)).then(|| Input::Password(stored.into()))
    }

    fn name(self) -> &'static str {
        if self == Self::Digests { "digests" } else { "plain texts" }
    }
}

/// One run over the table.
struct Run<'a> {
    users: &'a dyn UserDirectory,
    wanted: Wanted,
    only: Option<&'a str>,
}

/// Rows by what is in them, and by whether that is hashed: a locked user's text is not, though
/// another one of the same alphabet is.
type Forms = BTreeMap<(String, bool), Form>;

/// Rows of one form.
#[derive(Debug, Default)]
struct Form {
    rows: u64,
    /// The shortest and the longest text, in characters.
    characters: Option<(usize, usize)>,
}

/// Hashes what is wanted of all rows, once the operator has seen what there is.
pub(crate) async fn upgrade(wanted: Wanted, details: &UpgradeDetails) -> Result<Answer, Failure> {
    let (users, hashing) = users_and_hashing().await?;
    let run = Run { users: users.as_ref(), wanted, only: details.only.as_deref() };
    let forms = run.forms().await?;
    let hashed = forms.iter().filter(|((_, is_hashed), _)| *is_hashed);
    let total = hashed.map(|(_, form)| form.rows).sum();
    eprint!("{}", table(["ROWS", "", "FORM"], forms.iter().map(cells)));
    let question = format!("Hash {total} {}?", wanted.name());
    ask::confirm(details.yes || total == 0, &question, "nothing was changed")?;
    let mut hashed = 0;
    // A row that is done is a hash for the next run: to go on is to begin again.
    let result = run.hash_rows(&hashing, &progress(total), &mut hashed).await;
    result.map_err(|failure| {
        failure.and(format!("stopped after {hashed} of {total}; run it again to go on"))
    })?;
    Ok(Answer::good(format!("{} hashed: {hashed}", wanted.name())))
}

impl Run<'_> {
    /// How many rows there are of each form. Of a plain text it says no more than its alphabet
    /// and its length.
    async fn forms(&self) -> Result<Forms, Failure> {
        let mut forms = Forms::new();
        self.each_page(async |page| {
            for user in page {
                let stored = user.password.expose_secret();
                let form = StoredForm::of(stored);
                let name = match form {
                    StoredForm::PlainText => format!("plain text of {}", alphabet(stored)),
                    StoredForm::Unsupported => {
                        format!("looks like a hash, of {}", alphabet(stored))
                    }
                    StoredForm::Digest(kind) => format!("{} digest", kind.name()),
                    ref form => form.to_string(),
                };
                let is_hashed = self.wanted.input(&form, stored).is_some();
                let entry = forms.entry((name, is_hashed)).or_default();
                entry.rows += 1;
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

    async fn hash_rows(
        &self,
        hashing: &Hashing,
        progress: &ProgressBar,
        hashed: &mut u64,
    ) -> Result<(), Failure> {
        self.each_page(async |page| {
            let inputs = page.into_iter().filter_map(|user| {
                let stored = user.password.expose_secret();
                let input = self.wanted.input(&StoredForm::of(stored), stored)?;
                Some((user, input))
            });
            let done = async |user: User, hash: String| {
                let stored = user.password.expose_secret();
                let of_digest = self.wanted == Wanted::Digests;
                // A disabled user stays disabled.
                let is_disabled = of_digest && stored.starts_with(DISABLED);
                let hash = if is_disabled { format!("{DISABLED}{hash}") } else { hash };
                // Unless it has changed since: a new password must not be undone.
                if self.users.replace_hash(&user, &hash).await? {
                    *hashed += 1;
                    // Said now, since a hash does not show it later on.
                    if !of_digest && accepted::password(stored).is_err() {
                        let line = format!("weak password: {}", shown(&user.email));
                        progress.suspend(|| eprintln!("{line}"));
                    }
                }
                progress.inc(1);
                Ok(())
            };
            hashing.hash_each(inputs, done).await
        })
        .await
    }

    /// Gives every page of the users that are meant to `visit`.
    async fn each_page(
        &self,
        mut visit: impl AsyncFnMut(Vec<User>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let is_meant =
            |user: &User| self.only.is_none_or(|it| it.eq_ignore_ascii_case(&user.email));
        each_page(self.users, async |page| {
            visit(page.into_iter().map(|row| row.user).filter(is_meant).collect()).await
        })
        .await
    }
}

fn cells(((name, is_hashed), form): (&(String, bool), &Form)) -> [String; 3] {
    let what = if *is_hashed { "hashed" } else { "left" };
    let lengths = form.characters.map(|(least, most)| format!(", {least} to {most} characters"));
    [form.rows.to_string(), what.to_owned(), format!("{name}{}", lengths.unwrap_or_default())]
}
