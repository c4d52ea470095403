//! RSA signatures of another hash or padding than RS256 has.

use system_tests::forge::{self, KeyPair, Scheme};

use crate::{
    row::{Attack, bearer, passes, refused, try_all},
    target::{Target, honest},
};

#[test]
fn rs256_is_one_padding_and_one_hash() {
    let key = KeyPair::of_tests("rsa-2048");
    let target = Target::validate(&forge::pem("rsa-2048-public"));
    let message = forge::message(r#"{"alg":"RS256"}"#, honest());
    let signature = key.sign(Scheme::Pkcs1Sha256, &message);
    let good = forge::seal(&message, &signature);
    try_all(&target, "validate", &bearer(&good), &rows(&key, &message, &signature));
    target.end(&[]);
}

fn rows(key: &KeyPair, message: &str, signature: &[u8]) -> Vec<Attack> {
    const PINNED: &str = "RFC 8725 3.1";
    const PKCS1: &str = "RFC 8017 8.2.2";
    let seal = |bytes: &[u8]| forge::seal(message, bytes);
    let token = |scheme, alg: &str| key.token(scheme, &format!(r#"{{"alg":"{alg}"}}"#), honest());
    let modulus = key.public_jwk()["n"].as_str().unwrap().to_owned();
    let mut one = vec![0; 256];
    one[255] = 1;
    let mut changed = signature.to_vec();
    changed[255] ^= 1;
    vec![
        passes("the signature as it is", &seal(signature)),
        refused("RS384 under alg RS256", PINNED, &token(Scheme::Pkcs1Sha384, "RS256")),
        refused("RS512 under alg RS256", PINNED, &token(Scheme::Pkcs1Sha512, "RS256")),
        refused("PS256 under alg RS256", PINNED, &token(Scheme::PssSha256, "RS256")),
        refused("RS384", PINNED, &token(Scheme::Pkcs1Sha384, "RS384")),
        refused("RS512", PINNED, &token(Scheme::Pkcs1Sha512, "RS512")),
        refused("PS256", PINNED, &token(Scheme::PssSha256, "PS256")),
        refused("RS256 under alg PS256", PINNED, &token(Scheme::Pkcs1Sha256, "PS256")),
        refused("RS256 under alg RS384", PINNED, &token(Scheme::Pkcs1Sha256, "RS384")),
        refused("RS256 under alg RS1", PINNED, &token(Scheme::Pkcs1Sha256, "RS1")),
        refused("RS256 under alg rs256", "RFC 7515 4.1.1", &token(Scheme::Pkcs1Sha256, "rs256")),
        refused("the last bit changed", PKCS1, &seal(&changed)),
        refused("shorter by a byte", PKCS1, &seal(&signature[..255])),
        refused("a zero before it", PKCS1, &seal(&[&[0], signature].concat())),
        refused("a byte behind it", PKCS1, &seal(&[signature, &[0]].concat())),
        refused("the number 0", PKCS1, &seal(&[0; 256])),
        refused("the number 1", PKCS1, &seal(&one)),
        refused("the modulus", PKCS1, &format!("{message}.{modulus}")),
        refused("the highest number", PKCS1, &seal(&[0xff; 256])),
        refused("nothing", PKCS1, &seal(&[])),
        refused("of another key", "RFC 7515 5.2", &{
            let key = KeyPair::new("RS256");
            key.token(Scheme::Pkcs1Sha256, r#"{"alg":"RS256"}"#, honest())
        }),
    ]
}
