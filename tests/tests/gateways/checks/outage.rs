//! When `validate` does not answer.

use std::time::Instant;

use crate::{setup::Setup, tokens};

/// It neither answers nor refuses connections, and then it does again.
pub(crate) fn silent(setup: &mut Setup<'_>) -> String {
    let good = tokens::good();
    setup.validate.process().freeze();
    let since = Instant::now();
    let cell = closed(setup);
    let time = since.elapsed();
    setup.validate.process().thaw();
    setup.wait_until_open(&good);
    if setup.example.asks { format!("{cell} in {:.0} s", time.as_secs_f64()) } else { cell }
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
