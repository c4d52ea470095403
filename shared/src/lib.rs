//! What `login` and `validate` share.
//!
//! # Layout
//!
//! A request passes the modules in this order; none reaches back.
//!
//! * [`serve`]: Lambda or HTTP, health, draining
//! * [`authorization`]: the two schemes of the `Authorization` header
//! * [`client_address`]: where a request came from
//! * `throttle`: when an e-mail may try again (feature `mysql`)
//! * `users`: where e-mails and password hashes are (feature `mysql`; `sqlite` for local work)
//! * `password`: whether a password is right (feature `password`)
//! * [`token`]: issuing and strict verification, on [`keys`]
//! * [`respond`]: which status, body and headers each outcome has
//!
//! At cold start: [`config`], then [`secrets`]. [`telemetry`] logs.

pub mod authorization;
pub mod client_address;
pub mod config;
pub mod keys;
#[cfg(feature = "password")]
pub mod password;
pub mod respond;
pub mod secrets;
pub mod serve;
pub mod telemetry;
#[cfg(feature = "mysql")]
pub mod throttle;
pub mod token;
#[cfg(feature = "mysql")]
pub mod users;
