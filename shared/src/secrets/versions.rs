//! The versions of a secret that may be in use at once while it is rotated.

use aws_lc_rs::digest::{Context, SHA256};
use secrecy::{ExposeSecret, SecretString};

/// A staging label of Secrets Manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// `AWSCURRENT`. A variable or a file has no other.
    Current,
    /// `AWSPENDING`: while a rotation is under way, what will be current.
    Pending,
    /// `AWSPREVIOUS`: what was current before.
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

/// The texts of one secret, at the stages that were asked for.
#[derive(Debug, Clone)]
pub struct Versions {
    /// [`Stage::Current`].
    pub current: SecretString,
    /// [`Stage::Pending`].
    pub pending: Option<SecretString>,
    /// [`Stage::Previous`].
    pub previous: Option<SecretString>,
}

impl Versions {
    /// What tells these texts from others, for comparing without keeping them.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut hash = Context::new(&SHA256);
        for text in [Some(&self.current), self.pending.as_ref(), self.previous.as_ref()] {
            let text = text.map_or("", ExposeSecret::expose_secret);
            hash.update(&text.len().to_be_bytes());
            hash.update(text.as_bytes());
        }
        Fingerprint(hash.finish().as_ref().to_vec())
    }
}

/// The SHA-256 of some texts. A text that is not there counts as empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fingerprint(Vec<u8>);
