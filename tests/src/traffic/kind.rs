//! What clients send, and what they may be answered.

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A login with the right password.
    RightLogin,
    /// One with a wrong password, each time for another user.
    WrongLogin,
    /// One for somebody who does not exist, each time somebody else.
    UnknownLogin,
    /// A right one whose head comes in pieces.
    SlowLogin,
    /// A right one whose client hangs up at once.
    AbortedLogin,
    /// A validation of the token of the last right login.
    GoodToken,
    /// One of a token that has expired.
    ExpiredToken,
    /// One of something else, or of a good token that somebody has changed.
    GarbageToken,
}

/// The status of an answer that nobody waited for.
pub(super) const HUNG_UP: u16 = 499;

impl Kind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::RightLogin,
        Self::WrongLogin,
        Self::UnknownLogin,
        Self::SlowLogin,
        Self::AbortedLogin,
        Self::GoodToken,
        Self::ExpiredToken,
        Self::GarbageToken,
    ];

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RightLogin => "right logins",
            Self::WrongLogin => "wrong logins",
            Self::UnknownLogin => "unknown users",
            Self::SlowLogin => "slow clients",
            Self::AbortedLogin => "aborted clients",
            Self::GoodToken => "good tokens",
            Self::ExpiredToken => "expired tokens",
            Self::GarbageToken => "garbage tokens",
        }
    }

    /// Whether it is for `login`, which needs a database.
    #[must_use]
    pub fn is_login(self) -> bool {
        !matches!(self, Self::GoodToken | Self::ExpiredToken | Self::GarbageToken)
    }

    /// What is answered while all is well. Somebody who fails often enough is locked.
    #[must_use]
    pub fn usual(self) -> &'static [u16] {
        match self {
            Self::RightLogin | Self::SlowLogin | Self::GoodToken => &[200],
            Self::WrongLogin | Self::UnknownLogin => &[401, 429],
            Self::AbortedLogin => &[HUNG_UP],
            Self::ExpiredToken | Self::GarbageToken => &[403],
        }
    }
}
