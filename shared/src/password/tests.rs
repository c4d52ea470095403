//! Which passwords are right against which hashes, and at what cost.

use std::collections::HashMap;

use super::*;

/// Small, so that tests are quick.
const QUICK: Argon2Config = Argon2Config { memory_kib: 64, iterations: 1, parallelism: 1 };
const USABLE_BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

fn hasher() -> PasswordHasher {
    PasswordHasher::new(QUICK, 2, None)
}

async fn verify(password: &str, stored: &str) -> Verification {
    let (hasher, stored) = (hasher(), Some(stored.into()));
    hasher.verify(&hasher.try_acquire().unwrap(), password.into(), stored).await.unwrap()
}

async fn is_right(password: &str, stored: &str) -> bool {
    matches!(verify(password, stored).await, Verification::Right { .. })
}

async fn replacement(password: &str, stored: &str) -> Option<String> {
    match verify(password, stored).await {
        Verification::Right { replacement } => replacement.map(|it| it.expose_secret().to_owned()),
        Verification::Wrong { .. } => panic!("{password} is wrong for {stored}"),
    }
}

/// Hashes by the libraries of other systems: kind, password and hash.
fn other_systems(login: &str) -> Vec<[String; 3]> {
    let file = include_str!("../../../tests/data/stored-hashes.json");
    let rows: Vec<HashMap<String, String>> = serde_json::from_str(file).unwrap();
    assert!(rows.iter().all(|it| ["replaced", "refused until wrapped"].contains(&&*it["login"])));
    let rows = rows.iter().filter(|row| row["login"] == login);
    rows.map(|row| ["kind", "password", "stored"].map(|member| row[member].clone())).collect()
}

