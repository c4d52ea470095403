//! Stored hashes: no two passwords match one hash, and no password matches an unusable hash.

use std::sync::LazyLock;

use shared::{
    config::Argon2Config,
    password::{PasswordHasher, StoredHash, Verification},
};
use tokio::runtime::{Builder, Runtime};

const QUICK: Argon2Config = Argon2Config { memory_kib: 64, iterations: 1, parallelism: 1 };
static HASHER: LazyLock<(PasswordHasher, Runtime)> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    (PasswordHasher::new(QUICK, 4, None), runtime)
});

/// The input is a hash from the database. Passwords are checked only if the hash is quick.
pub(crate) fn stored_hash(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if StoredHash::parse(text).is_none() {
        // `login` computes its own quick hash in this case.
        assert!(!password_matches("secret", text), "a password matches an unusable hash");
    } else if is_quick(text) {
        assert!(
            !(password_matches("secret", text) && password_matches("Secret", text)),
            "two passwords match"
        );
    }
}

fn password_matches(password: &str, stored: &str) -> bool {
    let (hasher, runtime) = &*HASHER;
    let permit = hasher.try_acquire().expect("a permit");
    let verified = hasher.verify(&permit, password.into(), Some(stored.into()));
    let verified = runtime.block_on(verified).expect("a verification");
    matches!(verified, Verification::Right { .. })
}

/// Whether every cost parameter is small: those of bcrypt and some of scrypt are exponents.
fn is_quick(text: &str) -> bool {
    let mut numbers = text.split(|it: char| !it.is_ascii_digit());
    let is_costly = text.contains("$2") && !text.contains("$04$")
        || ["ln=1", "ln=2"].iter().any(|exponent| text.contains(exponent));
    !is_costly && text.contains(['$', ':']) && numbers.all(|it| it.len() <= 3)
}
