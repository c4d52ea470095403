//! The rows of `rows.txt`.

use shared::token::InvalidToken::{Claim, Malformed, NotStrictJson, UnknownKey, UnsupportedHeader};

use crate::table::Expected;

/// Rows that have one answer and one source.
pub(crate) struct Rows {
    /// Who describes them.
    pub(crate) source: &'static str,
    /// What is answered.
    pub(crate) answer: &'static str,
    /// What is tried.
    pub(crate) texts: Vec<String>,
}

impl Rows {
    /// What the contract answers.
    pub(crate) fn expected(&self) -> Expected {
        let reasons = [Malformed, NotStrictJson, UnknownKey, UnsupportedHeader];
        let claims = ["username", "iss", "aud"].map(Claim);
        match self.answer {
            "passes" => Expected::Passes,
            "missing bearer" => Expected::MissingBearer,
            "missing basic" => Expected::MissingBasic,
            "invalid credentials" => Expected::InvalidCredentials,
            reason => {
                let mut reasons = reasons.into_iter().chain(claims);
                Expected::Refused(reasons.find(|it| it.to_string() == reason).unwrap())
            }
        }
    }
}

/// All rows that are put into this place.
pub(crate) fn rows(place: &str) -> Vec<Rows> {
    let mut found: Vec<Rows> = Vec::new();
    let mut is_wanted = false;
    let lines = include_str!("rows.txt").lines();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with("# ")) {
        if let Some(head) = line.strip_prefix("== ") {
            let (other, rest) = head.split_once(": ").unwrap();
            let (answer, source) = rest.trim_end_matches(')').split_once(" (").unwrap();
            is_wanted = other == place;
            if is_wanted {
                found.push(Rows { source, answer, texts: Vec::new() });
            }
        } else if is_wanted {
            found.last_mut().unwrap().texts.push(unescaped(line));
        }
    }
    assert!(!found.is_empty(), "there are no rows of {place}");
    found
}

fn unescaped(row: &str) -> String {
    let mut text = if row == "(nothing)" { String::new() } else { row.to_owned() };
    for (escape, letter) in [("\\0", "\0"), ("\\t", "\t"), ("\\r", "\r"), ("\\n", "\n")] {
        text = text.replace(escape, letter);
    }
    while let Some(start) = text.find("\\u{") {
        let end = start + text[start..].find('}').unwrap();
        let number = u32::from_str_radix(&text[start + 3..end], 16).unwrap();
        text.replace_range(start..=end, &char::from_u32(number).unwrap().to_string());
    }
    text
}
