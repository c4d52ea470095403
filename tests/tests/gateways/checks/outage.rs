//! When `validate` does not answer.

use system_tests::{moto::Moto, raw::address, service::Service, wait};

use crate::{setup::Setup, tokens};

/// It takes connections and does not answer, for longer than the gateway is patient, and then it
/// does again.
pub(crate) fn silent(setup: &mut Setup<'_>) -> String {
    let good = tokens::good();
    setup.validate.process().freeze();
    let cell = closed(setup);
    setup.validate.process().thaw();
    setup.wait_until_open(&good);
    cell
}

/// It is gone.
pub(crate) fn down(setup: &mut Setup<'_>) -> String {
    setup.validate.process().kill();
    closed(setup)
}

/// Nobody passes, or, where the keys are in the gateway, whoever should.
fn closed(setup: &Setup<'_>) -> String {
    if setup.example.asks {
        return setup.is_stopped(Some(&tokens::good())).to_string();
    }
    for token in [tokens::forged(), tokens::expired(), tokens::garbage()].concat() {
        setup.is_stopped(Some(&token));
    }
    setup.is_stopped(None);
    setup.passes(&tokens::good(), "");
    "not needed".into()
}

/// It is there, and has no keys since their source is out of reach: it answers 503.
pub(crate) fn without_keys(setup: &mut Setup<'_>) -> String {
    let port = address(&setup.validate).port().to_string();
    setup.validate.process().kill();
    let mut variables = Moto::variables_for(wait::free_port());
    variables.extend([("PORT".into(), port), ("JWT_SECRET_ID".into(), "auth/jwt".into())]);
    setup.validate = Service::start_unready("validate", variables);
    closed(setup)
}
