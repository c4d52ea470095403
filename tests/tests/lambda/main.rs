//! The functions behind the Lambda runtime protocol.

mod contract;
mod invocations;
mod metrics;
mod snapshots;
