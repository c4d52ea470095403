//! The requests of clients, and tokens signed with the key of `login`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use system_tests::{
    USER,
    forge::{generate, hs256, message, pem, public_jwk, token},
    seconds,
};

/// The issuer in the files of the examples.
pub(crate) const ISSUER: &str = "https://auth.example.com";
/// The audience in the files of the examples.
pub(crate) const AUDIENCE: &str = "https://api.example.com";
/// The test key of both functions.
pub(crate) const KEY: &str = "p256";

/// The request line without the version, and header lines.
pub(crate) type Request = (String, String);

/// The header line with a token.
pub(crate) fn bearer(token: impl AsRef<str>) -> String {
    format!("Authorization: Bearer {}\r\n", token.as_ref())
}

fn header() -> String {
    let kid = &public_jwk(&pem(KEY))["kid"];
    json!({ "typ": "JWT", "alg": "ES256", "kid": kid }).to_string()
}

/// The claims of a good token with these changes.
fn claims(changes: &[(&str, Value)]) -> String {
    let mut claims = json!({
        "username": USER.0, "admin": false, "iat": seconds(-3600), "exp": seconds(600), "sub": "1",
        "iss": ISSUER, "aud": AUDIENCE,
    });
    for (claim, value) in changes {
        claims[claim] = value.clone();
    }
    claims.to_string()
}

/// A token signed with the right key, with the claims of a good token and these changes.
pub(crate) fn signed(changes: &[(&str, Value)]) -> String {
    token(&pem(KEY), &header(), claims(changes))
}

/// A token that every gateway lets through.
pub(crate) fn good() -> String {
    signed(&[])
}

/// The requests of a row of `gateways.yaml`, which explains the placeholders.
pub(crate) fn requests(row: &str) -> Vec<Request> {
    let rows: BTreeMap<String, Vec<Request>> =
        serde_saphyr::from_str(include_str!("../../data/gateways.yaml")).expect("rows");
    let words = |text: &str| text.split(' ').map(String::from).collect::<Vec<_>>();
    let places = [
        ("{method}", words("GET POST OPTIONS")),
        ("{name}", words("X-Auth-Request-User X-Auth-Request-Groups")),
        ("{sign}", words("! # $ % & ' * + . ^ ` | ~")),
        ("{good}", vec![good()]),
        ("{forged}", forged().to_vec()),
        ("{expired}", [-10, -86_400].map(|it| signed(&[("exp", json!(seconds(it)))])).to_vec()),
        ("{long}", vec![["a", "b", "c"].map(|letter| letter.repeat(2000)).join(".")]),
    ];
    places.iter().fold(rows[row].clone(), |requests, (place, texts)| {
        let filled = requests.into_iter().flat_map(|(request, headers)| {
            let is_in = request.contains(place) || headers.contains(place);
            let texts = texts.iter().take(if is_in { texts.len() } else { 1 });
            texts.map(move |text| (request.replace(place, text), headers.replace(place, text)))
        });
        filled.collect()
    })
}

/// Tokens signed with an unknown key, unsigned, with an HMAC by the public key, changed after they
/// were signed, or signed with the right key for another issuer or audience or without `exp`.
fn forged() -> [String; 7] {
    let (wanted, good) = (claims(&[("admin", json!(true))]), good());
    let signature = good.rsplit('.').next().expect("a signature");
    let other = json!("https://other.example.com");
    [
        token(&generate(), &header(), &wanted),
        format!("{}.", message(r#"{"alg":"none"}"#, &wanted)),
        hs256(pem(&format!("{KEY}-public")), r#"{"alg":"HS256"}"#, &wanted),
        format!("{}.{signature}", message(header(), &wanted)),
        signed(&[("iss", other.clone())]),
        signed(&[("aud", other)]),
        signed(&[("exp", Value::Null)]),
    ]
}
