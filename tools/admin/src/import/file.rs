//! A CSV file of users (RFC 4180), read as a whole. No message quotes what is in it.

#[cfg(test)]
mod tests;

use std::{collections::HashMap, fs};

use csv::{ErrorKind, StringRecord};
use shared::password::StoredDigest;

use super::{ImportDetails, PasswordsAre};
use crate::{
    answer::Failure,
    email,
    hashing::Input,
    stored_form::{StoredForm, is_locked, looks_like_a_hash},
    weakness,
};

const HEADERS: [&[&str]; 2] = [&["email", "password"], &["email", "password", "admin"]];
/// As wide as the column.
const MAX_HASH_BYTES: usize = 255;

/// A user of the file.
pub(super) struct Entry {
    pub(super) line: u64,
    pub(super) email: String,
    pub(super) password: Password,
    pub(super) admin: bool,
}

/// What the file says for a password.
pub(super) enum Password {
    /// To be stored as it is.
    Hash(String),
    /// To be hashed: a plain text, or a digest.
    Input(Input),
}

/// The number of a line that is wrong, and why it is.
pub(super) type BadLine = (u64, String);

/// The users of the file, and its bad lines.
pub(super) fn read(details: &ImportDetails) -> Result<(Vec<Entry>, Vec<BadLine>), Failure> {
    let text = fs::read(&details.file)
        .map_err(|error| Failure::because(format!("{}: {error}", details.file.display())))?;
    // As spreadsheets write it; it would shift every position.
    Ok(parse(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text), details))
}

fn parse(text: &[u8], details: &ImportDetails) -> (Vec<Entry>, Vec<BadLine>) {
    let mut reader = csv::Reader::from_reader(text);
    if !reader.headers().is_ok_and(|header| HEADERS.iter().any(|expected| header == *expected)) {
        // It is not quoted: where the header is missing, this line has a password in it.
        let expected = "the header is not email,password or email,password,admin";
        return (Vec::new(), vec![(1, expected.to_owned())]);
    }
    let (mut entries, mut bad, mut seen) = (Vec::new(), Vec::new(), HashMap::new());
    let (mut line, mut at) = (1, 0);
    for record in reader.records() {
        let position = match &record {
            Ok(record) => record.position(),
            Err(error) => error.position(),
        };
        let start = position.and_then(|position| usize::try_from(position.byte()).ok());
        // Counted here: the library's line numbers are wrong behind CRLF and empty lines.
        while let Some(byte) = text.get(at)
            && (at < start.unwrap_or(at) || matches!(byte, b'\r' | b'\n'))
        {
            line += u64::from(*byte == b'\n');
            at += 1;
        }
        let read = record.map_err(|error| malformed(&error).to_owned());
        match read.and_then(|record| entry(line, &record, details, &mut seen)) {
            Ok(entry) => entries.push(entry),
            Err(reason) => bad.push((line, reason)),
        }
    }
    (entries, bad)
}

/// The library's own messages could quote a field.
fn malformed(error: &csv::Error) -> &'static str {
    match error.kind() {
        ErrorKind::UnequalLengths { .. } => "has not as many fields as the header",
        ErrorKind::Utf8 { .. } => "is not UTF-8",
        _ => "cannot be read",
    }
}

/// The user of one record; `seen` has the e-mails so far, and their lines.
fn entry(
    line: u64,
    record: &StringRecord,
    details: &ImportDetails,
    seen: &mut HashMap<String, u64>,
) -> Result<Entry, String> {
    let field = |position| record.get(position).unwrap_or_default();
    let email = field(0).to_owned();
    email::check(&email)?;
    if let Some(first) = seen.insert(email.to_ascii_lowercase(), line) {
        return Err(format!("the e-mail stands in line {first} already"));
    }
    let password = password(field(1), details)?;
    let admin = match field(2).to_ascii_lowercase().as_str() {
        "true" | "1" => true,
        "false" | "0" | "" => false,
        _ => return Err("admin is neither true nor false".into()),
    };
    Ok(Entry { line, email, password, admin })
}

fn password(text: &str, details: &ImportDetails) -> Result<Password, String> {
    // A quote that is not closed makes one field of all the lines behind it.
    if text.contains(['\n', '\r']) {
        return Err("the password has a line break in it; is a quote missing?".into());
    }
    if details.passwords == PasswordsAre::Hashed {
        return hashed(text);
    }
    if is_locked(text) {
        return Err("the password is the mark of a locked user".into());
    }
    if looks_like_a_hash(text) && !details.allow_hash_like {
        return Err("the password looks like a hash; give --passwords hashed, or \
                    --allow-hash-like if it is a password"
            .into());
    }
    weakness::check(text)?;
    Ok(Password::Input(Input::Password(text.into())))
}

fn hashed(text: &str) -> Result<Password, String> {
    if let Some(digest) = StoredDigest::parse(text) {
        return Ok(Password::Input(Input::Digest(digest)));
    }
    match StoredForm::of(text) {
        StoredForm::Hash(_) if text.len() > MAX_HASH_BYTES => {
            Err(format!("the hash is longer than {MAX_HASH_BYTES} bytes"))
        }
        StoredForm::Hash(_) => Ok(Password::Hash(text.into())),
        StoredForm::PlainText | StoredForm::Empty => Err("the password is no hash".into()),
        _ => Err("the password is a hash of a kind that is not supported".into()),
    }
}
