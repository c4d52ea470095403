//! A storm of logins: after an outage everybody's session is gone, and everybody logs in again.
//! A simulation by events; the same scenario gives the same figures, always.

mod agenda;
mod clients;
mod door;
mod outcome;
mod random;
mod report;
mod scenario;
mod simulation;

pub(crate) use report::{plot, table};
pub(crate) use scenario::{Scenario, scenarios};
pub(crate) use simulation::run;

/// Microseconds: since the storm began, or of a duration.
pub(crate) type Micros = u64;

/// A millisecond.
pub(crate) const MILLISECOND: Micros = 1_000;
/// A second.
pub(crate) const SECOND: Micros = 1_000_000;

/// A duration as a number of seconds.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^52")]
pub(crate) fn seconds(micros: Micros) -> f64 {
    micros as f64 / 1e6
}
