//! Known attacks on tokens, credentials and HTTP, as a table: `rows.txt`, and beside it what has to
//! be computed, such as signatures. Each row says what is tried and who described it, and each
//! family has requests beside it that differ in just the attack and are let through.
//!
//! Every row is sent to the routers in this process. One row for each source is sent to running
//! functions as well, over HTTP and through the Lambda runtime protocol. What only a socket can
//! show, such as framing, is sent as bytes.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

mod authorization;
mod claims;
mod clock;
mod credentials;
mod framing;
mod header;
mod key_names;
mod key_pairs;
mod lambda;
mod rows;
mod signature;
mod surface;
mod table;
mod target;
mod weak_keys;

use table::Family;

/// Every family of attacks on `validate`.
fn families() -> Vec<Family> {
    let mut families = vec![
        authorization::family(),
        claims::family(),
        claims::of_another_issuer_or_audience(),
        header::family(),
        header::kids(),
        signature::family(),
        signature::forms(),
        signature::sizes(),
        key_pairs::rsa(),
        key_pairs::es256(),
        key_pairs::eddsa(),
        key_names::public_keys_as_secrets(),
        key_names::one_key_under_the_name_of_another(),
        key_names::keys_in_headers(),
    ];
    families.extend(key_names::rotated());
    families
}

#[tokio::test]
async fn every_attack_is_refused_and_for_its_own_reason() {
    for family in families() {
        family.check_in_process().await;
    }
}

#[test]
fn a_running_function_refuses_an_attack_of_each_source_and_logs_no_credential() {
    for family in families() {
        family.check_over_http();
    }
}
