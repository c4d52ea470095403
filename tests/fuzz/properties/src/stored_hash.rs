//! Stored hashes: what is usable is within the cost limits, and two passwords do not fit one hash.

use std::sync::LazyLock;

use shared::{
    config::Argon2Config,
    password::{PasswordHasher, StoredHash, Verification},
};
use tokio::runtime::{Builder, Runtime};

const QUICK: Argon2Config = Argon2Config { memory_kib: 64, iterations: 1, parallelism: 1 };
static HASHER: LazyLock<(PasswordHasher, Runtime)> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    (PasswordHasher::new(QUICK, 4), runtime)
});

/// The input is a hash from the database. Its cost is read a second time, from the text
/// alone; it is computed only where it is small.
pub(crate) fn stored_hash(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if StoredHash::parse(text).is_none() {
        // This costs one quick hash.
        assert!(!fits("secret", text), "against an unusable hash");
        return;
    }
    let (within_limits, is_quick) = cost(text);
    assert!(within_limits, "{text}");
    assert!(!(is_quick && fits("secret", text) && fits("Secret", text)), "two passwords fit");
}

fn fits(password: &str, stored: &str) -> bool {
    let (hasher, runtime) = &*HASHER;
    let check = hasher.admit().expect("a place");
    let check = runtime.block_on(check.verify(password.into(), Some(stored.into())));
    matches!(check.expect("a check comes about"), Verification::Right { .. })
}

/// Whether the cost that a text between dollar signs says is within what the documentation of
/// `password` and `config` promises, and whether it takes less than some milliseconds.
fn cost(text: &str) -> (bool, bool) {
    let number = |text: &str| text.parse::<u64>().expect("a number");
    let fields: Vec<&str> = text.split('$').collect();
    let parameter = |name: &str, default| {
        let all = fields[2..].iter().flat_map(|field| field.split(','));
        let mut values = all.filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        // Of several, the last counts.
        values.next_back().map_or(default, number)
    };
    match fields.get(1).map(|name| name.strip_prefix("argon2id-").map_or(*name, |_| "argon2id")) {
        Some("2a" | "2b" | "2y") => ((4..=14).contains(&number(fields[2])), fields[2] == "04"),
        Some("argon2id" | "argon2i") => {
            let (kib, passes, lanes) =
                (parameter("m", 19_456), parameter("t", 2), parameter("p", 1));
            let (work, few) = (kib * passes, passes <= 16 && lanes <= 16);
            (few && kib <= 128 * 1024 && work <= 512 * 1024, work <= 512)
        }
        Some("pbkdf2-sha256" | "pbkdf2-sha512") => {
            let iterations = parameter("i", 600_000);
            (iterations <= 2_000_000, iterations <= 1_000)
        }
        Some("scrypt") => {
            let log_n = parameter("ln", 17);
            let work = (parameter("r", 8) * parameter("p", 1)) << log_n;
            (log_n <= 20 && work <= 1 << 20, work <= 1 << 13)
        }
        // Forms of other systems are computed where every number in them is small.
        _ => {
            let mut numbers = text.split(|it: char| !it.is_ascii_digit());
            (true, text.contains(['$', ':']) && numbers.all(|it| it.len() <= 3))
        }
    }
}
