//! Which passwords are right against which hashes, and at what cost.

use super::*;

/// Small, so that tests are quick.
const QUICK: Argon2Config = Argon2Config { memory_kib: 64, iterations: 1, parallelism: 1 };

fn hasher() -> PasswordHasher {
    PasswordHasher::new(QUICK, 2)
}

async fn verify(password: &str, stored: Option<&str>) -> Verification {
    hasher().verify(password.into(), stored.map(SecretString::from)).await.unwrap()
}

fn argon2(algorithm: Algorithm, version: Version, m: u32, t: u32, p: u32) -> String {
    use argon2::password_hash::PasswordHasher;
    let params = Params::new(m, t, p, Some(32)).unwrap();
    let argon2 = Argon2::new(algorithm, version, params);
    argon2.hash_password_with_salt(b"secret", b"sixteen bytes it").unwrap().to_string()
}

#[tokio::test]
async fn a_new_hash_is_a_phc_string_with_the_configured_parameters() {
    let hash = hasher().hash("secret".into()).await.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
    assert_ne!(hash, hasher().hash("secret".into()).await.unwrap(), "salts differ");
    let verified = verify("secret", Some(&hash)).await;
    assert!(matches!(verified, Verification::Right { replacement: None }), "{verified:?}");
    assert!(matches!(verify("Secret", Some(&hash)).await, Verification::Wrong));
}

/// Hashes of `secret` by Python's hashlib, bcrypt and argon2-cffi (the C reference).
const OTHER_KINDS: [(&str, &str); 8] = [
    (
        "argon2id of another cost",
        "$argon2id$v=19$m=128,t=2,p=2$c2l4dGVlbiBieXRlcyBpdA$J0pL7nlLrloAw2X9yQUxNlV6b2lq4DIsyZBL4LxmRdg",
    ),
    (
        "argon2i",
        "$argon2i$v=19$m=128,t=2,p=2$c2l4dGVlbiBieXRlcyBpdA$3IUq/7G0DhjPFZ8sjcnLe0tVcwz+4Fi7Kn7UQWNSph8",
    ),
    ("bcrypt 2a", "$2a$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"),
    ("bcrypt 2b", USABLE_BCRYPT),
    ("bcrypt 2y", "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"),
    (
        "pbkdf2-sha256",
        "$pbkdf2-sha256$i=1000,l=32$c2l4dGVlbiBieXRlcyBpdA$pL6Fck1ezE6Wc2vlqBE3FWrRg9lGUPhd3+VcazHwggw",
    ),
    (
        "pbkdf2-sha512",
        "$pbkdf2-sha512$i=1000,l=32$c2l4dGVlbiBieXRlcyBpdA$HyatjlZ0Uv3m/VZDT7wbffcERrTbxVMomRCLOu66tmY",
    ),
    (
        "scrypt",
        "$scrypt$ln=10,r=8,p=1$c2l4dGVlbiBieXRlcyBpdA$ISjnzUaYKWgS/bS+LWn/2kYhwcmgQ+YwkpARAcwGzoI",
    ),
];

#[tokio::test]
async fn every_other_kind_of_hash_is_verified_and_replaced() {
    let ours = |version, m, t, p| argon2(Algorithm::Argon2id, version, m, t, p);
    let other_parameters = [
        ("argon2id of other memory", ours(Version::V0x13, 128, 1, 1)),
        ("argon2id of more passes", ours(Version::V0x13, 64, 2, 1)),
        ("argon2id of more lanes", ours(Version::V0x13, 64, 1, 2)),
        ("argon2id 1.0", ours(Version::V0x10, 64, 1, 1)),
    ];
    let other_kinds = OTHER_KINDS.map(|(kind, hash)| (kind, hash.to_owned()));
    for (kind, stored) in other_kinds.into_iter().chain(other_parameters) {
        assert!(matches!(verify("Secret", Some(&stored)).await, Verification::Wrong), "{kind}");
        let Verification::Right { replacement: Some(new) } = verify("secret", Some(&stored)).await
        else {
            panic!("{kind}: {stored}")
        };
        let verified = verify("secret", Some(new.expose_secret())).await;
        assert!(matches!(verified, Verification::Right { replacement: None }), "{kind}");
    }
}

#[tokio::test]
async fn a_password_is_compared_exactly_as_received() {
    let passwords = [" p ", "p", "P", "pä", "pa\u{308}", "p\0", "p\0q", &"p".repeat(1024)];
    for stored in passwords {
        let hash = hasher().hash(stored.into()).await.unwrap();
        for given in passwords {
            let right = matches!(verify(given, Some(&hash)).await, Verification::Right { .. });
            assert_eq!(right, given == stored, "{given:.9?} against {stored:.9?}");
        }
    }
}