#[tokio::test]
async fn hashes_of_other_systems_are_right_for_their_password_alone_and_replaced() {
    for [kind, password, stored] in other_systems("replaced") {
        let new = replacement(&password, &stored).await.unwrap_or_default();
        assert!(new.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{kind}: {stored}");
        assert_eq!(replacement(&password, &new).await, None, "{kind}");
        assert!(!is_right(&format!("{password} "), &stored).await, "{kind}");
    }
}

#[tokio::test]
async fn an_argon2id_hash_of_another_cost_is_replaced_and_one_with_a_longer_salt_is_not() {
    use argon2::password_hash::PasswordHasher;
    let salt = "a salt of thirty-two bytes, here".as_bytes();
    for (version, m, t, p, salt, is_replaced) in [
        (Version::V0x13, 64, 1, 1, salt, false),
        (Version::V0x13, 64, 1, 1, &salt[..15], true),
        (Version::V0x13, 128, 1, 1, &salt[..16], true),
        (Version::V0x13, 64, 2, 1, &salt[..16], true),
        (Version::V0x13, 64, 1, 2, &salt[..16], true),
        (Version::V0x10, 64, 1, 1, &salt[..16], true),
    ] {
        let params = Params::new(m, t, p, Some(32)).unwrap();
        let argon2 = Argon2::new(Algorithm::Argon2id, version, params);
        let hash = argon2.hash_password_with_salt(b"secret", salt).unwrap().to_string();
        assert_eq!(replacement("secret", &hash).await.is_some(), is_replaced, "{hash}");
        assert!(!is_right("Secret", &hash).await, "{hash}");
    }
}

#[tokio::test]
async fn a_wrapped_digest_is_right_for_the_password_and_not_for_the_digest() {
    for [kind, password, stored] in other_systems("refused until wrapped") {
        assert!(StoredHash::parse(&stored).is_none(), "{kind} is compared");
        let digest = StoredDigest::parse(&stored).unwrap_or_else(|| panic!("{kind}"));
        let name = format!("$argon2id-{}$v=19$m=64,t=1,p=1", digest.kind);
        let wrapped = hasher().wrap(digest).await.unwrap();
        assert!(wrapped.starts_with(&name) && wrapped.len() < 255, "{wrapped}");
        let new = replacement(&password, &wrapped).await.unwrap_or_default();
        assert!(new.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{new}");
        for wrong in [&*stored, "wrong", ""] {
            assert!(!is_right(wrong, &wrapped).await, "{kind}: {wrong}");
        }
    }
}

#[tokio::test]
async fn a_new_hash_has_a_salt_of_its_own_and_is_right_for_its_password_of_up_to_1024_bytes() {
    for (bytes, right) in [(1, true), (1024, true), (1025, false)] {
        let password = "p".repeat(bytes);
        let hash = hasher().hash(password.as_str().into()).await.unwrap();
        assert_ne!(hash, hasher().hash(password.as_str().into()).await.unwrap());
        assert_eq!(is_right(&password, &hash).await, right, "{bytes}");
    }
}

/// bcrypt ignores all after 72 bytes, and repeats what ends in a NUL. The work of crypt grows with
/// the length.
#[tokio::test]
async fn bcrypt_and_crypt_accept_no_other_password_and_none_that_is_too_long() {
    use sha_crypt::{PasswordHasher, ShaCrypt};
    let bcrypt = |password: &str| bcrypt::hash(password, 4).unwrap();
    let crypt = |password: &str| {
        let crypt = ShaCrypt::from(sha_crypt::Params::new(1_000).unwrap());
        crypt.hash_password_with_salt(password.as_bytes(), b"salt").unwrap().to_string()
    };
    let [p72, p73, p256, p257] = [72, 73, 256, 257].map(|bytes| "p".repeat(bytes));
    for (stored, given, right) in [
        (bcrypt("secret"), "secret", true),
        (bcrypt("secret"), "secret\0secret", false),
        (bcrypt(&p72), &p72, true),
        (bcrypt(&p72), &p73, false),
        (crypt(&p256), &p256, true),
        (crypt(&p257), &p257, false),
    ] {
        assert_eq!(is_right(given, &stored).await, right, "{given:?} for {stored}");
    }
}

#[tokio::test]
async fn an_unusable_hash_or_digest_is_a_wrong_password() {
    let salt_and_hash = "$c2l4dGVlbiBieXRlcyBpdA$lFO8T5GBPhvyEQcVqBYnsBfnSsxWdHmyqmyXoTYqYyI";
    let phc = |costs: &str| format!("${costs}{salt_and_hash}");
    let django = |fields: &str| format!("pbkdf2_sha256${fields}");
    let sha1 = "abf7aad6438836dbe526aa231abde2d0eef74d42";
    for (why, stored) in [
        ("excessive memory", phc("argon2id$v=19$m=131073,t=1,p=1")),
        ("excessive work", phc("argon2id$v=19$m=131072,t=5,p=1")),
        ("excessive passes", phc("argon2id$v=19$m=64,t=17,p=1")),
        ("excessive lanes", phc("argon2id$v=19$m=512,t=1,p=17")),
        ("memory beyond a number", phc("argon2id$v=19$m=99999999999,t=1,p=1")),
        ("an unknown version", phc("argon2id$v=20$m=64,t=1,p=1")),
        ("argon2d", phc("argon2d$v=19$m=64,t=1,p=1")),
        ("a wrapped unknown", phc("argon2id-crc32$v=19$m=64,t=1,p=1")),
        ("no hash", "$argon2id$v=19$m=64,t=1,p=1$c2l4dGVlbiBieXRlcyBpdA".to_owned()),
        ("too long", django(&format!("1000${}$aj48b67ueiZIk/nPH9l41Q==", "s".repeat(512)))),
        ("excessive PBKDF2", phc("pbkdf2-sha256$i=2000001,l=32")),
        ("PBKDF2 of another length", phc("pbkdf2-sha256$i=1000,l=64")),
        ("PBKDF2 with two costs", phc("pbkdf2-sha256$i=1000,i=2000001")),
        ("excessive scrypt work", phc("scrypt$ln=10,r=8,p=129")),
        ("scrypt without lanes", phc("scrypt$ln=60,r=8,p=0")),
        ("scrypt beyond a number", phc("scrypt$ln=1,r=65536,p=65536")),
        ("scrypt of one large block", phc("scrypt$ln=1,r=524288,p=1")),
        ("excessive bcrypt", USABLE_BCRYPT.replace("$04$", "$15$")),
        ("bcrypt 2x", format!("bcrypt${}", USABLE_BCRYPT.replace("$2b$", "$2x$"))),
        ("short bcrypt", USABLE_BCRYPT[..59].to_owned()),
        ("bcrypt outside of ASCII", format!("{}é", &USABLE_BCRYPT[..58])),
        ("excessive crypt", format!("$6$rounds=1000001$salt${}", "x".repeat(86))),
        ("short crypt", format!("$6$salt${}", "x".repeat(85))),
        ("excessive phpass", "$P$JSUQWU0T1H7mOQ1zY4cEHW9qVuREGH/".to_owned()),
        ("short phpass", "$P$HSUQWU0T1H7mOQ1zY4cEHW9qVuREGH".to_owned()),
        ("nothing but a name", "$P$".to_owned()),
        ("no iterations", django("0$salt$aj48b67ueiZIk/nPH9l41btUv/wlbZSIslYKMk4+Bj4=")),
        ("a short result", django("1000$salt$aj48b67ueiZI")),
        ("scrypt with an N between", format!("scrypt:49152:8:1$salt${}", "ab".repeat(64))),
        ("Werkzeug with MD5", format!("pbkdf2:md5:1000$salt${}", "ab".repeat(16))),
        ("ASP.NET with a long salt", "AQAAAAIAAYag/////x75p+usVsPKxP4kZFzWOQ==".to_owned()),
        ("a short digest", sha1[1..].to_owned()),
        ("a long digest of MySQL", format!("*{sha1}00")),
        ("a digest with another letter", sha1.replace('a', "g")),
        ("LDAP without a digest", "{SSHA}".to_owned()),
        ("LDAP without its salt", "{SSHA}q/eq1kOINtvlJqIxq+3i0O73TUI=".to_owned()),
        ("LDAP with a salt", "{SHA}dAU8SC82C+OW5inOjFCuY6angdOO0dqb".to_owned()),
        ("LDAP with crypt", "{CRYPT}dAU8SC82C+OW5inOjFCuY6angdOO0dqb".to_owned()),
        ("LDAP without padding", "{SSHA}dAU8SC82C+OW5inOjFCuY6angdOO0dq".to_owned()),
    ] {
        assert!(StoredHash::parse(&stored).is_none(), "{why}");
        assert!(StoredDigest::parse(&stored).is_none(), "{why}");
        assert!(!is_right("secret", &stored).await, "{why}");
    }
}

/// The work is what takes the time; it is counted here, not timed.
#[tokio::test]
async fn unknown_wrong_disabled_and_unusable_each_compute_an_argon2id() {
    let hash = hasher().hash("secret".into()).await.unwrap();
    for (why, stored, password, reason) in [
        ("an unknown e-mail", None, "secret", None),
        ("a wrong password", Some(hash.clone()), "wrong", None),
        ("a disabled user", Some(format!("{DISABLED}{hash}")), "secret", Some("disabled")),
        ("and of another kind", Some(format!("!{USABLE_BCRYPT}")), "secret", Some("disabled")),
        ("an unusable hash", Some("secret".to_owned()), "secret", Some("no stored hash")),
        ("another kind of hash", Some(USABLE_BCRYPT.to_owned()), "wrong", None),
    ] {
        let hasher = PasswordHasher::new(QUICK, 1, None);
        let permit = hasher.try_acquire().unwrap();
        let stored = stored.map(SecretString::from);
        let verified = hasher.verify(&permit, password.into(), stored).await;
        let Ok(Verification::Wrong { reason: given }) = verified else { panic!("{why}") };
        assert_eq!(given.is_some(), reason.is_some(), "{why}");
        assert!(given.unwrap_or_default().contains(reason.unwrap_or_default()), "{why}");
        // Argon2 leaves its memory filled; nothing else touches it.
        let filled = |memory: &mut Vec<Block>| {
            Some(memory.iter().filter(|block| block.as_ref().iter().any(|word| *word != 0)).count())
        };
        let filled = hasher.slots.run(permit, 0, filled).await;
        assert_eq!(filled, Ok(hasher.params.block_count()), "{why}");
    }
}
