//! The stores of users, opened in this process as `login` opens them.

use std::collections::HashMap;

use shared::{
    config::{DatabaseConfig, Reader},
    secrets::Secrets,
    users::MySqlUsers,
};

use crate::Environment;

/// The store that these variables describe, with a pool of up to `connections`.
///
/// # Panics
///
/// If `login` would not start with them.
pub async fn open(variables: &Environment, connections: u32) -> MySqlUsers {
    let variables: HashMap<&str, &str> =
        variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut reader = Reader::new(&variables);
    let config = DatabaseConfig::read(&mut reader);
    let config = reader.finish(config).unwrap_or_else(|problems| panic!("{problems:?}"));
    let store = MySqlUsers::prepare(config, &Secrets::default(), connections).await;
    store.unwrap_or_else(|error| panic!("{error}"))
}
