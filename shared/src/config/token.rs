//! What `login` needs to issue tokens, and what `validate` needs to verify them.

use std::time::Duration;

use super::Reader;

/// How tokens are issued.
#[derive(Debug, Clone)]
pub struct IssueConfig {
    /// `JWT_TTL_SECONDS`: how long a token is valid.
    pub lifetime: Duration,
    /// `JWT_ISSUER`: the `iss` claim (RFC 7519 section 4.1.1).
    pub issuer: Option<String>,
    /// `JWT_AUDIENCE`: the `aud` claim (RFC 7519 section 4.1.3).
    pub audience: Option<String>,
}

impl IssueConfig {
    /// Reads the configuration.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        // At most a year. A token cannot be revoked, so a longer lifetime is probably a mistake.
        let lifetime = reader.number("JWT_TTL_SECONDS", 1..=366 * 86_400);
        Self {
            lifetime: Duration::from_secs(lifetime),
            issuer: reader.text("JWT_ISSUER"),
            audience: reader.text("JWT_AUDIENCE"),
        }
    }
}

/// How tokens are verified.
#[derive(Debug, Clone)]
pub struct VerifyConfig {
    /// `JWT_ISSUER`: the `iss` claim that a token must have.
    pub issuer: Option<String>,
    /// `JWT_AUDIENCE`: the `aud` claim that a token must have.
    pub audience: Option<String>,
    /// `JWT_LEEWAY_SECONDS`: how far the clocks of issuer and verifier may differ.
    pub leeway: Duration,
    /// `TOKEN_COOKIE`: the name of a cookie that carries the JWT, for requests without `Authorization`.
    pub cookie: Option<String>,
    /// `TOKEN_CACHE_ENTRIES`: how many verified tokens of usual size are remembered.
    pub cache_entries: usize,
}

impl VerifyConfig {
    /// Reads the configuration.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            issuer: reader.text("JWT_ISSUER"),
            audience: reader.text("JWT_AUDIENCE"),
            leeway: Duration::from_secs(reader.number("JWT_LEEWAY_SECONDS", 0..=300)),
            cookie: read_cookie_name(reader),
            cache_entries: reader.number("TOKEN_CACHE_ENTRIES", 0..=1_000_000),
        }
    }
}

/// Reads `TOKEN_COOKIE`: the name of a cookie (RFC 6265 section 4.1.1).
fn read_cookie_name(reader: &mut Reader<'_>) -> Option<String> {
    let name = reader.text("TOKEN_COOKIE")?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.bytes().all(is_token) {
        reader.problem("TOKEN_COOKIE", "is not the name of a cookie");
    }
    Some(name)
}
