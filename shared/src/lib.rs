//! What `login` and `validate` share.
//!
//! [`serve`] takes requests in, [`respond`] answers them; docs/ARCHITECTURE.md says what is between.

pub mod authorization;
pub mod client_address;
pub mod config;
#[cfg(feature = "mysql")]
pub mod database;
mod groups;
pub mod keys;
#[cfg(feature = "password")]
pub mod password;
pub mod respond;
pub mod secrets;
pub mod serve;
#[cfg(feature = "mysql")]
pub mod stores;
pub mod telemetry;
#[cfg(feature = "mysql")]
pub mod throttle;
pub mod token;
#[cfg(feature = "mysql")]
pub mod users;

/// Overwrites what is freed, in every program that links this: copies of secrets as well, such as
/// those of libraries.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);