#[tokio::test]
async fn a_password_of_more_than_1024_bytes_is_never_right() {
    let long = "p".repeat(1025);
    let hash = hasher().hash(long.as_str().into()).await.unwrap();
    assert!(matches!(verify(&long, Some(&hash)).await, Verification::Wrong));
}

#[tokio::test]
async fn bcrypt_does_not_take_two_passwords_for_one() {
    let [fits, long] = ["p".repeat(72), "p".repeat(73)];
    for (set, given, right) in [
        ("secret", "secret", true),
        ("secret", "secret\0secret", false),
        ("secret", "secret\0", false),
        (fits.as_str(), fits.as_str(), true),
        (fits.as_str(), long.as_str(), false),
        (long.as_str(), long.as_str(), false),
    ] {
        let stored = bcrypt::hash(set, 4).unwrap();
        let verified = verify(given, Some(&stored)).await;
        assert_eq!(matches!(verified, Verification::Right { .. }), right, "{given:?} for {set:?}");
    }
}

const USABLE_BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

#[tokio::test]
async fn an_unusable_hash_is_a_wrong_password() {
    let salt_and_hash = "c2l4dGVlbiBieXRlcyBpdA$lFO8T5GBPhvyEQcVqBYnsBfnSsxWdHmyqmyXoTYqYyI";
    assert!(StoredHash::parse(USABLE_BCRYPT).is_some());
    for (why, stored) in [
        ("plain text", "secret".to_owned()),
        ("empty", String::new()),
        ("absurd memory", format!("$argon2id$v=19$m=131073,t=1,p=1${salt_and_hash}")),
        ("absurd work", format!("$argon2id$v=19$m=131072,t=5,p=1${salt_and_hash}")),
        ("absurd passes", format!("$argon2id$v=19$m=64,t=17,p=1${salt_and_hash}")),
        ("absurd lanes", format!("$argon2id$v=19$m=512,t=1,p=17${salt_and_hash}")),
        ("memory beyond a number", format!("$argon2id$v=19$m=99999999999,t=1,p=1${salt_and_hash}")),
        ("an unknown version", format!("$argon2id$v=20$m=64,t=1,p=1${salt_and_hash}")),
        ("argon2d", format!("$argon2d$v=19$m=64,t=1,p=1${salt_and_hash}")),
        ("no hash", "$argon2id$v=19$m=64,t=1,p=1$c2l4dGVlbiBieXRlcyBpdA".to_owned()),
        ("absurd PBKDF2", format!("$pbkdf2-sha256$i=2000001,l=32${salt_and_hash}")),
        ("PBKDF2 with SHA-1", format!("$pbkdf2$i=1000,l=32${salt_and_hash}")),
        ("absurd scrypt", format!("$scrypt$ln=18,r=8,p=1${salt_and_hash}")),
        ("absurd scrypt blocks", format!("$scrypt$ln=10,r=9999999,p=1${salt_and_hash}")),
        ("absurd scrypt lanes", format!("$scrypt$ln=10,r=8,p=129${salt_and_hash}")),
        ("absurd scrypt work", format!("$scrypt$ln=17,r=8,p=2${salt_and_hash}")),
        ("absurd bcrypt", USABLE_BCRYPT.replace("$04$", "$15$")),
        ("bcrypt without cost", USABLE_BCRYPT.replace("$04$", "$0x$")),
        ("short bcrypt", USABLE_BCRYPT[..59].to_owned()),
        ("bcrypt outside of ASCII", format!("{}é", &USABLE_BCRYPT[..58])),
        ("bcrypt 2x", USABLE_BCRYPT.replace("$2b$", "$2x$")),
        ("MD5 crypt", "$1$salt$qJH7.N4xYta3aEG/dfqo/0".to_owned()),
    ] {
        assert!(StoredHash::parse(&stored).is_none(), "{why}");
        assert!(matches!(verify("secret", Some(&stored)).await, Verification::Wrong), "{why}");
    }
}

/// The work is what takes the time; it is counted here, not timed.
#[test]
fn unknown_wrong_and_unusable_compute_one_argon2id_each() {
    let policy = Policy::new(QUICK);
    let current = {
        let mut memory = Vec::new();
        policy.hash(b"secret", &mut memory).unwrap()
    };
    for (why, stored) in [
        ("an unknown e-mail", None),
        ("a wrong password", Some(current.as_str())),
        ("an unusable hash", Some("plain")),
        ("another kind of hash", Some(USABLE_BCRYPT)),
    ] {
        // Argon2 leaves its memory filled; nothing else touches it.
        let mut memory = Vec::new();
        let stored = stored.map(SecretString::from);
        let outcome = policy.verify(&"wrong".into(), stored.as_ref(), &mut memory).unwrap();
        assert!(matches!(outcome, Verification::Wrong), "{why}");
        let filled = memory.iter().filter(|block| block.as_ref().iter().any(|word| *word != 0));
        assert_eq!(filled.count(), policy.params.block_count(), "{why}");
    }
}
