//! `user import`

mod file;

use std::path::Path;

use secrecy::ExposeSecret;
use shared::users::{NewUser, StoreError, UserDirectory};

use crate::{
    answer::{Answer, Failure},
    cli::ImportDetails,
    environment::users_and_hashing,
    hashing::{Hashing, Input},
    progress::Progress,
};
use file::{BadLine, Entry, Password};

/// More would scroll the first ones away.
const MAX_BAD_LINES_SHOWN: usize = 20;

/// Adds the users of a CSV file, all or none.
///
/// Hashing takes long, so everything that can be wrong is looked for before.
pub(super) async fn import(path: &Path, details: &ImportDetails) -> Result<Answer, Failure> {
    let (users, hashing) = users_and_hashing().await?;
    let (entries, mut bad) = file::read(path, details)?;
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
            Err(refused(vec![BadLine::new(line, error)]))
        }
        Err(error) => Err(error.into()),
    }
}

/// The lines whose e-mail somebody in the database has.
async fn taken(users: &dyn UserDirectory, entries: &[Entry]) -> Result<Vec<BadLine>, Failure> {
    let mut taken = Vec::new();
    for (position, entry) in entries.iter().enumerate() {
        if users.find_by_email(&entry.email).await?.is_some() {
            taken.push(BadLine::new(entry.line, StoreError::Duplicate(position)));
        }
    }
    Ok(taken)
}

/// The users as they are to be stored, in the order of the file.
async fn hashed(hashing: &Hashing, entries: Vec<Entry>) -> Result<Vec<NewUser>, Failure> {
    let mut inputs: Vec<(usize, Input)> = Vec::new();
    let mut new = Vec::with_capacity(entries.len());
    for (position, Entry { email, password, admin, .. }) in entries.into_iter().enumerate() {
        let hash = match password {
            Password::Hash(hash) => hash.expose_secret().to_owned(),
            Password::Input(input) => {
                inputs.push((position, input));
                String::new()
            }
        };
        new.push(NewUser { email, hash, admin });
    }
    let mut progress = Progress::new("hashed", inputs.len() as u64);
    hashing
        .hash_each(inputs, async |position: usize, hash| {
            new[position].hash = hash;
            progress.step();
            Ok(())
        })
        .await?;
    Ok(new)
}

fn refused(mut bad: Vec<BadLine>) -> Failure {
    bad.sort_by_key(|bad| bad.line);
    let more = bad.len().saturating_sub(MAX_BAD_LINES_SHOWN);
    let mut reasons: Vec<String> =
        bad.iter().take(MAX_BAD_LINES_SHOWN).map(ToString::to_string).collect();
    if more > 0 {
        reasons.push(format!("{more} more lines are wrong"));
    }
    reasons.push("no user was added".into());
    Failure::Refused(reasons)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_bad_lines_are_counted_instead_of_shown() {
        let bad = (0..25).rev().map(|line| BadLine::new(line, "is wrong")).collect();
        let Failure::Refused(reasons) = refused(bad) else { panic!() };
        assert_eq!(reasons.len(), MAX_BAD_LINES_SHOWN + 2);
        assert_eq!(reasons[0], "line 0: is wrong");
        assert_eq!(reasons[MAX_BAD_LINES_SHOWN], "5 more lines are wrong");
    }
}
