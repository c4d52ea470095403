//! What goes wrong every minute.

use std::{
    thread,
    time::{Duration, Instant},
};

use system_tests::{database::Tls, traffic::Traffic};

use crate::parts::Parts;

/// How long nothing gets through to MariaDB.
const STALL: Duration = Duration::from_secs(6);
/// Who watches `/readyz` needs a moment to take an instance out.
const NOTICE: Duration = Duration::from_millis(300);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Restart,
    Stall,
    Rotation,
    Replacement,
    Kill,
}

/// When there was which fault.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) fault: Fault,
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
}

impl Fault {
    pub(crate) const ALL: [Self; 5] =
        [Self::Restart, Self::Stall, Self::Rotation, Self::Replacement, Self::Kill];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Restart => "MariaDB restarts",
            Self::Stall => "the network to MariaDB swallows everything",
            Self::Rotation => "the signing key is rotated",
            Self::Replacement => "an instance of validate is replaced",
            Self::Kill => "MariaDB is killed and started again",
        }
    }

    /// Whether logins may be 503 meanwhile.
    pub(crate) fn takes_the_database(self) -> bool {
        matches!(self, Self::Restart | Self::Stall | Self::Kill)
    }

    pub(crate) fn happen(self, parts: &mut Parts, traffic: &mut Traffic) -> Window {
        let began = Instant::now();
        match self {
            Self::Restart => parts.database.restart(Tls::Valid),
            Self::Kill => {
                parts.database.crash();
                parts.database.restart(Tls::Valid);
            }
            Self::Stall => {
                parts.network.black_hole();
                thread::sleep(STALL);
                parts.network.heal();
            }
            Self::Rotation => parts.rotate_keys(),
            Self::Replacement => replace(parts, traffic),
        }
        Window { fault: self, began, ended: Instant::now() }
    }
}

/// As Kubernetes does it: the new one is ready before the old one is told to end, which
/// still gets requests for a moment.
fn replace(parts: &mut Parts, traffic: &mut Traffic) {
    let mut old = parts.replace_second();
    old.process().signal_terminate();
    thread::sleep(NOTICE);
    traffic.validate_at(parts.instances());
    let (status, _) = old.terminate();
    if !status.success() {
        parts.problem(format!("validate ended with {status}"));
    }
}
