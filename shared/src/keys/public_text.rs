//! Texts that are no secret, whatever their length: what others know, or guess first.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

use super::{jwk, pem};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const ALPHABETS: [GeneralPurpose; 2] = [
    GeneralPurpose::new(&alphabet::STANDARD, LENIENT),
    GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT),
];

/// How OpenSSH names the kinds of its public keys.
const SSH_KINDS: [&str; 4] = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];
/// What such texts say in place of a secret, without what separates the words.
const PLACEHOLDERS: [&str; 15] = [
    "changeme",
    "changethis",
    "changeit",
    "replaceme",
    "replacethis",
    "replacewith",
    "placeholder",
    "yoursecret",
    "yoursupersecret",
    "yourjwt",
    "astringsecret",
    "bitslong",
    "characterslong",
    "insertyour",
    "donotuse",
];
const ROOTS: [&str; 12] = [
    "/app/",
    "/data/",
    "/etc/",
    "/home/",
    "/mnt/",
    "/opt/",
    "/run/",
    "/secrets/",
    "/srv/",
    "/tmp/",
    "/usr/",
    "/var/",
];
/// A secret at random has more; 32 hexadecimal digits have 14.
const FEWEST_CHARACTERS: usize = 6;
/// A text that repeats so few bytes says no more than they do.
const LONGEST_REPEATED: usize = 16;

/// What a text is that is no secret, in words for an operator.
pub(super) fn kind(text: &str) -> Option<&'static str> {
    let text = text.trim();
    let lower = Zeroizing::new(text.to_ascii_lowercase());
    if is_ssh_key(text.as_bytes()) {
        Some("an SSH key")
    } else if encodes_a_key(text) {
        Some("a key in Base64, without the lines that PEM has around it")
    } else if lower.starts_with("arn:") {
        Some("the name of a resource on AWS; JWT_SECRET_ID takes it")
    } else if is_url(&lower) {
        Some("a URL")
    } else if is_path(text) {
        Some("a path; JWT_SECRET_FILE takes it")
    } else if is_placeholder(&lower) {
        Some("a placeholder")
    } else if repeats_itself(text.as_bytes()) {
        Some("a few characters, again and again")
    } else {
        None
    }
}

fn is_ssh_key(text: &[u8]) -> bool {
    text.starts_with(b"---- BEGIN SSH2 ")
        || SSH_KINDS.iter().any(|kind| text.starts_with(kind.as_bytes()) && text.contains(&b' '))
}

/// Keys as OpenSSH, DER, PEM or JSON have them, in either alphabet, with or without padding
/// and line breaks.
fn encodes_a_key(text: &str) -> bool {
    let text = Zeroizing::new(text.split_whitespace().collect::<String>());
    ALPHABETS.iter().any(|alphabet| {
        alphabet.decode(text.as_bytes()).map(Zeroizing::new).is_ok_and(|bytes| {
            // In OpenSSH's form each part has its length before it.
            let is_ssh = bytes
                .get(4..)
                .is_some_and(|part| SSH_KINDS.iter().any(|kind| part.starts_with(kind.as_bytes())));
            // In DER, a sequence in a sequence, both of more than 255 bytes.
            let is_certificate = matches!(bytes[..], [0x30, 0x82, _, _, 0x30, 0x82, ..]);
            let decoded = str::from_utf8(&bytes).unwrap_or_default();
            is_ssh
                || is_certificate
                || is_ssh_key(&bytes)
                || pem::is_der_key(&bytes)
                || bytes.starts_with(b"-----BEGIN ")
                || jwk::is_json(decoded)
        })
    })
}

fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_lowercase())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

/// Base64 may begin with `/` and have more of them, but no `.`.
fn is_path(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-@+ ".contains(&byte);
    let begins = ["./", "../", "~/"].iter().any(|start| text.starts_with(start))
        || ROOTS.iter().any(|root| text.starts_with(root))
        || text.starts_with('/') && text.contains('.');
    begins && text[1..].bytes().all(is_plain)
}

fn is_placeholder(lower: &str) -> bool {
    let letters = lower.chars().filter(char::is_ascii_alphanumeric);
    let letters = Zeroizing::new(letters.collect::<String>());
    PLACEHOLDERS.iter().any(|placeholder| letters.contains(placeholder))
}

fn repeats_itself(bytes: &[u8]) -> bool {
    let repeats = |length: usize| bytes.iter().skip(length).eq(&bytes[..bytes.len() - length]);
    let different = (0..=u8::MAX).filter(|byte| bytes.contains(byte)).count();
    different < FEWEST_CHARACTERS || (1..=LONGEST_REPEATED.min(bytes.len())).any(repeats)
}
