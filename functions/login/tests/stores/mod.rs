//! Stores of users in memory.

use std::sync::Mutex;

use async_trait::async_trait;
use shared::users::{StoreError, User, UserStore};

/// One user, whose hash can be replaced unless the store is read-only.
pub(crate) struct OneUser {
    email: &'static str,
    hash: Mutex<String>,
    writable: bool,
}

impl OneUser {
    pub(crate) fn new(email: &'static str, hash: &str) -> Self {
        Self { email, hash: Mutex::new(hash.into()), writable: true }
    }

    pub(crate) fn read_only(self) -> Self {
        Self { writable: false, ..self }
    }

    pub(crate) fn hash(&self) -> String {
        self.hash.lock().expect("no test panics here").clone()
    }
}

#[async_trait]
impl UserStore for OneUser {
    async fn find_by_email(&self, email: &str) -> Result<Option<User>, StoreError> {
        let user = User {
            id: "7".into(),
            email: self.email.into(),
            password: self.hash().into(),
            admin: false,
        };
        Ok(Some(user).filter(|user| user.email.eq_ignore_ascii_case(email)))
    }

    async fn replace_hash(&self, _: &User, hash: &str) -> Result<bool, StoreError> {
        if !self.writable {
            return Err(StoreError::Timeout);
        }
        *self.hash.lock().expect("no test panics here") = hash.into();
        Ok(true)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A database that is out of reach.
pub(crate) struct Broken;

#[async_trait]
impl UserStore for Broken {
    async fn find_by_email(&self, _: &str) -> Result<Option<User>, StoreError> {
        Err(StoreError::Timeout)
    }

    async fn replace_hash(&self, _: &User, _: &str) -> Result<bool, StoreError> {
        Err(StoreError::Timeout)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Err(StoreError::Timeout)
    }
}
