//! What the column `password` of a row contains.
//!
//! An unknown text is not simply a plain-text password: a text with the alphabet, length or marks
//! of hashes counts as a hash of an unsupported kind.

use std::fmt;

use shared::password::{DISABLED, StoredDigest, StoredHash};

/// The kind of a text in the column `password`.
pub(crate) enum StoredForm {
    /// A hash that `login` supports, with the name of its kind.
    Hash(String),
    /// A fast digest, refused by `login` until `auth-admin upgrade`.
    Digest(StoredDigest),
    /// [`DISABLED`] and a hash, or [`DISABLED`] and the fast digest in this variant.
    Disabled(Option<StoredDigest>),
    /// Looks like a hash of a kind that `login` refuses. Hashing it again would destroy it.
    Unsupported,
    /// Nothing.
    Empty,
    /// A password in plain text, as the Flask service stored it.
    PlainText,
}

impl StoredForm {
    /// The form of `text`.
    pub(crate) fn of(text: &str) -> Self {
        match (Self::known(text), text.strip_prefix(DISABLED).and_then(Self::known)) {
            (Some(form), _) => form,
            (None, Some(Self::Digest(digest))) => Self::Disabled(Some(digest)),
            (None, Some(_)) => Self::Disabled(None),
            (None, None) if text.is_empty() => Self::Empty,
            (None, None) if looks_like_a_hash(text) => Self::Unsupported,
            (None, None) => Self::PlainText,
        }
    }

    /// A hash or a fast digest of a supported kind.
    fn known(text: &str) -> Option<Self> {
        let hash = StoredHash::parse(text).map(|hash| Self::Hash(hash.kind));
        hash.or_else(|| StoredDigest::parse(text).map(Self::Digest))
    }
}

impl fmt::Display for StoredForm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Hash(kind) => kind,
            Self::Digest(digest) => return write!(formatter, "{} digest!", digest.kind),
            Self::Disabled(None) => "disabled",
            Self::Disabled(Some(_)) => "disabled digest!",
            Self::Unsupported => "unsupported",
            Self::Empty => "none",
            Self::PlainText => "plain text!",
        })
    }
}

/// Whether another system has locked the user: the text is a mark, or a mark before what looks like
/// a hash. Such a text is never a password.
pub(crate) fn is_locked(text: &str) -> bool {
    text.trim().starts_with(['!', '*']) && looks_like_a_hash(text)
}

/// Whether `text` looks like a hash of any kind.
pub(crate) fn looks_like_a_hash(text: &str) -> bool {
    // Leading blanks, MySQL's star, and marks of locked users.
    let marked = text.trim();
    let text = marked.trim_matches(['!', '*']);
    let classes = [u8::is_ascii_uppercase, u8::is_ascii_lowercase, u8::is_ascii_digit];
    let classes = classes.into_iter().filter(|class| text.bytes().any(|byte| class(&byte))).count();
    // Some libraries separate hexadecimal digits by `-`, `:` or blanks.
    let together = text.replace(['-', ':', ' '], "");
    let is_hex = |byte: u8| byte.is_ascii_hexdigit();
    let is_plain_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+./".contains(&byte);
    // Also in the alphabets for URLs and of crypt(3).
    let of_base64 = text.bytes().all(|byte| is_plain_base64(byte) || b"-_".contains(&byte));
    // The text is only a mark.
    (text != marked && ["", "LK", "NP"].contains(&text))
        // {SSHA}…, {bcrypt}…, and JSON.
        || text.starts_with(['{', '['])
        || (text.len() >= 20 && has_field_between_dollars(text))
        || longest_run(&together, is_hex) >= 32
        || (text.len() >= 16 && text.bytes().all(is_hex) && classes > 1)
        || (text.len() >= 20 && text.ends_with('=') && !text.contains(' '))
        // 16 bytes. A person does not invent a word like random letters and digits of this length.
        || (classes == 3 && longest_run(text, is_plain_base64) >= 22)
        // 16, 20, 32 and 64 bytes without padding.
        || (classes > 1 && of_base64 && [22, 27, 43, 86].contains(&text.len()))
        // crypt(3) with DES, whose last character has four bits. No other hash is as short.
        || (text.len() == 13
            && of_base64
            && text.ends_with(|last| ".26AEIMQUYcgkosw".contains(last))
            && (classes == 3 || text.contains(['.', '/'])))
}

