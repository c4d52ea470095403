//! Stored hashes: what is usable is bearable.

use std::sync::LazyLock;

use secrecy::{ExposeSecret, SecretString};
use shared::{
    config::Argon2Config,
    password::{PasswordHasher, StoredHash, Verification},
};
use tokio::runtime::Runtime;

const QUICK: Argon2Config = Argon2Config { memory_kib: 64, iterations: 1, parallelism: 1 };
static HASHER: LazyLock<(PasswordHasher, Runtime)> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    (PasswordHasher::new(QUICK, 4), runtime.expect("a runtime"))
});

/// The input is a hash from the database. Its cost is read a second time, from the text
/// alone; it is computed only where it is small.
pub(crate) fn stored_hash(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Some(_) = StoredHash::parse(text) else {
        // Unusable, so this costs one quick hash.
        assert_eq!(verify("secret", text), Outcome::Wrong, "against an unusable hash");
        return;
    };
    // Forms of other systems are read, and computed where every number in them is small.
    let Some((is_bearable, is_quick)) = cost(text) else {
        let numbers = text.split(|it: char| !it.is_ascii_digit()).filter(|it| !it.is_empty());
        if text.contains(['$', ':']) && numbers.map(str::len).max().is_some_and(|it| it <= 3) {
            verify("secret", text);
        }
        return;
    };
    assert!(is_bearable, "{text}");
    if !is_quick {
        return;
    }
    let outcome = verify("secret", text);
    if outcome != Outcome::Wrong {
        assert_eq!(verify("Secret", text), Outcome::Wrong, "two passwords for one hash");
    }
    if let Outcome::Replaced(hash) = outcome {
        assert_eq!(verify("secret", &hash), Outcome::Right, "the replacement");
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Right,
    /// Right, and another hash should be stored.
    Replaced(String),
    Wrong,
}

fn verify(password: &str, stored: &str) -> Outcome {
    let (hasher, runtime) = &*HASHER;
    let check = hasher.verify(password.into(), Some(SecretString::from(stored)));
    match runtime.block_on(check).expect("a check comes about") {
        Verification::Right { replacement: None } => Outcome::Right,
        Verification::Right { replacement: Some(hash) } => {
            Outcome::Replaced(hash.expose_secret().to_owned())
        }
        Verification::Wrong => Outcome::Wrong,
    }
}

/// Whether the cost that a text between dollar signs says is within what the documentation of
/// `password` and `config` promises, and whether it takes less than some milliseconds; `None` for
/// the forms of single systems.
fn cost(text: &str) -> Option<(bool, bool)> {
    let fields: Vec<&str> = text.split('$').collect();
    let number = |text: &str| text.parse::<u64>().expect("a number");
    let parameter = |name: &str, default| {
        let all = fields[2..].iter().flat_map(|field| field.split(','));
        let mut values = all.filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        // Of several, the last counts.
        values.next_back().map_or(default, number)
    };
    if !text.starts_with('$') || fields[2].bytes().all(|it| it.is_ascii_digit()) {
        let bcrypt = ["$2a$", "$2b$", "$2y$"].iter().any(|it| text.starts_with(it));
        let log_rounds = bcrypt.then(|| number(fields[2]))?;
        return Some(((4..=14).contains(&log_rounds), log_rounds == 4));
    }
    Some(match fields[1].strip_prefix("argon2id-").map_or(fields[1], |_| "argon2id") {
        "argon2id" | "argon2i" => {
            let [passes, lanes] = [parameter("t", 2), parameter("p", 1)];
            let (kib, work) = (parameter("m", 19_456), parameter("m", 19_456) * passes);
            let bearable = kib <= 128 * 1024 && work <= 512 * 1024 && passes <= 16 && lanes <= 16;
            (bearable, work <= 512)
        }
        "pbkdf2-sha256" | "pbkdf2-sha512" => {
            let iterations = parameter("i", 600_000);
            (iterations <= 2_000_000, iterations <= 1_000)
        }
        "scrypt" => {
            let log_n = parameter("ln", 17);
            let work = (parameter("r", 8) * parameter("p", 1)) << log_n;
            (log_n <= 20 && work <= 1 << 20, work <= 1 << 13)
        }
        "5" | "6" | "P" | "H" | "wp" => return None,
        other => panic!("accepted {other}"),
    })
}
