//! Keys that come and go: a name is worth what the key of that name has signed.

use std::collections::HashSet;

use serde_json::{Value, json};
use system_tests::{
    contract::SECRET,
    forge::{self, KeyPair, Scheme},
};

use crate::{
    row::{Attack, bearer, passes, refused, try_all},
    target::{Target, honest},
};

const ROTATED: &str = "RFC 7515 4.1.4, RFC 8725 3.10";

/// A key under a name of its operator's choice.
struct Named {
    kid: &'static str,
    algorithm: &'static str,
    pair: Option<KeyPair>,
}

impl Named {
    fn new(kid: &'static str, algorithm: &'static str) -> Self {
        let pair = (algorithm != "HS256").then(|| KeyPair::new(algorithm));
        Self { kid, algorithm, pair }
    }

    /// The secret of a symmetric one.
    fn secret(&self) -> String {
        format!("{SECRET} {}", self.kid)
    }

    fn jwk(&self) -> Value {
        match &self.pair {
            Some(pair) => {
                let mut jwk = pair.public_jwk();
                jwk["kid"] = self.kid.into();
                jwk
            }
            None => json!({ "kty": "oct", "kid": self.kid, "k": forge::encode(self.secret()) }),
        }
    }

    /// A token of this key that says it is of the key `kid`.
    fn token(&self, kid: Option<&str>) -> String {
        let mut header = json!({ "alg": self.algorithm });
        if let Some(kid) = kid {
            header["kid"] = kid.into();
        }
        let header = header.to_string();
        let scheme = match self.algorithm {
            "RS256" => Scheme::Pkcs1Sha256,
            "ES256" => Scheme::P256Fixed,
            _ => Scheme::Ed25519,
        };
        match &self.pair {
            Some(pair) => pair.token(scheme, &header, honest()),
            None => forge::hs256(self.secret(), &header, honest()),
        }
    }
}

fn set(keys: &[&Named]) -> String {
    json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() }).to_string()
}

#[test]
fn a_key_that_was_taken_away_signs_nothing_more() {
    for algorithm in ["HS256", "RS256", "ES256", "EdDSA"] {
        let [old, new] = ["old", "new"].map(|kid| Named::new(kid, algorithm));
        let never = Named::new("never", algorithm);
        let both = Target::validate(&set(&[&new, &old]));
        let rows = [
            passes("the new key", &new.token(Some("new"))),
            passes("the old key", &old.token(Some("old"))),
            passes("the old key without kid", &old.token(None)),
            refused("the new key, named as the old one", ROTATED, &new.token(Some("old"))),
            refused("the old key, named as the new one", ROTATED, &old.token(Some("new"))),
            refused("the old key under a name that nobody has", ROTATED, &old.token(Some("other"))),
        ];
        try_all(&both, "validate", &bearer(&new.token(None)), &rows);
        both.end(&[SECRET]);

        let alone = Target::validate(&set(&[&new]));
        let mut rows: Vec<Attack> = vec![passes("the new key", &new.token(Some("new")))];
        for (who, key) in [("the retired key", &old), ("a key that never was", &never)] {
            for kid in [Some("old"), Some("new"), Some("never"), None] {
                rows.push(refused(format!("{who}, kid {kid:?}"), ROTATED, &key.token(kid)));
            }
        }
        try_all(&alone, "validate", &bearer(&new.token(None)), &rows);
        alone.end(&[SECRET]);
    }
}

#[test]
fn what_is_published_signs_nothing() {
    let pairs = [("RS256", "rsa-2048"), ("ES256", "p256"), ("EdDSA", "ed25519")];
    for (algorithm, name) in pairs {
        let target = Target::validate(&forge::pem(name));
        let published = target.service().request("GET", "/.well-known/jwks.json").send();
        let set: Value = serde_json::from_str(published.text()).unwrap();
        let [jwk] = &set["keys"].as_array().unwrap()[..] else { panic!("{set}") };
        let members: HashSet<&str> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        let public = HashSet::from(["alg", "kid", "use", "kty", "n", "e", "crv", "x", "y"]);
        assert!(members.is_subset(&public), "{algorithm} (RFC 7517 9.2): {members:?}");
        assert_eq!((&jwk["alg"], &jwk["use"]), (&algorithm.into(), &"sig".into()));
        target.end(&[]);
    }
    let symmetric = Named::new("secret", "HS256");
    let target = Target::validate(&set(&[&symmetric]));
    let published = target.service().request("GET", "/.well-known/jwks.json").send();
    assert_eq!(published.text(), r#"{"keys":[]}"#, "RFC 7517 9.2");
    target.end(&[SECRET]);
}
