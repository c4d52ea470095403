//! JSON Web Keys (RFC 7517), read strictly: what is in a set was put there by an
//! operator, who wants to know if it cannot be used.

use aws_lc_rs::rsa::KeyPairComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
    RsaPublicKeyComponents,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Algorithm, Key, KeyError, private_key::PrivateKey, public_key};

/// Whether the text can only be meant as a JWK or a set of them.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok()
        || ["\"kty\"", "\"keys\""].iter().any(|mark| text.contains(mark))
}

/// The keys of a set, in its order.
pub(super) fn read_set(text: &str) -> Result<Vec<Key>, KeyError> {
    #[derive(Deserialize)]
    struct JwkSet {
        keys: Vec<Jwk>,
    }
    // serde's own message could quote the key.
    let set: JwkSet = serde_json::from_str(text).map_err(|_| KeyError::NotAJwkSet)?;
    let keys = set.keys.into_iter().enumerate();
    keys.map(|(index, jwk)| jwk.into_key().map_err(|problem| problem.in_set(index))).collect()
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
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    d: Option<SecretString>,
    p: Option<SecretString>,
    q: Option<SecretString>,
    dp: Option<SecretString>,
    dq: Option<SecretString>,
    qi: Option<SecretString>,
    k: Option<SecretString>,
}

impl Jwk {
    fn into_key(self) -> Result<Key, KeyError> {
        let key = match (self.kty.as_str(), self.crv.as_deref()) {
            ("oct", _) => Key::from_secret(
                &secret_bytes(self.k.as_ref(), "a symmetric key")?,
                self.kid.clone(),
            ),
            ("RSA", _) => self.rsa(),
            ("EC", Some("P-256")) => self.p256(),
            ("OKP", Some("Ed25519")) => self.ed25519(),
            ("EC" | "OKP", _) => Err(KeyError::WrongCurve),
            _ => Err(KeyError::UnknownKeyType),
        }?;
        self.check_purpose(key.algorithm())?;
        Ok(if self.may("sign") { key } else { key.without_signing() })
    }

    /// `use`, `key_ops` and `alg` agree with what the key is for here.
    fn check_purpose(&self, algorithm: Algorithm) -> Result<(), KeyError> {
        let signs = self.r#use.as_deref().is_none_or(|purpose| purpose == "sig");
        if !signs || !(self.may("sign") || self.may("verify")) {
            return Err(KeyError::NotForSignatures);
        }
        match &self.alg {
            Some(name) if Algorithm::from_name(name) != Some(algorithm) => {
                Err(KeyError::WrongAlgorithm(algorithm.name()))
            }
            _ => Ok(()),
        }
    }

    fn may(&self, operation: &str) -> bool {
        self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|it| it == operation))
    }

    fn rsa(&self) -> Result<Key, KeyError> {
        const WHAT: &str = "an RSA key";
        let (n, e) = (bytes(self.n.as_deref(), WHAT)?, bytes(self.e.as_deref(), WHAT)?);
        // Its size is the first thing to complain of.
        let public = public_key::rsa(&n, &e)?;
        if self.d.is_none() {
            return Key::from_public_key(public, self.kid.clone());
        }
        let private = |member: &Option<SecretString>| secret_bytes(member.as_ref(), WHAT);
        let pair = RsaKeyPair::from_components(&KeyPairComponents {
            public_key: RsaPublicKeyComponents { n: n.as_slice(), e: e.as_slice() },
            d: private(&self.d)?.as_slice(),
            p: private(&self.p)?.as_slice(),
            q: private(&self.q)?.as_slice(),
            dP: private(&self.dp)?.as_slice(),
            dQ: private(&self.dq)?.as_slice(),
            qInv: private(&self.qi)?.as_slice(),
        });
        let pair = pair.map_err(|_| KeyError::Malformed(WHAT))?;
        Key::from_private_key(&PrivateKey::Rsa(pair), self.kid.clone())
    }

    fn p256(&self) -> Result<Key, KeyError> {
        const WHAT: &str = "an EC key";
        let (x, y) = (bytes(self.x.as_deref(), WHAT)?, bytes(self.y.as_deref(), WHAT)?);
        let point = [&[4], x.as_slice(), &y].concat();
        let public = public_key::p256(&point).map_err(|_| KeyError::Malformed(WHAT))?;
        let Some(d) = &self.d else { return Key::from_public_key(public, self.kid.clone()) };
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &secret_bytes(Some(d), WHAT)?,
            &point,
        );
        let pair = pair.map_err(|_| KeyError::Malformed(WHAT))?;
        Key::from_private_key(&PrivateKey::P256(pair), self.kid.clone())
    }

    fn ed25519(&self) -> Result<Key, KeyError> {
        const WHAT: &str = "an Ed25519 key";
        let point = bytes(self.x.as_deref(), WHAT)?;
        let Some(d) = &self.d else {
            let public = public_key::ed25519(&point).map_err(|_| KeyError::Malformed(WHAT))?;
            return Key::from_public_key(public, self.kid.clone());
        };
        let seed = secret_bytes(Some(d), WHAT)?;
        let pair = Ed25519KeyPair::from_seed_and_public_key(&seed, &point)
            .map_err(|_| KeyError::Malformed(WHAT))?;
        Key::from_private_key(&PrivateKey::Ed25519(pair), self.kid.clone())
    }
}

/// A member in Base64url (RFC 7518 section 2).
fn bytes(member: Option<&str>, what: &'static str) -> Result<Vec<u8>, KeyError> {
    let decoded = member.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    decoded.ok_or(KeyError::Malformed(what))
}

fn secret_bytes(
    member: Option<&SecretString>,
    what: &'static str,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    bytes(member.map(ExposeSecret::expose_secret), what).map(Zeroizing::new)
}
