//! A cache of verified tokens, for keys that change.

use std::{sync::Arc, time::SystemTime};

use foldhash::quality::RandomState;
use metrics::counter;
use quick_cache::{
    Weighter,
    sync::{Cache, DefaultLifecycle},
};

use super::{InvalidToken, VerifiedToken, VerifyError, verify};
use crate::{
    config::VerifyConfig, keys::Keys, secrets::SecretCache, telemetry::metrics::TOKEN_CACHE,
};

/// The weight of a token of usual size: the cache is bounded by so many bytes for each entry.
const USUAL_BYTES: u64 = 1024;
/// The overhead of an entry: its allocations, and its slots in the cache.
const ENTRY_BYTES: usize = 400;

/// Verifies tokens, and caches those that verified: for a cached token only the times are checked.
///
/// An entry counts for the set of keys that verified it. With another set, the token is verified again.
pub struct TokenVerifier {
    /// The keys that tokens are verified with.
    pub keys: SecretCache<Keys>,
    config: VerifyConfig,
    /// By the whole token.
    cached: Option<Cache<Box<str>, Arc<VerifiedToken>, EntryBytes, RandomState>>,
}

/// Weighs an entry in bytes.
#[derive(Clone)]
struct EntryBytes;

impl Weighter<Box<str>, Arc<VerifiedToken>> for EntryBytes {
    fn weight(&self, token: &Box<str>, verified: &Arc<VerifiedToken>) -> u64 {
        let VerifiedToken { payload, username, groups, subject, .. } = &**verified;
        let subject = subject.as_ref().map_or(0, |subject| subject.len());
        let texts = token.len() + payload.len() + username.len() + groups.len() + subject;
        (texts + ENTRY_BYTES) as u64
    }
}

impl TokenVerifier {
    /// A verifier with these keys, for tokens that meet `config`.
    pub fn new(keys: impl Into<SecretCache<Keys>>, config: VerifyConfig) -> Self {
        let entries = config.cache_entries;
        let cached = (entries > 0).then(|| {
            let (hasher, lifecycle) = (RandomState::default(), DefaultLifecycle::default());
            Cache::with(entries, USUAL_BYTES * entries as u64, EntryBytes, hasher, lifecycle)
        });
        Self { keys: keys.into(), config, cached }
    }

    /// What tokens must meet. It does not change: cached tokens met it.
    pub fn config(&self) -> &VerifyConfig {
        &self.config
    }

    /// The claims of `token`, if it verifies at `now`. If no key fits, the keys are refreshed.
    ///
    /// # Errors
    ///
    /// [`VerifyError`] if the token does not verify, or keys that it may need are missing.
    pub async fn verify(
        &self,
        token: &str,
        now: SystemTime,
    ) -> Result<Arc<VerifiedToken>, VerifyError> {
        let no_key_fits = |outcome: &Result<_, _>| {
            matches!(outcome, Err(InvalidToken::UnknownKey | InvalidToken::WrongSignature))
        };
        let mut keys = self.keys.get(now).await?;
        let mut outcome = self.verify_with(&keys, token, now);
        if no_key_fits(&outcome)
            && let Some(newer) = self.keys.force_refresh(&keys, now).await
        {
            keys = newer;
            outcome = self.verify_with(&keys, token, now);
        }
        if no_key_fits(&outcome) {
            // Only the previous keys are missing now.
            let whole = self.keys.get_with_previous(now).await?;
            if !Arc::ptr_eq(&whole, &keys) {
                outcome = self.verify_with(&whole, token, now);
            }
        }
        Ok(outcome?)
    }

    fn verify_with(
        &self,
        keys: &Arc<Keys>,
        token: &str,
        now: SystemTime,
    ) -> Result<Arc<VerifiedToken>, InvalidToken> {
        let Some(cached) = &self.cached else {
            return Ok(Arc::new(verify(keys, &self.config, token, now)?));
        };
        // No other set can have this address while the entry holds a `Weak` to it.
        let is_of_keys = |hit: &Arc<VerifiedToken>| hit.keys.as_ptr() == Arc::as_ptr(keys);
        let hit = cached.get(token).filter(is_of_keys);
        let result = if hit.is_some() { "hit" } else { "miss" };
        counter!(TOKEN_CACHE, "result" => result).increment(1);
        if let Some(verified) = hit {
            verified.validity.check(now, self.config.leeway)?;
            return Ok(verified);
        }
        let verified = verify(keys, &self.config, token, now)?;
        let verified = Arc::new(VerifiedToken { keys: Arc::downgrade(keys), ..verified });
        cached.insert(token.into(), Arc::clone(&verified));
        Ok(verified)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::{collection::vec, prelude::*};
    use serde_json::json;

    use super::*;

    const SECRETS: [&str; 2] =
        ["one secret for tests, of 32 bytes or more", "another secret for tests, of 32 bytes"];
    const START: u64 = 1_800_000_000;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(START + seconds)
    }

    fn keys(secret: usize) -> Arc<Keys> {
        Arc::new(Keys::read(&SECRETS[secret].into()).unwrap())
    }

    fn verifier(cache_entries: usize) -> TokenVerifier {
        let config = VerifyConfig { cache_entries, ..VerifyConfig::default() };
        TokenVerifier::new(keys(0), config)
    }

    /// A token that is valid for 10 s.
    fn issued(secret: usize, username: &str, time: u64) -> String {
        let [iat, exp] = [time, time + 10].map(|time| START + time);
        let claims = json!({ "username": username, "admin": true, "iat": iat, "exp": exp });
        keys(secret).signing().unwrap().encode(&claims).unwrap()
    }

    /// A token of each secret for each of some times, and garbage.
    fn tokens() -> Vec<String> {
        let of_secret = |secret| [0, 20, 40].map(|time| issued(secret, "ada@example.com", time));
        let mut tokens = [of_secret(0), of_secret(1)].concat();
        tokens.push(format!("{}x", tokens[0]));
        tokens
    }

    proptest! {
        #[test]
        fn a_cache_changes_no_answer_whatever_tokens_times_and_keys_come(
            steps in vec((0..7_usize, 0..60_u64, 0..2_usize, any::<bool>()), 1..60),
            entries in 0..8_usize,
        ) {
            let cached = verifier(entries);
            let tokens = tokens();
            let mut held = keys(0);
            for (token, time, secret, replaced) in steps {
                if replaced {
                    held = keys(secret);
                }
                let (token, now) = (&*tokens[token], at(time));
                let [given, expected] = [
                    cached.verify_with(&held, token, now),
                    verify(&held, &cached.config, token, now).map(Arc::new),
                ]
                .map(|answer| answer.map(|it| (it.payload.clone(), it.groups.clone())));
                prop_assert_eq!(given, expected);
            }
        }
    }

    #[test]
    fn a_cached_token_is_not_verified_again_and_memory_is_bounded_by_bytes() {
        assert!(verifier(0).cached.is_none());
        let (verifier, held) = (verifier(100), keys(0));
        let [first, again] =
            [(); 2].map(|()| verifier.verify_with(&held, &tokens()[0], at(0)).unwrap());
        assert!(Arc::ptr_eq(&first, &again));
        for number in 0..200 {
            let token = issued(0, &format!("{number:x>2000}"), 0);
            let _ = verifier.verify_with(&held, &token, at(0)).unwrap();
        }
        // Of some 7,300 bytes each.
        let cached = verifier.cached.as_ref().unwrap().len();
        assert!((2..=15).contains(&cached), "{cached}");
    }
}
