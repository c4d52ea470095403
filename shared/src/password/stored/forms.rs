//! How each system writes a hash.
//!
//! A form that is added here needs a line in `tests/data/stored-hashes.json`, made by that
//! system's own library, and one in the table of docs/moving-over.md.

use argon2::{Algorithm, password_hash::phc::PasswordHash};
use aws_lc_rs::pbkdf2;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use base64ct::{Base64ShaCrypt, Encoding};

use super::{
    BcryptInput, Function, StoredHash,
    limits::{MAX_PHPASS_LOG_ROUNDS, argon2, bcrypt, of, pbkdf2, scrypt, sha_crypt},
};
use crate::password::{
    MAX_STORED_BYTES,
    digest::{DigestKind, from_hex},
};

pub(super) fn parse(text: &str) -> Option<StoredHash> {
    if text.len() > MAX_STORED_BYTES {
        return None;
    }
    let after = |prefix: &str| text.strip_prefix(prefix);
    if text.starts_with("$2") {
        bcrypt("bcrypt", text, BcryptInput::Password)
    } else if let Some(hash) = after("$wp") {
        bcrypt("wordpress bcrypt", hash, BcryptInput::WordPress)
    } else if let Some(fields) = after("$5$") {
        sha_crypt("crypt sha256", text, fields, 43)
    } else if let Some(fields) = after("$6$") {
        sha_crypt("crypt sha512", text, fields, 86)
    } else if let Some(fields) = after("$P$").or(after("$H$")) {
        phpass(fields)
    } else if text.starts_with('$') {
        passlib_pbkdf2(text).or_else(|| phc(text))
    } else if text.starts_with("scrypt:") {
        werkzeug_scrypt(text)
    } else if text.starts_with("pbkdf2:") {
        werkzeug_pbkdf2(text)
    } else if text.starts_with("scrypt$") {
        django_scrypt(text)
    } else if text.starts_with("pbkdf2_") {
        django_pbkdf2(text)
    } else if let Some(hash) = after("argon2") {
        Some(of("django argon2", phc(hash)?.function))
    } else if let Some(hash) = after("bcrypt_sha256$") {
        bcrypt("django bcrypt_sha256", hash, BcryptInput::Sha256)
    } else if let Some(hash) = after("bcrypt$") {
        bcrypt("django bcrypt", hash, BcryptInput::Password)
    } else {
        aspnet_identity(text)
    }
}

/// PHC strings: Argon2id and Argon2i (RFC 9106), a digest in Argon2id, PBKDF2 (RFC 8018)
/// with SHA-256 or SHA-512, scrypt (RFC 7914).
fn phc(text: &str) -> Option<StoredHash> {
    let hash = PasswordHash::new(text).ok()?;
    let salt = AsRef::<[u8]>::as_ref(hash.salt.as_ref()?).to_vec();
    let output = hash.hash.as_ref()?.as_bytes().to_vec();
    match hash.algorithm.as_str() {
        "argon2id" => argon2("argon2id", Algorithm::Argon2id, hash, None),
        "argon2i" => argon2("argon2i", Algorithm::Argon2i, hash, None),
        "pbkdf2-sha256" => {
            let iterations = phc_iterations(&hash)?;
            pbkdf2("pbkdf2", pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, output)
        }
        "pbkdf2-sha512" => {
            let iterations = phc_iterations(&hash)?;
            pbkdf2("pbkdf2", pbkdf2::PBKDF2_HMAC_SHA512, iterations, salt, output)
        }
        "scrypt" => {
            let [log_n, r, p] = decimals(&hash, ["ln", "r", "p"])?;
            scrypt("scrypt", log_n, r, p, salt, output)
        }
        name => {
            let digest = DigestKind::named(name.strip_prefix("argon2id-")?)?;
            let kind = match digest {
                DigestKind::Md5 => "argon2id of md5",
                DigestKind::Sha1 => "argon2id of sha1",
                DigestKind::Sha256 => "argon2id of sha256",
                DigestKind::Sha512 => "argon2id of sha512",
                DigestKind::MySql41 => "argon2id of mysql41",
            };
            argon2(kind, Algorithm::Argon2id, hash, Some(digest))
        }
    }
}

/// These parameters, if there are no others.
fn decimals<const N: usize>(hash: &PasswordHash, names: [&str; N]) -> Option<[u32; N]> {
    let values = names.map(|name| hash.params.get_decimal(name));
    let all = hash.params.iter().count() == N && hash.version.is_none();
    all.then(|| values.into_iter().collect::<Option<Vec<u32>>>())??.try_into().ok()
}

fn phc_iterations(hash: &PasswordHash) -> Option<u32> {
    let output_bytes = hash.hash.as_ref()?.len();
    match decimals(hash, ["i", "l"]) {
        Some([iterations, length]) => (length as usize == output_bytes).then_some(iterations),
        None => decimals(hash, ["i"]).map(|[iterations]| iterations),
    }
}

/// The logarithm of a power of two, as Werkzeug and Django write it out.
fn log_n(text: &str) -> Option<u32> {
    let n: u64 = text.parse().ok()?;
    n.is_power_of_two().then(|| n.trailing_zeros())
}

