//! `key`: the keys that sign and verify tokens, in a file or in Secrets Manager.

mod change;
mod place;
mod places;
mod select;

use std::time::SystemTime;

use clap::{
    Args, Subcommand,
    builder::{NonEmptyStringValueParser, PossibleValuesParser, TypedValueParser},
};
use serde::Serialize;
use shared::{
    config::KeyConfig,
    keys::{Algorithm, KeyKind, KeyUse, Keys, RsaSize},
    secrets::Secrets,
};

use crate::{
    answer::{Answer, Failure},
    table::listing,
};
use place::{Place, PlaceOfKeys};
use places::{PlaceOfPublicKeys, Places};
use select::WhichKey;

/// What can be done with the keys of tokens.
#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a set with one new key, and print its kid
    ///
    /// The file must not exist yet; it gets mode 0600. The secret is made
    /// (secretsmanager:CreateSecret), or filled if it has no value yet.
    New {
        /// The algorithm that the key is for
        ///
        /// RS256 is what every gateway verifies. ES256 and `EdDSA` have shorter tokens. With HS256,
        /// what verifies can sign as well, and nothing is published.
        #[arg(long, value_parser = algorithm())]
        alg: Algorithm,
        #[command(flatten)]
        details: KeyDetails,
        #[command(flatten)]
        places: PlacesOfKeys,
    },
    /// List the keys in their order: the one that signs, and those that verify
    ///
    /// Of a secret, what AWSCURRENT holds is listed. What AWSPREVIOUS holds verifies as well.
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: PlaceOfKeys,
    },
    /// Add a new key, which signs at once, or from its promotion on with --stage
    ///
    /// The keys before stay in the set, and verify. Without --stage, a gateway that keeps the public
    /// keys may refuse tokens of the new key until it looks again.
    Rotate {
        /// The algorithm that the key is for [default: the one of the key that signs]
        #[arg(long, value_parser = algorithm())]
        alg: Option<Algorithm>,
        /// Let the new key verify only, until it is promoted
        #[arg(long)]
        stage: bool,
        #[command(flatten)]
        details: KeyDetails,
        #[command(flatten)]
        places: PlacesOfKeys,
    },
    /// Let another key of the set sign; every instance and gateway should have it before
    Promote {
        #[command(flatten)]
        key: WhichKey,
        #[command(flatten)]
        places: PlacesOfKeys,
    },
    /// Remove a key that no longer signs
    ///
    /// Its tokens are refused as soon as the instances have the new set. With --secret-id, the label
    /// AWSPREVIOUS is taken away from the version before, too: what it holds would go on verifying.
    Retire {
        #[command(flatten)]
        key: WhichKey,
        #[command(flatten)]
        places: PlacesOfKeys,
    },
    /// Print the public JWK Set, as validate serves it under /.well-known/jwks.json
    Public {
        #[command(flatten)]
        place: PlaceOfKeys,
    },
    /// Write the public JWK Set to the place where those read it who only verify
    ///
    /// Needed once for keys that are there already, and after a change that was not finished:
    /// rotate, promote and retire do it by themselves if they are given the place. A set with a
    /// symmetric key is refused, since that has no public half, and a place that holds private keys
    /// is not written over.
    Publish {
        #[command(flatten)]
        places: PlacesOfKeys,
    },
}

#[derive(Args)]
pub(crate) struct PlacesOfKeys {
    #[command(flatten)]
    keys: PlaceOfKeys,
    #[command(flatten)]
    public: PlaceOfPublicKeys,
}

/// What may be chosen about a new key.
#[derive(Args)]
pub(crate) struct KeyDetails {
    /// The kid of the new key [default: the thumbprint of RFC 7638; none with HS256]
    #[arg(
        long,
        value_name = "NAME",
        allow_hyphen_values = true,
        value_parser = NonEmptyStringValueParser::new()
    )]
    kid: Option<String>,
    /// The size of an RSA key [default: 2048]
    #[arg(long, value_parser = rsa_size())]
    bits: Option<RsaSize>,
}

fn algorithm() -> impl TypedValueParser<Value = Algorithm> {
    let names = ["RS256", "ES256", "EdDSA", "HS256"];
    PossibleValuesParser::new(names)
        .try_map(|name| Algorithm::from_name(&name).ok_or("is no algorithm"))
}

fn rsa_size() -> impl TypedValueParser<Value = RsaSize> {
    PossibleValuesParser::new(["2048", "3072", "4096"]).map(|bits| match bits.as_str() {
        "4096" => RsaSize::Bits4096,
        "3072" => RsaSize::Bits3072,
        _ => RsaSize::Bits2048,
    })
}

/// Does what `command` says.
pub(crate) async fn run(command: KeyCommand) -> Result<Answer, Failure> {
    match command {
        KeyCommand::New { alg, details, places } => {
            change::new(&Places::of(places)?, alg, &details).await
        }
        KeyCommand::Rotate { alg, stage, details, places } => {
            change::rotate(&Places::of(places)?, alg, stage, &details).await
        }
        KeyCommand::Promote { key, places } => change::promote(&Places::of(places)?, &key).await,
        KeyCommand::Retire { key, places } => change::retire(&Places::of(places)?, &key).await,
        KeyCommand::Publish { places } => places::publish(&Places::of(places)?).await,
        KeyCommand::List { json, place } => list(&Place::of(place)?, json).await,
        KeyCommand::Public { place } => public(&Place::of(place)?).await,
    }
}

/// A key as the listing shows one; nothing of what it is made of.
#[derive(Serialize)]
struct Listed<'a> {
    kid: Option<&'a str>,
    alg: &'static str,
    /// Whether this is the one that signs.
    signs: bool,
    /// `private`, `public` or `symmetric`.
    kind: &'static str,
}

async fn list(place: &Place, json: bool) -> Result<Answer, Failure> {
    let set = place.read().await?.set;
    let signing = select::signing(&set);
    let keys = set.keys().iter().zip(set.kinds()).enumerate();
    let listed = keys.map(|(index, (key, kind))| Listed {
        kid: key.id(),
        alg: key.algorithm().name(),
        signs: signing == Some(index),
        kind: match kind {
            KeyKind::Private => "private",
            KeyKind::Public => "public",
            KeyKind::Symmetric => "symmetric",
        },
    });
    let listed: Vec<Listed<'_>> = listed.collect();
    Ok(listing(&listed, json, ["KID", "ALG", "USE", "KIND"], |key| {
        let what = if key.signs { "signs" } else { "verifies" };
        [key.kid.unwrap_or("-"), key.alg, what, key.kind].map(str::to_owned)
    }))
}

/// The public keys, in the very way in which `validate` comes by them.
async fn public(place: &Place) -> Result<Answer, Failure> {
    let config = KeyConfig { source: place.source() };
    let keys = Keys::fetch(config, KeyUse::Verify, &Secrets::default()).await;
    let keys = keys.map_err(|problem| place.refuse(problem.reason))?;
    let keys = keys.get(SystemTime::now()).await.map_err(|error| place.refuse(error.reason))?;
    Ok(Answer::good(keys.public_set()))
}
