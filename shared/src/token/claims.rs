//! What a token says.

use std::fmt;

use serde::Serialize;

/// Whom a token is issued to.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The user's id, for `sub`.
    pub id: &'a str,
    /// The e-mail as it is stored, for `username`.
    pub username: &'a str,
    /// Whether the user is an administrator.
    pub admin: bool,
}

/// A text, or several (RFC 7519 section 4.1.3): ours is one, others may be in a token that
/// verifies.
#[cfg(feature = "openapi")]
fn audience() -> utoipa::openapi::OneOfBuilder {
    use utoipa::openapi::{
        OneOfBuilder,
        schema::{ArrayBuilder, Object, Type},
    };
    let text = || Object::with_type(Type::String);
    let description = "Whom it is for: where `JWT_AUDIENCE` is set, exactly that.";
    let several = ArrayBuilder::new().items(text());
    OneOfBuilder::new().item(text()).item(several).description(Some(description))
}

/// The claims of a token of ours. The first four are those of the Flask service.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(
    as = Claims,
    description = "What a token says. Tokens of `login` have all of this, `iss` and `aud` where \
                   they are configured. Others that verify, such as those of the Flask service, \
                   have at least what is required, and may have more."
))]
pub(crate) struct IssuedClaims<'a> {
    /// The user's e-mail, as it is stored.
    #[cfg_attr(feature = "openapi", schema(min_length = 1))]
    pub(super) username: &'a str,
    /// Whether the user is an administrator.
    pub(super) admin: bool,
    /// When it was issued, in seconds since 1970.
    #[cfg_attr(feature = "openapi", schema(value_type = f64, required = false))]
    pub(super) iat: u64,
    /// When it expires, in seconds since 1970.
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub(super) exp: u64,
    /// The user's id.
    #[cfg_attr(feature = "openapi", schema(required = false))]
    pub(super) sub: &'a str,
    /// A random UUID, another one for each token.
    #[cfg_attr(feature = "openapi", schema(required = false))]
    pub(super) jti: String,
    /// Who issued it: where `JWT_ISSUER` is set, exactly that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false))]
    pub(super) iss: Option<&'a str>,
    /// Whom it is for: where `JWT_AUDIENCE` is set, exactly that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(schema_with = audience, required = false))]
    pub(super) aud: Option<&'a str>,
}

/// The claims of a token that verified.
///
/// Only [`TokenVerifier`](super::TokenVerifier) can make one, and nothing else can
/// be answered with 200: so no token that was not verified is ever let through.
pub struct VerifiedClaims {
    pub(super) payload: String,
    pub(super) username: String,
    pub(super) admin: bool,
    pub(super) subject: Option<String>,
}

impl VerifiedClaims {
    /// [`Self::payload`], [`Self::username`] and [`Self::subject`], without copies.
    #[must_use]
    pub fn into_parts(self) -> (String, String, Option<String>) {
        (self.payload, self.username, self.subject)
    }

    /// The whole payload as it was signed, a JSON object.
    #[must_use]
    pub fn payload(&self) -> &str {
        &self.payload
    }

    /// The `username` claim: not empty, without blanks around it or control characters.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The `admin` claim.
    #[must_use]
    pub fn admin(&self) -> bool {
        self.admin
    }

    /// The `sub` claim, where there is one: Flask's tokens have none.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }
}

impl fmt::Debug for VerifiedClaims {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("VerifiedClaims").finish_non_exhaustive()
    }
}
