//! The scenarios of the page: one storm, several doors, several kinds of client.

use super::{
    MILLISECOND, Micros, SECOND,
    clients::{Clients, Load, Retry},
    door::Service,
};
use crate::{costs::Costs, resources::Model};

/// A storm at a door.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    /// The service, in words.
    pub(crate) door: &'static str,
    /// The clients, in words.
    pub(crate) behaviour: &'static str,
    /// Who comes.
    pub(crate) load: Load,
    /// How they behave.
    pub(crate) clients: Clients,
    /// Where they come to.
    pub(crate) service: Service,
}

/// The storm: nearly six times of what the service can do, for five seconds, and beside it the
/// usual logins, which are less than a third of that.
pub(crate) const STORM: Load =
    Load { users: 30_000, within: 5 * SECOND, usual: 300, observed: 180 * SECOND };
/// What the service says in `Retry-After`.
const RETRY_AFTER: Micros = 2 * SECOND;
/// How many may wait for each slot: `WAITING_PER_SLOT`.
const WAITING_PER_SLOT: usize = 8;
/// How many an activator of Knative keeps waiting for a revision.
const ACTIVATOR_QUEUE: usize = 10_000;

const PATIENT: Clients = Clients {
    retry: Retry::AtOnce,
    round_trip: 200 * MILLISECOND,
    time_out: 10 * SECOND,
    patience: 120 * SECOND,
    tries: u32::MAX,
};
const AT_ONCE: (&str, Clients) = ("try again at once", PATIENT);
const FIXED: (&str, Clients) =
    ("after 2 s", Clients { retry: Retry::After(RETRY_AFTER), ..PATIENT });
const BACKOFF: (&str, Clients) = (
    "backoff with full jitter",
    Clients { retry: Retry::Backoff { first: SECOND, most: 20 * SECOND }, ..PATIENT },
);
const PUBLISHED: (&str, Clients) = (
    "`examples/clients`: 2 to 3 s, five tries",
    Clients { retry: Retry::AfterSpread(RETRY_AFTER), patience: 30 * SECOND, tries: 5, ..PATIENT },
);

/// All scenarios, in the order of the page.
pub(crate) fn scenarios(model: &Model) -> Vec<Scenario> {
    let pods = pods(model);
    let endless = Service { queue: None, ..pods };
    let growing = Service { growth: Some((2, 15 * SECOND)), ..pods };
    let at = |door, service, clients: &[(&'static str, Clients)]| {
        let scenario = |(behaviour, clients): &(&'static str, Clients)| Scenario {
            door,
            behaviour,
            load: STORM,
            clients: *clients,
            service,
        };
        clients.iter().map(scenario).collect::<Vec<_>>()
    };
    [
        at(
            "as built: 10 pods × 2 slots, 16 wait in each",
            pods,
            &[AT_ONCE, FIXED, PUBLISHED, BACKOFF],
        ),
        at("the same without a bound", endless, &[FIXED, BACKOFF]),
        at(
            "the same behind Knative's activator, 10,000 wait until they hang up",
            activator(pods, 10),
            &[FIXED, BACKOFF],
        ),
        at("eight pods behind it", activator(pods, 8), &[FIXED, BACKOFF]),
        at("as built, 2 pods at first, 10 after 15 s", growing, &[FIXED, BACKOFF]),
        at("Lambda, 20 environments, nobody waits", lambda(model), &[AT_ONCE, BACKOFF]),
    ]
    .concat()
}

/// `k8s-knative/base/login.yaml` at its `max-scale`, without what Knative puts in front.
fn pods(model: &Model) -> Service {
    let costs = &model.costs;
    Service {
        instances: whole(model.platform.max_scale.value),
        slots: whole(model.platform.slots_of_pod.value),
        queue: Some(whole(model.platform.slots_of_pod.value) * WAITING_PER_SLOT),
        hang_ups_leave: false,
        hash: hash(costs),
        refusal: micros(costs.refusal_us.value),
        growth: None,
    }
}

/// One queue before so many pods. It costs them nothing to be refused from, and those who hang up
/// leave it.
fn activator(pods: Service, number: usize) -> Service {
    Service {
        instances: 1,
        slots: pods.slots * number,
        queue: Some(ACTIVATOR_QUEUE),
        hang_ups_leave: true,
        refusal: 0,
        ..pods
    }
}

/// Whoever finds no environment free is turned away by Lambda, before `login`.
fn lambda(model: &Model) -> Service {
    let slots = whole(model.platform.reserved_concurrency.value);
    let hash = micros(model.costs.login_lambda_ms.value * 1e3);
    Service {
        instances: 1,
        slots,
        queue: Some(0),
        hang_ups_leave: false,
        hash,
        refusal: 0,
        growth: None,
    }
}

fn hash(costs: &Costs) -> Micros {
    micros(costs.login_core_seconds() * 1e6)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a short time")]
fn micros(micros: f64) -> Micros {
    micros.round() as Micros
}

fn whole(value: f64) -> usize {
    usize::try_from(micros(value)).expect("a setting")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository;

    #[test]
    fn the_bound_and_the_wait_are_those_of_the_code() {
        let bound = format!("WAITING_PER_SLOT: usize = {WAITING_PER_SLOT};");
        assert!(repository::read("shared/src/password/slots.rs").unwrap().contains(&bound));
        let wait = format!("(RETRY_AFTER, HeaderValue::from_static(\"{}\"))", RETRY_AFTER / SECOND);
        assert!(repository::read("shared/src/respond/refusal.rs").unwrap().contains(&wait));
    }
}
