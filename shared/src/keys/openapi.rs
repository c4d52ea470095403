//! A public key as openapi.json describes it: jsonwebtoken's type has no description.

use utoipa::ToSchema;

/// A public key as others read it (RFC 7517 section 4).
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `jsonwebtoken::jwk::Jwk`, which is what is written")]
pub(crate) struct PublicJwk {
    /// `ES256`, `EdDSA` or `RS256`: the one algorithm that this key is for.
    alg: String,
    /// What the headers of its tokens call it.
    kid: String,
    /// `sig`: for signatures.
    r#use: String,
    /// The curve, of EC and Ed25519 keys.
    #[schema(value_type = String, required = false)]
    crv: Option<String>,
    /// The exponent, of RSA keys.
    #[schema(value_type = String, required = false)]
    e: Option<String>,
    /// `EC`, `OKP` or `RSA`.
    kty: String,
    /// The modulus, of RSA keys.
    #[schema(value_type = String, required = false)]
    n: Option<String>,
    /// The point, of EC and Ed25519 keys.
    #[schema(value_type = String, required = false)]
    x: Option<String>,
    /// The other half of it, of EC keys.
    #[schema(value_type = String, required = false)]
    y: Option<String>,
}
