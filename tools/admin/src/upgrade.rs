//! `upgrade` and `upgrade-plaintext`

use std::{collections::BTreeMap, pin::pin};

use clap::Args;
use futures_util::TryStreamExt;
use secrecy::ExposeSecret;
use shared::{
    password::DISABLED,
    users::{User, UserStore},
};

use crate::{
    accepted,
    database::{Input, all, hashes, open},
    store::{AdminStore, UserRow},
    stored_form::{StoredForm, is_locked},
    terminal::{Failure, confirm, shown},
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

type Rows = (BTreeMap<(String, bool), u64>, Vec<(User, Input)>);

impl Wanted {
    /// What is hashed of a row with this in it.
    fn input(self, stored: &str) -> Option<Input> {
        match (self, StoredForm::of(stored)) {
            (Self::Digests, StoredForm::Digest(digest) | StoredForm::Disabled(Some(digest))) => {
                Some(Input::Digest(digest))
            }
            (Self::PlainTexts { .. }, StoredForm::PlainText)
            | (Self::PlainTexts { hash_like: true }, StoredForm::Unsupported)
                if !is_locked(stored) =>
            {
                Some(Input::Password(stored.into()))
            }
            _ => None,
        }
    }

    /// How many rows there are of each form, hashed or left, and those to be hashed.
    async fn rows(self, store: &AdminStore, only: Option<&str>) -> Result<Rows, Failure> {
        let mut forms = BTreeMap::<_, u64>::new();
        let mut inputs = Vec::new();
        for UserRow { user, .. } in all(store).await? {
            if only.is_some_and(|only| !only.eq_ignore_ascii_case(&user.email)) {
                continue;
            }
            let stored = user.password.expose_secret();
            // A locked user's text is not hashed, though others of the same form are.
            let (form, input) = (StoredForm::of(stored).to_string(), self.input(stored));
            *forms.entry((form, input.is_some())).or_default() += 1;
            inputs.extend(input.map(|input| (user, input)));
        }
        Ok((forms, inputs))
    }
}

/// Hashes what is wanted of all rows, once the operator has seen what there is.
pub(crate) async fn upgrade(wanted: Wanted, details: &UpgradeDetails) -> Result<String, Failure> {
    let (store, hasher) = open().await?;
    let name = if wanted == Wanted::Digests { "digests" } else { "plain texts" };
    let (forms, inputs) = wanted.rows(&store, details.only.as_deref()).await?;
    for ((form, is_hashed), rows) in &forms {
        eprintln!("{rows:8} × {form}, {}", if *is_hashed { "to be hashed" } else { "left" });
    }
    let question = format!("Hash {} {name}?", inputs.len());
    confirm(details.yes || inputs.is_empty(), &question, "nothing was changed")?;
    // As they are now: users may have been added or changed before the answer.
    let (_, inputs) = wanted.rows(&store, details.only.as_deref()).await?;
    let (mut done, total) = (0, inputs.len());
    let result = async {
        let mut ready = pin!(hashes(&hasher, inputs));
        while let Some((user, hash)) = ready.try_next().await? {
            let stored = user.password.expose_secret();
            let of_digest = wanted == Wanted::Digests;
            // A disabled user stays disabled.
            let is_disabled = of_digest && stored.starts_with(DISABLED);
            let hash = if is_disabled { format!("{DISABLED}{hash}") } else { hash };
            // Unless it has changed since: a new password must not be undone.
            if store.users.replace_hash(&user, &hash).await? {
                done += 1;
                // Said now, since a hash does not show it later on.
                if !of_digest && accepted::password(stored).is_err() {
                    eprintln!("weak password: {}", shown(&user.email));
                }
            }
        }
        Ok(())
    };
    // A row that is done is a hash for the next run: to go on is to begin again.
    result.await.map_err(|failure: Failure| {
        failure.and(vec![format!("stopped after {done} of {total}; run it again to go on")])
    })?;
    Ok(format!("{name} hashed: {done}"))
}
