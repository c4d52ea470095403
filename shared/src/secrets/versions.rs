//! The versions of a secret that may be in use at once while it is rotated.

use aws_lc_rs::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};

/// A staging label of Secrets Manager. A variable or a file has the current version alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Current,
    /// While a rotation is under way, what will be current.
    Pending,
    /// What was current before.
    Previous,
}

impl Stage {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Current => "AWSCURRENT",
            Self::Pending => "AWSPENDING",
            Self::Previous => "AWSPREVIOUS",
        }
    }
}

/// Which versions are fetched beside the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beside {
    Nothing,
    Previous,
    /// From the first [demand](super::SecretCache::newer_than) on.
    #[cfg_attr(not(feature = "mysql"), expect(dead_code, reason = "for the database"))]
    AllOnDemand,
}

impl Beside {
    pub(super) const fn stages(self, without_previous: bool, demanded: bool) -> &'static [Stage] {
        match self {
            Self::Previous if !without_previous => &[Stage::Previous],
            Self::AllOnDemand if demanded => &[Stage::Pending, Stage::Previous],
            _ => &[],
        }
    }
}

/// The texts of one secret, where they were asked for and are there.
#[derive(Debug, Clone)]
pub(crate) struct Versions {
    pub(crate) current: SecretString,
    pub(crate) pending: Option<SecretString>,
    pub(crate) previous: Option<SecretString>,
}

impl Versions {
    /// A SHA-256 of each, the current one's first, for comparing without keeping the texts. One that
    /// is not there counts as empty.
    pub(super) fn fingerprint(&self) -> [Vec<u8>; 3] {
        [Some(&self.current), self.pending.as_ref(), self.previous.as_ref()].map(|text| {
            let text = text.map_or("", ExposeSecret::expose_secret);
            digest(&SHA256, text.as_bytes()).as_ref().to_vec()
        })
    }
}
