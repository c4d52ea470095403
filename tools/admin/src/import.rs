//! `user import`

mod file;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use shared::users::{NewUser, StoreError, UserDirectory};

use crate::{
    answer::{Answer, Failure},
    database::users_and_hashing,
    hashing::{Hashing, progress},
};
use file::{BadLine, Entry, Password};

/// More would scroll the first ones away.
const MAX_BAD_LINES_SHOWN: usize = 20;

/// The file, and what its passwords are; they are never guessed.
#[derive(Debug, Args)]
pub(crate) struct ImportDetails {
    /// The file, with the header email,password or email,password,admin
    file: PathBuf,
    /// What the column password holds
    #[arg(long)]
    passwords: PasswordsAre,
    /// Take plain texts that look like hashes: users type them as their passwords
    #[arg(long)]
    allow_hash_like: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PasswordsAre {
    /// Passwords as users type them
    Plain,
    /// Hashes or digests of them
    Hashed,
}

/// Adds the users of a CSV file, all or none.
///
/// Hashing takes long, so everything that can be wrong is looked for before.
pub(crate) async fn import(details: &ImportDetails) -> Result<Answer, Failure> {
    let (users, hashing) = users_and_hashing().await?;
    let (entries, mut bad) = file::read(details)?;
    bad.extend(taken(users.as_ref(), &entries).await?);
    if !bad.is_empty() {
        return Err(refused(bad));
    }
    let lines: Vec<u64> = entries.iter().map(|entry| entry.line).collect();
    let new = hashed(&hashing, entries).await?;
    match users.add(&new).await {
        Ok(()) if new.len() == 1 => Ok(Answer::good("added 1 user")),
        Ok(()) => Ok(Answer::good(format!("added {} users", new.len()))),
        // Taken since, or by an e-mail that only the database's collation finds equal.
        Err(error @ StoreError::Duplicate(position)) => {
            let line = lines.get(position).copied().unwrap_or_default();
            Err(refused(vec![(line, error.to_string())]))
        }
        Err(error) => Err(error.into()),
    }
}

/// The lines whose e-mail a user in the database has.
async fn taken(users: &dyn UserDirectory, entries: &[Entry]) -> Result<Vec<BadLine>, Failure> {
    let mut taken = Vec::new();
    for entry in entries {
        if users.find_by_email(&entry.email).await?.is_some() {
            taken.push((entry.line, StoreError::Duplicate(0).to_string()));
        }
    }
    Ok(taken)
}

/// The users as they are to be stored, in the order of the file.
async fn hashed(hashing: &Hashing, entries: Vec<Entry>) -> Result<Vec<NewUser>, Failure> {
    let mut inputs = Vec::new();
    let mut new = Vec::with_capacity(entries.len());
    for Entry { email, password, admin, .. } in entries {
        let hash = match password {
            Password::Hash(hash) => hash,
            Password::Input(input) => {
                inputs.push((new.len(), input));
                String::new()
            }
        };
        new.push(NewUser { email, hash, admin });
    }
    let progress = progress(inputs.len() as u64);
    hashing
        .hash_each(inputs, async |position: usize, hash| {
            new[position].hash = hash;
            progress.inc(1);
            Ok(())
        })
        .await?;
    Ok(new)
}

fn refused(mut bad: Vec<BadLine>) -> Failure {
    bad.sort();
    let more = bad.len().saturating_sub(MAX_BAD_LINES_SHOWN);
    let shown = bad.iter().take(MAX_BAD_LINES_SHOWN);
    let mut reasons: Vec<String> =
        shown.map(|(line, reason)| format!("line {line}: {reason}")).collect();
    if more > 0 {
        reasons.push(format!("{more} more lines are wrong"));
    }
    reasons.push("no user was added".into());
    Failure::refused(reasons)
}
