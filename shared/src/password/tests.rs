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

/// Hashes by the libraries of other systems, with their passwords.
#[derive(serde::Deserialize)]
struct OtherSystem {
    kind: String,
    password: String,
    stored: String,
    login: String,
}

fn other_systems() -> Vec<OtherSystem> {
    let file = include_str!("../../../tests/data/stored-hashes.json");
    serde_json::from_str(file).unwrap()
}

#[tokio::test]
async fn hashes_of_other_systems_are_right_for_their_password_alone() {
    for row in other_systems() {
        if row.login != "replaced" {
            assert!(StoredHash::parse(&row.stored).is_none(), "{} is compared", row.kind);
            continue;
        }
        let right = verify(&row.password, Some(&row.stored)).await;
        let replaced = matches!(right, Verification::Right { replacement: Some(_) });
        assert!(replaced, "{}: {}", row.kind, row.stored);
        let wrong = verify(&format!("{} ", row.password), Some(&row.stored)).await;
        assert!(matches!(wrong, Verification::Wrong), "{}: {}", row.kind, row.stored);
    }
}

#[tokio::test]
async fn a_wrapped_digest_is_right_for_the_password_and_not_for_the_digest() {
    for row in other_systems().into_iter().filter(|row| row.login != "replaced") {
        let digest = StoredDigest::parse(&row.stored).unwrap_or_else(|| panic!("{}", row.kind));
        let name = format!("$argon2id-{}$v=19$m=64,t=1,p=1", digest.kind().name());
        let wrapped = hasher().wrap(digest).await.unwrap();
        assert!(wrapped.starts_with(&name) && wrapped.len() < 255, "{wrapped}");
        let right = verify(&row.password, Some(&wrapped)).await;
        let Verification::Right { replacement: Some(hash) } = right else { panic!("{}", row.kind) };
        assert!(hash.expose_secret().starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        for wrong in [row.stored.as_str(), "wrong", ""] {
            let verified = verify(wrong, Some(&wrapped)).await;
            assert!(matches!(verified, Verification::Wrong), "{}: {wrong}", row.kind);
        }
    }
}

#[test]
fn what_is_no_digest_of_a_known_length_is_none() {
    let sha1 = "abf7aad6438836dbe526aa231abde2d0eef74d42";
    for text in [
        "",
        &sha1[1..],
        &format!("{sha1}0"),
        &format!("*{sha1}0"),
        &sha1.replace('a', "g"),
        "{SSHA}",
        "{SSHA}q/eq1kOINtvlJqIxq+3i0O73TUI=",
        "{SHA}dAU8SC82C+OW5inOjFCuY6angdOO0dqb",
        "{CRYPT}dAU8SC82C+OW5inOjFCuY6angdOO0dqb",
        "{SSHA}dAU8SC82C+OW5inOjFCuY6angdOO0dq",
        USABLE_BCRYPT,
    ] {
        assert!(StoredDigest::parse(text).is_none(), "{text}");
    }
}

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
        ("scrypt of one large block", format!("$scrypt$ln=1,r=524288,p=1${salt_and_hash}")),
        ("scrypt beyond a number", format!("$scrypt$ln=1,r=65536,p=65536${salt_and_hash}")),
        ("absurd crypt", format!("$6$rounds=1000001$salt${}", "x".repeat(86))),
        ("short crypt", format!("$6$salt${}", "x".repeat(85))),
        ("crypt without salt", format!("$5${}", "x".repeat(43))),
        ("absurd phpass", "$P$JSUQWU0T1H7mOQ1zY4cEHW9qVuREGH/".to_owned()),
        ("short phpass", "$P$HSUQWU0T1H7mOQ1zY4cEHW9qVuREGH".to_owned()),
        ("nothing but a name", "$P$".to_owned()),
        (
            "absurd Django",
            "pbkdf2_sha256$2000001$salt$aj48b67ueiZIk/nPH9l41btUv/wlbZSIslYKMk4+Bj4=".to_owned(),
        ),
        ("a short result", "pbkdf2_sha256$1000$salt$aj48b67ueiZI".to_owned()),
        (
            "no iterations",
            "pbkdf2_sha256$0$salt$aj48b67ueiZIk/nPH9l41btUv/wlbZSIslYKMk4+Bj4=".to_owned(),
        ),
        ("absurd Werkzeug", format!("scrypt:262144:8:1$salt${}", "ab".repeat(64))),
        ("scrypt with an N between", format!("scrypt:32769:8:1$salt${}", "ab".repeat(64))),
        ("Werkzeug with MD5", format!("pbkdf2:md5:1000$salt${}", "ab".repeat(16))),
        (
            "absurd ASP.NET",
            "AQAAAAL/////AAAAEB75p+usVsPKxP4kZFzWOae4o81nd5AwUb2qE02sPdgVpfS0pt24tGF7168RJGtn2A=="
                .to_owned(),
        ),
        (
            "ASP.NET with a long salt",
            "AQAAAAIAAYag/////x75p+usVsPKxP4kZFzWOae4o81nd5AwUb2qE02sPdgVpfS0pt24tGF7168RJGtn2A=="
                .to_owned(),
        ),
        ("a wrapped unknown", format!("$argon2id-crc32$v=19$m=64,t=1,p=1${salt_and_hash}")),
        ("locked", format!("!{USABLE_BCRYPT}")),
        (
            "longer than any hash",
            format!("$argon2id$v=19$m=64,t=1,p=1,data={}${salt_and_hash}", "A".repeat(512)),
        ),
        ("bcrypt 2x", USABLE_BCRYPT.replace("$2b$", "$2x$")),
        ("MD5 crypt", "$1$salt$qJH7.N4xYta3aEG/dfqo/0".to_owned()),
    ] {
        assert!(StoredHash::parse(&stored).is_none(), "{why}");
        assert!(matches!(verify("secret", Some(&stored)).await, Verification::Wrong), "{why}");
    }
}

/// The same work as for a wrong password: the hash behind the mark is computed.
#[tokio::test]
async fn a_disabled_user_has_no_password() {
    let current = hasher().hash("secret".into()).await.unwrap();
    for stored in [current.as_str(), USABLE_BCRYPT] {
        assert!(matches!(verify("secret", Some(stored)).await, Verification::Right { .. }));
        let disabled = format!("{DISABLED}{stored}");
        assert!(matches!(verify("secret", Some(&disabled)).await, Verification::Wrong));
    }
    let policy = Policy::new(QUICK);
    let mut memory = Vec::new();
    let stored = StoredHash::parse(&current);
    let outcome = policy.verify(&"secret".into(), stored.as_ref(), false, &mut memory).unwrap();
    assert!(matches!(outcome, Verification::Wrong));
    assert!(memory[0].as_ref().iter().any(|word| *word != 0), "nothing was computed");
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
        let stored = stored.and_then(StoredHash::parse);
        let outcome = policy.verify(&"wrong".into(), stored.as_ref(), true, &mut memory).unwrap();
        assert!(matches!(outcome, Verification::Wrong), "{why}");
        let filled = memory.iter().filter(|block| block.as_ref().iter().any(|word| *word != 0));
        assert_eq!(filled.count(), policy.params.block_count(), "{why}");
    }
}
