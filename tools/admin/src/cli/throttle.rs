//! What may be typed about failed logins.

use std::net::IpAddr;

use clap::{Args, Subcommand};

const LIST: &str = "\
Lists the e-mails and sources with failed logins that login still remembers, those that
are locked first.

The database holds no e-mails for this, but hashes of them. Those of users are found among
the users; the others are shown as the beginning of the hash: somebody tried an address
that is no user's.";

const LIST_EXAMPLES: &str = "\
EXAMPLES
  Who is locked at the moment:
    auth-admin throttle list --json | jq '.[] | select(.locked_seconds > 0)'";

const RESET: &str = "\
Forgets failed logins: login lets the user, or the source, try at once.

An attacker who goes on guessing will soon have locked the e-mail again.";

const RESET_EXAMPLES: &str = "\
EXAMPLES
  auth-admin throttle reset ada@example.com
  auth-admin throttle reset --source 192.0.2.1
  auth-admin throttle reset --all";

/// What can be done about failed logins.
#[derive(Subcommand)]
pub(crate) enum ThrottleCommand {
    /// List whose failed logins are remembered
    #[command(long_about = LIST, after_help = LIST_EXAMPLES)]
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Forget failed logins
    #[command(long_about = RESET, after_help = RESET_EXAMPLES)]
    Reset(WhoseFailures),
}

/// Whose failures are forgotten: exactly one of these.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct WhoseFailures {
    /// The e-mail, whether or not it is a user's
    pub(crate) email: Option<String>,
    /// The address of a source; of an IPv6 address the whole /64
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) source: Option<IpAddr>,
    /// Everybody
    #[arg(long)]
    pub(crate) all: bool,
}
