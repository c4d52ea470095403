//! `user import`: a CSV file of users (RFC 4180), read as a whole. No message quotes its content.

use std::{collections::HashMap, fs, path::PathBuf};

use clap::{Args, ValueEnum};
use csv::{ErrorKind, StringRecord};
use futures_util::TryStreamExt;
use shared::{
    password::PasswordHasher,
    users::{NewUser, UserStore, UserStoreError},
};

use crate::{
    accepted,
    database::{Input, hashes},
    store::AdminStore,
    stored_form::{StoredForm, is_locked, looks_like_a_hash},
    terminal::Failure,
};

const HEADERS: [&[&str]; 2] = [&["email", "password"], &["email", "password", "admin"]];
/// The width of the column `password`.
const MAX_HASH_BYTES: usize = 255;

/// A longer list would push the first lines off the screen.
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

/// A user of the file, its line, and the input of its hash.
type Entry = ((u64, NewUser), Input);

/// Adds the users of a CSV file, all or none.
///
/// Hashing takes long, so all lines are checked before it.
pub(crate) async fn import(
    store: &AdminStore,
    hasher: &PasswordHasher,
    details: &ImportDetails,
) -> Result<String, Failure> {
    let text = fs::read(&details.file)
        .map_err(|error| Failure::because(format!("{}: {error}", details.file.display())))?;
    let (entries, mut bad) = parse(&text, details);
    for ((line, user), _) in &entries {
        if store.users.find_by_email(&user.email).await?.is_some() {
            bad.push((*line, UserStoreError::Duplicate(0).to_string()));
        }
    }
    if !bad.is_empty() {
        return Err(refused(bad));
    }
    let new =
        hashes(hasher, entries).map_ok(|((line, user), hash)| (line, NewUser { hash, ..user }));
    let new: Vec<_> = new.try_collect().await?;
    let (lines, new): (Vec<u64>, Vec<NewUser>) = new.into_iter().unzip();
    match store.add(&new).await {
        Ok(()) if new.len() == 1 => Ok("added 1 user".to_owned()),
        Ok(()) => Ok(format!("added {} users", new.len())),
        // The e-mail was added meanwhile, or equals another one by the database's collation only.
        Err(error @ UserStoreError::Duplicate(position)) => {
            let line = lines.get(position).copied().unwrap_or_default();
            Err(refused(vec![(line, error.to_string())]))
        }
        Err(error) => Err(error.into()),
    }
}

/// The failure for bad lines, with their numbers and reasons.
fn refused(mut bad: Vec<(u64, String)>) -> Failure {
    bad.sort();
    let shown = bad.iter().take(MAX_BAD_LINES_SHOWN);
    let shown = shown.map(|(line, reason)| format!("line {line}: {reason}"));
    let more = bad.len().checked_sub(MAX_BAD_LINES_SHOWN).filter(|more| *more > 0);
    let more = more.map(|more| format!("{more} more lines are wrong"));
    Failure::refused(shown.chain(more).chain(["no user was added".to_owned()]).collect())
}

/// The users of the file, and its bad lines.
fn parse(text: &[u8], details: &ImportDetails) -> (Vec<Entry>, Vec<(u64, String)>) {
    // The byte order mark that spreadsheets write; it would shift every position.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut reader = csv::Reader::from_reader(text);
    if !reader.headers().is_ok_and(|header| HEADERS.iter().any(|expected| header == *expected)) {
        // The line is not quoted: if the header is missing, it has a password.
        let expected = "the header is not email,password or email,password,admin";
        return (Vec::new(), vec![(1, expected.to_owned())]);
    }
    let (mut entries, mut bad, mut seen) = (Vec::new(), Vec::new(), HashMap::new());
    let (mut line, mut at) = (1, 0);
    for record in reader.records() {
        let position = record.as_ref().map_or_else(csv::Error::position, StringRecord::position);
        let start = position.and_then(|position| usize::try_from(position.byte()).ok());
        // Lines are counted here: the library's numbers are wrong after CRLF and empty lines.
        while let Some(byte) = text.get(at)
            && (at < start.unwrap_or(at) || matches!(byte, b'\r' | b'\n'))
        {
            line += u64::from(*byte == b'\n');
            at += 1;
        }
        // The library's own messages could quote a field.
        let read = record.map_err(|error| match error.kind() {
            ErrorKind::UnequalLengths { .. } => "has not as many fields as the header".to_owned(),
            ErrorKind::Utf8 { .. } => "is not UTF-8".to_owned(),
            _ => "cannot be read".to_owned(),
        });
        match read.and_then(|record| entry(line, &record, details, &mut seen)) {
            Ok(entry) => entries.push(entry),
            Err(reason) => bad.push((line, reason)),
        }
    }
    (entries, bad)
}

