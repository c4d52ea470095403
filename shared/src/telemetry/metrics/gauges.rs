//! What is not counted as it happens but looked up when somebody asks.

use std::time::SystemTime;

use metrics::gauge;

use super::{CONNECTIONS, CONNECTIONS_LIMIT, KEY_INFO, SECRET_AGE};
use crate::{
    keys::Keys,
    secrets::{SecretCache, Secrets},
};

/// More keys than anybody has; a set may have some hundred.
const MAX_KEYS: usize = 32;
/// A thumbprint has 43 characters.
const MAX_KID_CHARACTERS: usize = 64;

/// What a function looks its gauges up in.
#[derive(Debug, Clone)]
pub struct Gauges {
    keys: SecretCache<Keys>,
    secrets: Secrets,
}

impl Gauges {
    /// The gauges of a function with these keys, and with the secrets that `secrets` has
    /// fetched.
    #[must_use]
    pub fn new(keys: SecretCache<Keys>, secrets: Secrets) -> Self {
        Self { keys, secrets }
    }

    /// Sets how old the secrets are.
    pub(super) fn set_ages(&self, now: SystemTime) {
        for (kind, age) in self.secrets.ages(now) {
            gauge!(SECRET_AGE, "secret" => kind.as_str()).set(age.as_secs_f64());
        }
    }

    /// Sets which keys there are; what is known of a key otherwise stays where it is.
    pub(super) fn set_keys(&self) {
        let Some(keys) = self.keys.peek() else { return };
        for key in keys.iter().take(MAX_KEYS) {
            let kid = plain(key.id().unwrap_or_default());
            gauge!(KEY_INFO, "kid" => kid, "alg" => key.algorithm().name()).set(1);
        }
    }
}

/// Sets how many connections are open, and how many may be.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and these are small")]
pub(super) fn set_connections(open: usize, limit: usize) {
    gauge!(CONNECTIONS).set(open as f64);
    gauge!(CONNECTIONS_LIMIT).set(limit as f64);
}

/// An operator may call a key anything; here it is a short word.
fn plain(kid: &str) -> String {
    let characters = kid.chars().take(MAX_KID_CHARACTERS);
    characters.map(|it| if it.is_ascii_graphic() { it } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_key_is_short_and_plain_whatever_it_is() {
        assert_eq!(plain("2026-01_a.b"), "2026-01_a.b");
        assert_eq!(plain("a\nb\u{1b}ä "), "a_b___");
        assert_eq!(plain(&"x".repeat(1000)).len(), 64);
    }
}
