//! `key list`

use serde::Serialize;
use shared::keys::{JwkSet, KeyKind};

use super::{place::Place, select};
use crate::answer::{Answer, Failure, shown};

/// A key as the listing shows one; what it is made of is for nobody to see.
#[derive(Serialize)]
struct Listed<'a> {
    kid: Option<&'a str>,
    alg: &'static str,
    /// Whether this is the one that signs.
    signs: bool,
    /// `private`, `public` or `symmetric`.
    kind: &'static str,
}

/// Lists all keys, in their order.
pub(super) async fn list(place: &Place, json: bool) -> Result<Answer, Failure> {
    let set = place.read().await?.set;
    let listed = listed(&set);
    if json {
        let json = serde_json::to_string_pretty(&listed);
        return json.map(Answer::good).map_err(|error| Failure::because(error.to_string()));
    }
    Ok(Answer::good(table(&listed)))
}

fn listed(set: &JwkSet) -> Vec<Listed<'_>> {
    let signing = select::signing(set);
    let keys = set.keys().iter().zip(set.kinds()).enumerate();
    keys.map(|(index, (key, kind))| Listed {
        kid: key.id(),
        alg: key.algorithm().name(),
        signs: signing == Some(index),
        kind: match kind {
            KeyKind::Private => "private",
            KeyKind::Public => "public",
            KeyKind::Symmetric => "symmetric",
        },
    })
    .collect()
}

/// One line for each key, the columns as wide as they need to be.
fn table(keys: &[Listed<'_>]) -> String {
    let kids: Vec<String> = keys.iter().map(|key| shown(key.kid.unwrap_or("-"))).collect();
    let width = kids.iter().map(|kid| kid.chars().count()).fold("KID".len(), usize::max);
    let head = format!("{:width$}  {:5}  {:8}  {}\n", "KID", "ALG", "USE", "KIND");
    let line = |(key, kid): (&Listed<'_>, &String)| {
        let r#use = if key.signs { "signs" } else { "verifies" };
        format!("{kid:width$}  {:5}  {use:8}  {}\n", key.alg, key.kind, r#use = r#use)
    };
    head + &keys.iter().zip(&kids).map(line).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let key = |kid, alg, signs, kind| Listed { kid, alg, signs, kind };
        assert_eq!(
            table(&[
                key(Some("2026-ö"), "ES256", true, "private"),
                key(None, "HS256", false, "symmetric"),
                key(Some("\n"), "EdDSA", false, "public"),
            ]),
            "\
KID     ALG    USE       KIND
2026-ö  ES256  signs     private
-       HS256  verifies  symmetric
\\u000a  EdDSA  verifies  public
"
        );
    }
}
