//! What may be typed after `auth-admin key`.

mod help;

pub(super) use help::{KEY, KEY_EXAMPLES};

use std::path::PathBuf;

use clap::{
    Args, Subcommand,
    builder::{NonEmptyStringValueParser, PossibleValuesParser, TypedValueParser},
};
use shared::keys::{Algorithm, RsaSize};

/// What can be done with the keys of tokens.
#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a set with one new key, and print its kid
    #[command(long_about = help::NEW, after_help = help::NEW_EXAMPLES)]
    New {
        /// The algorithm that the key is for
        #[arg(long, value_parser = algorithm())]
        alg: Algorithm,
        #[command(flatten)]
        details: KeyDetails,
        #[command(flatten)]
        place: PlaceOfKeys,
        #[command(flatten)]
        public: PlaceOfPublicKeys,
    },
    /// List the keys, the one that signs and those that verify
    #[command(long_about = help::LIST, after_help = help::LIST_EXAMPLES)]
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: PlaceOfKeys,
    },
    /// Add a new key, which signs at once, or from its promotion on with --stage
    #[command(long_about = help::ROTATE, after_help = help::ROTATE_EXAMPLES)]
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
        place: PlaceOfKeys,
        #[command(flatten)]
        public: PlaceOfPublicKeys,
    },
    /// Let another key of the set sign
    #[command(long_about = help::PROMOTE, after_help = help::PROMOTE_EXAMPLES)]
    Promote {
        #[command(flatten)]
        key: WhichKey,
        #[command(flatten)]
        place: PlaceOfKeys,
        #[command(flatten)]
        public: PlaceOfPublicKeys,
    },
    /// Remove a key that no longer signs
    #[command(long_about = help::RETIRE, after_help = help::RETIRE_EXAMPLES)]
    Retire {
        #[command(flatten)]
        key: WhichKey,
        #[command(flatten)]
        place: PlaceOfKeys,
        #[command(flatten)]
        public: PlaceOfPublicKeys,
    },
    /// Print the public JWK Set, as validate serves it
    #[command(long_about = help::PUBLIC, after_help = help::PUBLIC_EXAMPLES)]
    Public {
        #[command(flatten)]
        place: PlaceOfKeys,
    },
    /// Write the public JWK Set to the place where those read it who only verify
    #[command(long_about = help::PUBLISH, after_help = help::PUBLISH_EXAMPLES)]
    Publish {
        #[command(flatten)]
        place: PlaceOfKeys,
        #[command(flatten)]
        public: PlaceOfPublicKeys,
    },
}

/// Where the keys are: exactly one of the two.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct PlaceOfKeys {
    /// The file with the keys
    #[arg(long, value_name = "PATH")]
    pub(crate) file: Option<PathBuf>,
    /// The Secrets Manager secret with the keys, by name or ARN
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) secret_id: Option<String>,
}

/// Where their public halves are kept for those who only verify: at most one of the two.
#[derive(Args)]
#[group(multiple = false)]
pub(crate) struct PlaceOfPublicKeys {
    /// Keep the public keys in this file in step, too
    #[arg(long, value_name = "PATH")]
    pub(crate) public_file: Option<PathBuf>,
    /// Keep the public keys in this Secrets Manager secret in step, too
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) public_secret_id: Option<String>,
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
    pub(crate) kid: Option<String>,
    /// The size of an RSA key [default: 2048]
    #[arg(long, value_parser = rsa_size())]
    pub(crate) bits: Option<RsaSize>,
}

/// One key of a set: exactly one of the two.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct WhichKey {
    /// The kid of the key, as `key list` shows it
    // One thumbprint in 64 begins with a hyphen.
    #[arg(allow_hyphen_values = true)]
    pub(crate) kid: Option<String>,
    /// The key that has no kid, which `key list` shows as -
    #[arg(long)]
    pub(crate) without_kid: bool,
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
