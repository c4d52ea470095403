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
    database::{Input, all_users, hashes, open},
    store::{AdminStore, UserRow},
    stored_form::{StoredForm, is_locked},
    terminal::{Failure, confirm, escaped},
};

/// Options of both commands.
#[derive(Debug, Args)]
pub(crate) struct UpgradeDetails {
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
    /// Change this user's row alone, to try it out
    #[arg(long, value_name = "EMAIL")]
    only: Option<String>,
}

/// Which stored passwords are hashed; the others are not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// Fast digests of passwords.
    Digests,
    /// Passwords.
    PlainTexts {
        /// Also those that look like hashes.
        hash_like: bool,
    },
}

type Rows = (BTreeMap<(String, bool), u64>, Vec<(User, Input)>);

impl Target {
    /// The input of the hash for a stored password, if it is hashed.
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

    /// The number of rows of each form, hashed or left, and the rows to hash.
    async fn rows(self, store: &AdminStore, only: Option<&str>) -> Result<Rows, Failure> {
        let mut forms = BTreeMap::<_, u64>::new();
        let mut inputs = Vec::new();
        for UserRow { user, .. } in all_users(store).await? {
            if only.is_some_and(|only| !only.eq_ignore_ascii_case(&user.email)) {
                continue;
            }
            let stored = user.password.expose_secret();
            // Rows of one form differ: the text of a locked user is not hashed.
            let (form, input) = (StoredForm::of(stored).to_string(), self.input(stored));
            *forms.entry((form, input.is_some())).or_default() += 1;
            inputs.extend(input.map(|input| (user, input)));
        }
        Ok((forms, inputs))
    }
}

/// Shows the number of rows of each form, asks for confirmation, and hashes the rows.
pub(crate) async fn upgrade(target: Target, details: &UpgradeDetails) -> Result<String, Failure> {
    let (store, hasher) = open().await?;
    let name = if target == Target::Digests { "digests" } else { "plain texts" };
    let (forms, inputs) = target.rows(&store, details.only.as_deref()).await?;
    for ((form, is_hashed), rows) in &forms {
        eprintln!("{rows:8} × {form}, {}", if *is_hashed { "to be hashed" } else { "left" });
    }
    let question = format!("Hash {} {name}?", inputs.len());
    confirm(details.yes || inputs.is_empty(), &question, "nothing was changed")?;
    // Read again: users may have been added or changed before the answer.
    let (_, inputs) = target.rows(&store, details.only.as_deref()).await?;
    let (mut done, total) = (0, inputs.len());
    let result = async {
        let mut ready = pin!(hashes(&hasher, inputs));
        while let Some((user, hash)) = ready.try_next().await? {
            let stored = user.password.expose_secret();
            let of_digest = target == Target::Digests;
            // A disabled user stays disabled.
            let is_disabled = of_digest && stored.starts_with(DISABLED);
            let hash = if is_disabled { format!("{DISABLED}{hash}") } else { hash };
            // Only if it is unchanged: a new password must not be overwritten.
            if store.users.replace_hash(&user, &hash).await? {
                done += 1;
                // Reported now: a hash does not show whether its password is weak.
                if !of_digest && accepted::password(stored).is_err() {
                    eprintln!("weak password: {}", escaped(&user.email));
                }
            }
        }
        Ok(())
    };
    // The next run skips rows that are hashed already.
    result.await.map_err(|failure: Failure| {
        failure
            .with_reasons(vec![format!("stopped after {done} of {total}; run it again to go on")])
    })?;
    Ok(format!("{name} hashed: {done}"))
}
