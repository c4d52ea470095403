//! JSON Web Keys (RFC 7517). Keys with mistakes are errors; unsupported ones are listed.

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rsa::KeyPairComponents,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
        RsaPublicKeyComponents,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{Key, KeyError, Keys, key::algorithm, malformed};

/// Whether the text can only be meant as a JWK or a set of them.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok()
        || ["\"kty\"", "\"keys\""].iter().any(|mark| text.contains(mark))
}

/// The keys of a set in its order, one at least, and why it has others that are not supported here.
pub(super) fn read_set(text: &str) -> Result<(Keys, Vec<KeyError>), KeyError> {
    #[derive(Deserialize)]
    struct JwkSet {
        keys: Vec<Jwk>,
    }
    // serde's own message could quote the key.
    let set: JwkSet = serde_json::from_str(text).map_err(|_| KeyError::NotAJwkSet)?;
    let (mut keys, mut unsupported) = (Vec::<Key>::new(), Vec::new());
    for (position, jwk) in (1..).zip(&set.keys) {
        let in_set = |problem| KeyError::InSet(position, Box::new(problem));
        if let Some(reason) = jwk.unsupported() {
            unsupported.push(in_set(reason));
            continue;
        }
        let key = jwk.read().map_err(in_set)?;
        if key.id.is_some() && keys.iter().any(|other| other.id == key.id) {
            return Err(in_set(KeyError::DoubledKeyId));
        }
        keys.push(key);
    }
    if keys.is_empty() {
        return Err(unsupported.into_iter().next().unwrap_or(KeyError::Empty));
    }
    Ok((Keys(keys), unsupported))
}

/// One key, private, public or symmetric (RFC 7517 section 4, RFC 7518 section 6).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    x: Option<SecretString>,
    y: Option<SecretString>,
    n: Option<SecretString>,
    e: Option<SecretString>,
    d: Option<SecretString>,
    p: Option<SecretString>,
    q: Option<SecretString>,
    dp: Option<SecretString>,
    dq: Option<SecretString>,
    qi: Option<SecretString>,
    k: Option<SecretString>,
}

impl Jwk {
    /// Why no key of this kind, or for this purpose, verifies tokens here. RFC 7517 section 5 lets
    /// a set have such keys. What is wrong with a key that could be used, [`Self::read`] finds.
    fn unsupported(&self) -> Option<KeyError> {
        let alg = match (self.kty.as_str(), self.crv.as_deref()) {
            ("oct", _) => "HS256",
            ("RSA", _) => "RS256",
            ("EC", Some("P-256")) => "ES256",
            ("OKP", Some("Ed25519")) => "EdDSA",
            ("EC" | "OKP", None | Some("P-256" | "Ed25519")) => return None,
            ("EC" | "OKP", _) => return Some(KeyError::WrongCurve),
            _ => return Some(KeyError::UnknownKeyType),
        };
        let is_signature = self.r#use.as_deref().is_none_or(|purpose| purpose == "sig");
        if !is_signature || !(self.may("sign") || self.may("verify")) {
            return Some(KeyError::NotForSignatures);
        }
        let is_unknown = self.alg.as_ref().is_some_and(|alg| algorithm(alg).is_none());
        is_unknown.then_some(KeyError::WrongAlgorithm(alg))
    }

    fn read(&self) -> Result<Key, KeyError> {
        let key = match (self.kty.as_str(), self.crv.as_deref()) {
            ("oct", _) => Key::symmetric(&bytes(self.k.as_ref())?),
            ("RSA", _) => self.rsa(),
            ("EC", Some("P-256")) => self.p256(),
            ("OKP", Some("Ed25519")) => self.ed25519(),
            _ => Err(KeyError::WrongCurve),
        }?;
        if self.alg.as_ref().is_some_and(|alg| algorithm(alg) != Some(key.algorithm)) {
            return Err(KeyError::WrongAlgorithm(key.alg()));
        }
        let key = key.with_id(self.kid.as_deref());
        Ok(if self.may("sign") { key } else { key.without_signing() })
    }

    fn may(&self, operation: &str) -> bool {
        self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|it| it == operation))
    }

    fn rsa(&self) -> Result<Key, KeyError> {
        let public_key =
            RsaPublicKeyComponents { n: bytes(self.n.as_ref())?, e: bytes(self.e.as_ref())? };
        let der: PublicKeyX509Der<'_> = public_key.as_der().map_err(malformed)?;
        // Its size is the first thing to complain of.
        let public = Key::public_rsa(der.as_ref())?;
        if self.d.is_none() {
            return Ok(public);
        }
        let pair = RsaKeyPair::from_components(&KeyPairComponents {
            public_key,
            d: bytes(self.d.as_ref())?,
            p: bytes(self.p.as_ref())?,
            q: bytes(self.q.as_ref())?,
            dP: bytes(self.dp.as_ref())?,
            dQ: bytes(self.dq.as_ref())?,
            qInv: bytes(self.qi.as_ref())?,
        });
        Key::rsa(&pair.map_err(malformed)?)
    }

    fn p256(&self) -> Result<Key, KeyError> {
        let (x, y) = (bytes(self.x.as_ref())?, bytes(self.y.as_ref())?);
        let point = [&[4], x.as_slice(), y.as_slice()].concat();
        if self.d.is_none() {
            return Key::public_p256(&point);
        }
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &bytes(self.d.as_ref())?,
            &point,
        );
        Key::p256(&pair.map_err(malformed)?)
    }

    fn ed25519(&self) -> Result<Key, KeyError> {
        let point = bytes(self.x.as_ref())?;
        if self.d.is_none() {
            return Key::public_ed25519(&point);
        }
        let pair = Ed25519KeyPair::from_seed_and_public_key(&bytes(self.d.as_ref())?, &point);
        Key::ed25519(&pair.map_err(malformed)?)
    }
}

/// A member in Base64url (RFC 7518 section 2).
fn bytes(member: Option<&SecretString>) -> Result<Vec<u8>, KeyError> {
    let text = member.ok_or(KeyError::Malformed)?.expose_secret();
    URL_SAFE_NO_PAD.decode(text).map_err(malformed)
}
