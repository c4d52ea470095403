//! A database without a database: one user, and nobody who fails.

use std::time::SystemTime;

use async_trait::async_trait;
use shared::{
    throttle::{Admission, Rule, Subject, ThrottleRow, ThrottleStore},
    users::{StoreError, User, UserStore},
};

/// One user.
pub(super) struct Memory(User);

impl Memory {
    /// A user with this hash.
    pub(super) fn new(email: &str, hash: String) -> Self {
        Self(User { id: "7".into(), email: email.into(), password: hash.into(), admin: false })
    }
}

#[async_trait]
impl UserStore for Memory {
    async fn find_by_email(&self, email: &str) -> Result<Option<User>, StoreError> {
        Ok(self.0.email.eq_ignore_ascii_case(email).then(|| self.0.clone()))
    }

    async fn replace_hash(&self, _: &User, _: &str) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl ThrottleStore for Memory {
    async fn begin(
        &self,
        _: &Subject,
        _: &Rule,
        _: Option<SystemTime>,
    ) -> Result<Admission, StoreError> {
        Ok(Admission::Admitted { alone: true })
    }

    async fn fail(&self, _: &Subject, _: &Rule, _: Option<SystemTime>) -> Result<i64, StoreError> {
        Ok(1)
    }

    async fn end(&self, _: &Subject, _: bool) -> Result<(), StoreError> {
        Ok(())
    }

    async fn failures(
        &self,
        _: Option<SystemTime>,
        _: u32,
    ) -> Result<Vec<ThrottleRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn reset(&self, _: Option<&Subject>) -> Result<u64, StoreError> {
        Ok(0)
    }
}
