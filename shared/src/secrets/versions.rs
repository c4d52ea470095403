//! The versions of a secret that may be in use at once while it is rotated.

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
    pub(super) fn same_as(&self, other: &Self) -> bool {
        self.texts() == other.texts()
    }

    fn texts(&self) -> [Option<&str>; 3] {
        [Some(&self.current), self.pending.as_ref(), self.previous.as_ref()]
            .map(|text| text.map(ExposeSecret::expose_secret))
    }
}