/// `$2b$…`, `sha1$…$…`, `crypt$$…`, `b'$2b$…'`.
fn has_field_between_dollars(text: &str) -> bool {
    let is_field = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./+=,:".contains(&byte);
    let mut fields: Vec<&str> = text.split('$').skip(1).collect();
    fields.pop();
    !text.contains(' ') && fields.iter().any(|field| field.bytes().all(is_field))
}

fn longest_run(text: &str, is_in: impl Fn(u8) -> bool) -> usize {
    text.as_bytes().split(|byte| !is_in(*byte)).map(<[u8]>::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BCRYPT: &str = "$2b$04$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie";

    #[test]
    fn each_text_has_the_form_that_it_looks_like() {
        let hash_like = "\
            $1$salt$qJH7.N4xYta3aEG/dfqo/0 $S$DxVn7wubSRzoK9X2pkYx5PzDQRGHYdSdJmCqPxEaYbTbPxkXWpFC \
            $2b$31$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie \
            scrypt:32768:8:1$DcIWvUgmbPrPJ2DM$6f1b md5$Vq7DcIWvUgmb$9cc2ae8a1ba7a93da39b46fc1019c481 \
            bcrypt_sha256$$2b$12$EGdrhbKUv8Oc9vGiXX0HQO crypt$$ab3StKT84T8Mx {CRYPT}rl.3StKT.4T8M \
            {\"alg\":\"sha1\",\"value\":\"x\"} 9cc2ae8a1ba7a93da39b46fc1019c481:salt \
            0x9cc2ae8a1ba7a93da39b46fc1019c481ff 606717496665bcba \
            c4bbcb1fbec99d65bf59d85c8cb62ee2db963f0fe106f483d9afa73b \
            *F4AF2E5D85456A908E0F552F0366375B062672 !xv3dvK9mhf5AwUb2qE02sPdgVpfS0pt24tGF7168 \
            nMKuihunqTqSO4qAIYyH4A== AQAAAAIAAYagAAAAEB75p+usVsPKxP4k nMKuihunqTq_O-qAIYyH4A \
            nmkuihunqtqso4qaiyyh4a rl.3StKT.4T8M Ab3StKT84T8Mw 9cc2ae8a-1ba7-a93d-a39b-46fc1019c481 \
            9C-C2-AE-8A-1B-A7-A9-3D-A3-9B-46-FC-10-19-C4-81 ! * !! *LK* *NP*";
        let spaced = "9c c2 ae 8a 1b a7 a9 3d a3 9b 46 fc 10 19 c4 81";
        let around = [" H", "b'H'", "{bcrypt}H", "!!H"].map(|text| text.replace('H', BCRYPT));
        let hash_like = hash_like.split_whitespace().chain([spaced]);
        let hash_like = hash_like.chain(around.iter().map(String::as_str));
        // Passwords that a person may have invented.
        let words = "Secret1! $ecret $ecret$ecret md5$ Correct-Horse-Battery-9 1234567890123456 \
                     deadbeef password12345 Liverpool2024 john.smith.99 7hG2kLp9QwXz4RtYvB3n \
                     !important";
        let sentences = [
            "$a b$ccccccccccccccccccccc",
            "scrypt: a fine function",
            "super$$ecret and some more",
            "pä:ss wörd 🔑",
            "C'est la vie, 1999 et plus tard",
        ];
        let disabled = format!("!{BCRYPT}");
        let others = [
            (BCRYPT, "bcrypt"),
            ("9cc2ae8a1ba7a93da39b46fc1019c481", "md5 digest!"),
            (&disabled, "disabled"),
            ("", "none"),
        ];
        for (text, form) in hash_like
            .map(|text| (text, "unsupported"))
            .chain(words.split(' ').chain(sentences).map(|text| (text, "plain text!")))
            .chain(others)
        {
            assert_eq!(StoredForm::of(text).to_string(), form, "{text:?}");
        }
    }
}
