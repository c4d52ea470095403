//! Where the key of the tokens comes from.

use super::{Reader, SecretForm};
use crate::secrets::SecretSource;

/// The source of the key that signs and verifies tokens.
#[derive(Debug)]
pub struct KeyConfig {
    /// `JWT_SECRET`, `JWT_SECRET_FILE` or `JWT_SECRET_ID`.
    pub source: SecretSource,
}

impl KeyConfig {
    /// Reads the configuration; `None` where `reader` has noted a problem.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let forms = [SecretForm::Value, SecretForm::File, SecretForm::Id];
        let source = reader.secret("JWT_SECRET", &forms)?;
        if source.is_none() {
            reader.problem(
                "JWT_SECRET",
                "is not set; give the signing key in JWT_SECRET, in a file named by \
                 JWT_SECRET_FILE, or in Secrets Manager by JWT_SECRET_ID",
            );
        }
        Some(Self { source: source? })
    }
}
