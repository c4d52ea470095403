//! Texts that are no secret, whatever their length: what others know, or guess first.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::jwk;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// How OpenSSH names the kinds of its public keys.
const SSH_KINDS: [&str; 4] = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];
/// What such texts say in place of a secret, without what separates the words.
const PLACEHOLDERS: &str = "changeme changethis changeit replaceme replacethis replacewith \
     placeholder yoursecret yoursupersecret yourjwt astringsecret bitslong characterslong \
     insertyour donotuse";
/// Folders in `/` and others that a path begins with.
const ROOTS: &str = "/app/ /data/ /etc/ /home/ /mnt/ /opt/ /run/ /secrets/ /srv/ /tmp/ /usr/ /var/ \
     ./ ../ ~/";

/// What a text is that is no secret, in words for an operator.
pub(super) fn kind(text: &str) -> Option<&'static str> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let kinds = [
        (is_ssh_key(text.as_bytes()), "an SSH key"),
        (encodes_a_key(text), "a key in Base64, without the lines that PEM has around it"),
        (lower.starts_with("arn:"), "the name of a resource on AWS; JWT_SECRET_ID takes it"),
        (is_url(&lower), "a URL"),
        (is_path(text), "a path; JWT_SECRET_FILE takes it"),
        (is_placeholder(&lower), "a placeholder"),
        (repeats_itself(text.as_bytes()), "a few characters, again and again"),
    ];
    kinds.into_iter().find(|(is_it, _)| *is_it).map(|(_, kind)| kind)
}

fn is_ssh_key(text: &[u8]) -> bool {
    text.starts_with(b"---- BEGIN SSH2 ")
        || SSH_KINDS.iter().any(|kind| text.starts_with(kind.as_bytes()) && text.contains(&b' '))
}

/// Keys as OpenSSH, DER, PEM or JSON have them, in either alphabet, with or without padding
/// and line breaks: a public key must never become the secret of an HMAC.
fn encodes_a_key(text: &str) -> bool {
    let text: String = text.split_whitespace().collect();
    let standard = text.replace('-', "+").replace('_', "/");
    LENIENT.decode(standard).is_ok_and(|bytes| {
        // In OpenSSH's form each part has its length before it.
        let name = bytes.get(4..).unwrap_or_default();
        SSH_KINDS.iter().any(|kind| name.starts_with(kind.as_bytes()))
            || is_ssh_key(&bytes)
            || is_der_key(&bytes)
            || bytes.starts_with(b"-----BEGIN ")
            || str::from_utf8(&bytes).is_ok_and(jwk::is_json)
    })
}

/// Whether the bytes begin as those of a key in DER do, with the algorithm of a
/// `SubjectPublicKeyInfo`, the version of a private key or the modulus of PKCS#1, or as a
/// certificate does. One in some hundred million random texts begins so too.
fn is_der_key(bytes: &[u8]) -> bool {
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 0x02;
    const OBJECT_IDENTIFIER: u8 = 0x06;
    let ([SEQUENCE, 0x82, _, _, content @ ..]
    | [SEQUENCE, 0x81, _, content @ ..]
    | [SEQUENCE, 0..=127, content @ ..]) = bytes
    else {
        return false;
    };
    matches!(
        content,
        [SEQUENCE, _, OBJECT_IDENTIFIER, 3..=10, ..]
            | [INTEGER, 1, 0 | 1, ..]
            | [INTEGER, 0x81, _, 0, ..]
            | [INTEGER, 0x82, _, _, 0, ..]
            | [SEQUENCE, 0x81, _, 0xa0 | INTEGER | OBJECT_IDENTIFIER, ..]
            | [SEQUENCE, 0x82, _, _, 0xa0 | INTEGER | OBJECT_IDENTIFIER, ..]
    )
}

fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_lowercase())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

/// Base64 may begin with `/` and have more of them, but then none of `.-_`.
fn is_path(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-@+ ".contains(&byte);
    let begins = ROOTS.split(' ').any(|root| text.starts_with(root))
        || text.starts_with('/') && text.contains(['.', '-', '_']);
    begins && text[1..].bytes().all(is_plain)
}

fn is_placeholder(lower: &str) -> bool {
    let letters: String = lower.chars().filter(char::is_ascii_alphanumeric).collect();
    PLACEHOLDERS.split(' ').any(|placeholder| letters.contains(placeholder))
}

/// A text that repeats up to 16 bytes says no more than they do.
fn repeats_itself(bytes: &[u8]) -> bool {
    let repeats = |length: usize| bytes.iter().skip(length).eq(&bytes[..bytes.len() - length]);
    let different = (0..=u8::MAX).filter(|byte| bytes.contains(byte)).count();
    // A secret at random has more: 32 hexadecimal digits have 14.
    different < 6 || (1..=16.min(bytes.len())).any(repeats)
}
