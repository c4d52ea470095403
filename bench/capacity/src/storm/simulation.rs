//! The storm, event by event.

use super::{
    Micros, Scenario,
    agenda::{Agenda, Attempt, Event},
    clients::Clients,
    door::{Admission, Door},
    outcome::{Group, Outcome},
    random::Random,
};

const SEED: u64 = 1;

/// Runs a scenario until each client has a token or has given up, and no hash is left.
pub(crate) fn run(scenario: &Scenario) -> Outcome {
    let mut simulation = Simulation::new(scenario);
    while let Some((now, event)) = simulation.agenda.next() {
        simulation.happen(now, event);
    }
    simulation.outcome
}

struct Simulation {
    behaviour: Clients,
    clients: Vec<Client>,
    door: Door,
    agenda: Agenda,
    random: Random,
    outcome: Outcome,
}

/// What is known of a client.
struct Client {
    began: Micros,
    /// Its last try.
    number: u32,
    /// Whether it waits for the answer to that.
    listens: bool,
    /// At which instance that try was queued.
    queued: Option<usize>,
}

impl Simulation {
    fn new(scenario: &Scenario) -> Self {
        let (mut random, mut agenda) = (Random::new(SEED), Agenda::default());
        let arrivals = scenario.load.arrivals(&mut random);
        for (client, at) in arrivals.iter().enumerate() {
            agenda.note(*at, Event::Try(client));
        }
        if let Some((_, at)) = scenario.service.growth {
            agenda.note(at, Event::Grown);
        }
        let clients = arrivals.iter().map(|at| Client {
            began: *at,
            number: 0,
            listens: false,
            queued: None,
        });
        let storm = Group { clients: scenario.load.users as u64, ..Group::default() };
        let usual = arrivals.len() as u64 - storm.clients;
        Self {
            behaviour: scenario.clients,
            clients: clients.collect(),
            door: Door::new(scenario.service),
            agenda,
            random,
            outcome: Outcome {
                storm,
                usual: Group { clients: usual, ..Group::default() },
                ..Outcome::default()
            },
        }
    }

    fn happen(&mut self, now: Micros, event: Event) {
        match event {
            Event::Try(client) => self.try_now(client, now),
            Event::TimeOut(attempt) => {
                if is_awaited(&self.clients, attempt) {
                    self.outcome.timed_out += 1;
                    if let Some(instance) = self.clients[attempt.client].queued {
                        self.door.hung_up(instance);
                    }
                    self.fail(attempt.client, now);
                }
            }
            Event::Hashed(instance, attempt) => self.hashed(instance, attempt, now),
            Event::Grown => self.door.grow(),
        }
    }

    fn try_now(&mut self, client: usize, now: Micros) {
        self.outcome.tried(now);
        let state = &mut self.clients[client];
        state.number += 1;
        (state.listens, state.queued) = (true, None);
        let attempt = Attempt { client, number: state.number, sent: now };
        match self.door.admit(attempt, now, &mut self.random) {
            Admission::Refused => {
                self.outcome.refused += 1;
                self.fail(client, now);
                return;
            }
            Admission::Started(instance, end) => {
                self.agenda.note(end, Event::Hashed(instance, attempt));
            }
            Admission::Waits(instance) => self.clients[client].queued = Some(instance),
        }
        self.agenda.note_time_out(now + self.behaviour.time_out, attempt);
    }

    /// A hash costs the same whether or not somebody still waits for it.
    fn hashed(&mut self, instance: usize, attempt: Attempt, now: Micros) {
        self.outcome.hashes += 1;
        if is_awaited(&self.clients, attempt) {
            let client = &mut self.clients[attempt.client];
            client.listens = false;
            self.outcome.logged_in(client.began, attempt, now);
        } else {
            self.outcome.wasted += 1;
        }
        let clients = &self.clients;
        let next = self.door.next(instance, now, |attempt| is_awaited(clients, attempt));
        if let Some((next, end)) = next {
            self.clients[next.client].queued = None;
            self.agenda.note(end, Event::Hashed(instance, next));
        }
    }

    /// A try has failed: another one, or none.
    fn fail(&mut self, client: usize, now: Micros) {
        self.outcome.last_failure = now;
        let Clients { retry, round_trip, patience, tries, .. } = self.behaviour;
        let state = &mut self.clients[client];
        state.listens = false;
        let next = now + round_trip + retry.wait(state.number, &mut self.random);
        if state.number >= tries || next > state.began + patience {
            self.outcome.group(client).gave_up += 1;
        } else {
            self.agenda.note(next, Event::Try(client));
        }
    }
}

/// Whether the client still waits for the answer to this try.
fn is_awaited(clients: &[Client], attempt: Attempt) -> bool {
    let client = &clients[attempt.client];
    client.listens && client.number == attempt.number
}

#[cfg(test)]
mod tests;