/// phpass, behind `$P$`: a character for the rounds, eight of salt, 22 of hash.
fn phpass(text: &str) -> Option<StoredHash> {
    const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let first = *text.as_bytes().first()?;
    let log_rounds = u8::try_from(ALPHABET.iter().position(|it| *it == first)?).ok()?;
    let (salt, output) = (text.get(1..9)?, text.get(9..)?);
    let output = Base64ShaCrypt::decode_vec(output).ok().filter(|output| output.len() == 16)?;
    let bearable = (7..=MAX_PHPASS_LOG_ROUNDS).contains(&log_rounds);
    let salt = salt.as_bytes().to_vec();
    bearable.then(|| of("phpass", Function::Phpass { rounds: 1 << log_rounds, salt, output }))
}

/// `$pbkdf2-sha256$29000$salt$hash` in Base64 with `.` for `+`.
fn passlib_pbkdf2(text: &str) -> Option<StoredHash> {
    let mut fields = text.strip_prefix("$pbkdf2-")?.split('$');
    let (kind, prf) = match fields.next()? {
        "sha256" => ("passlib pbkdf2_sha256", pbkdf2::PBKDF2_HMAC_SHA256),
        "sha512" => ("passlib pbkdf2_sha512", pbkdf2::PBKDF2_HMAC_SHA512),
        _ => return None,
    };
    let iterations = fields.next()?.parse().ok()?;
    let mut decoded = || STANDARD_NO_PAD.decode(fields.next()?.replace('.', "+")).ok();
    let (salt, output) = (decoded()?, decoded()?);
    if fields.next().is_some() {
        return None;
    }
    pbkdf2(kind, prf, iterations, salt, output)
}

/// `scrypt:32768:8:1$salt$hex`
fn werkzeug_scrypt(text: &str) -> Option<StoredHash> {
    let [method, salt, output] = fields(text, '$')?;
    let [_, n, r, p] = fields(method, ':')?;
    let (r, p) = (r.parse().ok()?, p.parse().ok()?);
    scrypt("werkzeug scrypt", log_n(n)?, r, p, salt.into(), from_hex(output)?)
}

/// `pbkdf2:sha256:1000000$salt$hex`
fn werkzeug_pbkdf2(text: &str) -> Option<StoredHash> {
    let [method, salt, output] = fields(text, '$')?;
    let [_, hash, iterations] = fields(method, ':')?;
    let prf = match hash {
        "sha1" => pbkdf2::PBKDF2_HMAC_SHA1,
        "sha256" => pbkdf2::PBKDF2_HMAC_SHA256,
        "sha512" => pbkdf2::PBKDF2_HMAC_SHA512,
        _ => return None,
    };
    pbkdf2("werkzeug pbkdf2", prf, iterations.parse().ok()?, salt.into(), from_hex(output)?)
}

/// `scrypt$16384$salt$8$5$Base64`
fn django_scrypt(text: &str) -> Option<StoredHash> {
    let [_, n, salt, r, p, output] = fields(text, '$')?;
    let (r, p) = (r.parse().ok()?, p.parse().ok()?);
    scrypt("django scrypt", log_n(n)?, r, p, salt.into(), STANDARD.decode(output).ok()?)
}

/// `pbkdf2_sha256$1000000$salt$Base64`
fn django_pbkdf2(text: &str) -> Option<StoredHash> {
    let [name, iterations, salt, output] = fields(text, '$')?;
    let (kind, prf) = match name {
        "pbkdf2_sha256" => ("django pbkdf2_sha256", pbkdf2::PBKDF2_HMAC_SHA256),
        "pbkdf2_sha1" => ("django pbkdf2_sha1", pbkdf2::PBKDF2_HMAC_SHA1),
        _ => return None,
    };
    let output = STANDARD.decode(output).ok()?;
    pbkdf2(kind, prf, iterations.parse().ok()?, salt.into(), output)
}

/// ASP.NET Core Identity, version 3: Base64 of a 1, then in four bytes each, big-endian, the
/// number of the PRF, the iterations and the length of the salt, then salt and hash.
fn aspnet_identity(text: &str) -> Option<StoredHash> {
    let bytes = STANDARD.decode(text).ok()?;
    let (head, rest) = bytes.split_first_chunk::<13>()?;
    let number =
        |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let prf = match (head[0], number(1)) {
        (1, 0) => pbkdf2::PBKDF2_HMAC_SHA1,
        (1, 1) => pbkdf2::PBKDF2_HMAC_SHA256,
        (1, 2) => pbkdf2::PBKDF2_HMAC_SHA512,
        _ => return None,
    };
    let (salt, output) = rest.split_at_checked(usize::try_from(number(9)).ok()?)?;
    pbkdf2("aspnet identity v3", prf, number(5), salt.to_vec(), output.to_vec())
}

/// Exactly so many fields.
fn fields<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    text.splitn(N + 1, separator).collect::<Vec<_>>().try_into().ok()
}
