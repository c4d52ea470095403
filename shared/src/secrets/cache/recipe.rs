//! What is made of which secret.

use crate::secrets::{SecretError, SecretKind, SecretSource, Secrets, Stage, Versions};

type Read<T> = Box<dyn Fn(&Versions) -> Result<T, String> + Send + Sync>;

/// What to fetch and what to make of it.
pub struct Recipe<T> {
    pub(super) kind: SecretKind,
    pub(super) source: SecretSource,
    read: Read<T>,
    always: &'static [Stage],
    in_need: &'static [Stage],
}

impl<T> Recipe<T> {
    /// Makes of `source` what `read` says; an error of `read` is a reason for an operator,
    /// which never shows the secret.
    pub fn new(
        kind: SecretKind,
        source: SecretSource,
        read: impl Fn(&Versions) -> Result<T, String> + Send + Sync + 'static,
    ) -> Self {
        Self { kind, source, read: Box::new(read), always: &[], in_need: &[] }
    }

    /// These stages as well as the current one.
    #[must_use]
    pub fn beside(mut self, stages: &'static [Stage]) -> Self {
        (self.always, self.in_need) = (stages, stages);
        self
    }

    /// These stages as well, from the first time on that what was made did not do.
    #[must_use]
    pub fn beside_in_need(mut self, stages: &'static [Stage]) -> Self {
        self.in_need = stages;
        self
    }

    pub(super) async fn fetch(
        &self,
        secrets: &Secrets,
        in_need: bool,
    ) -> Result<Versions, SecretError> {
        let beside = if in_need { self.in_need } else { self.always };
        secrets.fetch_versions(&self.source, beside).await
    }

    pub(super) fn read(&self, versions: &Versions) -> Result<T, SecretError> {
        (self.read)(versions).map_err(|reason| self.source.error(reason))
    }
}