/// The user of one record; `seen` has the lines of all earlier e-mails.
fn entry(
    line: u64,
    record: &StringRecord,
    details: &ImportDetails,
    seen: &mut HashMap<String, u64>,
) -> Result<Entry, String> {
    let field = |position| record.get(position).unwrap_or_default();
    let email = field(0).to_owned();
    accepted::email(&email)?;
    if let Some(first) = seen.insert(email.to_ascii_lowercase(), line) {
        return Err(format!("the e-mail stands in line {first} already"));
    }
    let input = input(field(1), details)?;
    let admin = match field(2).to_ascii_lowercase().as_str() {
        "true" | "1" => true,
        "false" | "0" | "" => false,
        _ => return Err("admin is neither true nor false".into()),
    };
    Ok(((line, NewUser { email, hash: String::new(), admin }), input))
}

fn input(text: &str, details: &ImportDetails) -> Result<Input, String> {
    // After a quote that is not closed all following lines are one field.
    if text.contains(['\n', '\r']) {
        return Err("the password has a line break in it; is a quote missing?".into());
    }
    if details.passwords == PasswordsAre::Hashed {
        return match StoredForm::of(text) {
            StoredForm::Digest(digest) => Ok(Input::Digest(digest)),
            StoredForm::Hash(_) if text.len() > MAX_HASH_BYTES => {
                Err(format!("the hash is longer than {MAX_HASH_BYTES} bytes"))
            }
            StoredForm::Hash(_) => Ok(Input::Hash(text.into())),
            StoredForm::PlainText | StoredForm::Empty => Err("the password is no hash".into()),
            _ => Err("the password is a hash of a kind that is not supported".into()),
        };
    }
    if is_locked(text) {
        return Err("the password is the mark of a locked user".into());
    }
    if looks_like_a_hash(text) && !details.allow_hash_like {
        return Err("the password looks like a hash; give --passwords hashed, or \
                    --allow-hash-like if it is a password"
            .into());
    }
    accepted::password(text)?;
    Ok(Input::Password(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BCRYPT: &str = "$2b$04$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie";

    fn details(passwords: PasswordsAre, allow_hash_like: bool) -> ImportDetails {
        ImportDetails { file: "users.csv".into(), passwords, allow_hash_like }
    }

    #[test]
    fn the_option_decides_whether_a_text_is_a_password_or_a_hash() {
        for (password, hashed, plain, hash_like) in [
            (BCRYPT, true, false, true),
            ("9cc2ae8a1ba7a93da39b46fc1019c481", true, false, true),
            ("{SSHA}dAU8SC82C+OW5inOjFCuY6angdOO0dqb", true, false, true),
            ("$1$salt$qJH7.N4xYta3aEG/dfqo/0", false, false, true),
            (&format!("b'{BCRYPT}'"), false, false, true),
            ("correct horse battery", false, true, true),
            ("", false, false, false),
            // The mark of a locked user is never accepted.
            ("!", false, false, false),
            ("!xv3dvK9mhf5AwUb2qE02sPdgVpfS0pt24tGF7168", false, false, false),
        ] {
            for (details, accepted) in [
                (details(PasswordsAre::Hashed, false), hashed),
                (details(PasswordsAre::Plain, false), plain),
                (details(PasswordsAre::Plain, true), hash_like),
            ] {
                assert_eq!(input(password, &details).is_ok(), accepted, "{password}: {details:?}");
            }
        }
    }

    #[test]
    fn bad_lines_are_reported_with_the_line_number_of_an_editor_and_the_reason() {
        let text = "email,password,admin


no-at,a canary sings,
ada@b,a canary sings,TRUE
ADA@b,a canary sings,

cyd@b,canary,
cyd@c,\"a canary
sings\",
cyd@d,$canary$v=19$aaaaaaaa,
cyd@e,*LK*,
cyd@f,a canary sings
cyd@g,a canary sings,canary
cyd@h,\u{ff}\u{ff}\u{ff}\u{ff},
dan@b,\"a canary, \"\"sings\"\"\",0
";
        let bad_lines = [
            (4, "the e-mail is not of the form name@domain"),
            (6, "the e-mail stands in line 5 already"),
            (8, "the password is shorter than 8 characters"),
            (9, "the password has a line break in it; is a quote missing?"),
            (
                11,
                "the password looks like a hash; give --passwords hashed, or --allow-hash-like \
                 if it is a password",
            ),
            (12, "the password is the mark of a locked user"),
            (13, "has not as many fields as the header"),
            (14, "admin is neither true nor false"),
            (15, "is not UTF-8"),
        ];
        let text = [text.to_owned(), text.replace('\n', "\r\n")];
        // The bad header is not quoted: it may have a password.
        let header = [(1, "the header is not email,password or email,password,admin")];
        let no_header = ["", "\n", "ada@example.com,canary\n", "password,email\n"];
        let rows = text.iter().map(|text| (text.as_str(), &bad_lines[..]));
        for (text, expected) in rows.chain(no_header.map(|text| (text, &header[..]))) {
            let latin_1: Vec<u8> = text.chars().map(|it| u8::try_from(it).unwrap()).collect();
            let bad = parse(&latin_1, &details(PasswordsAre::Plain, false)).1;
            let bad: Vec<_> = bad.iter().map(|(line, reason)| (*line, reason.as_str())).collect();
            assert_eq!(bad, expected);
        }
    }
}
