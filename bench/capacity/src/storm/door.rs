//! The service: instances with hash slots, and a queue before each.

use std::collections::VecDeque;

use super::{Micros, agenda::Attempt, random::Random};

/// How a service is laid out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Service {
    /// Instances that each request is spread over by chance, or a single one for a queue that
    /// all share.
    pub(crate) instances: usize,
    /// Hash slots of each.
    pub(crate) slots: usize,
    /// How many may wait in each; `None` is no bound.
    pub(crate) queue: Option<usize>,
    /// Whether clients that hang up leave the queue. In `login` they do not.
    pub(crate) hang_ups_leave: bool,
    /// How long a login has its slot.
    pub(crate) hash: Micros,
    /// What a refusal costs the instance, in time of a core.
    pub(crate) refusal: Micros,
    /// How many instances there are at first, and when the rest comes.
    pub(crate) growth: Option<(usize, Micros)>,
}

impl Service {
    /// Logins a second, with all instances.
    pub(crate) fn capacity(&self) -> f64 {
        let slots = u32::try_from(self.instances * self.slots).expect("no more than can be built");
        f64::from(slots) / super::seconds(self.hash)
    }
}

/// What became of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is hashed, until then.
    Started(usize, Micros),
    /// It waits at this instance.
    Waits(usize),
    /// 503.
    Refused,
}

/// The instances of a service.
#[derive(Debug)]
pub(super) struct Door {
    service: Service,
    there: usize,
    instances: Vec<Instance>,
}

#[derive(Debug, Default)]
struct Instance {
    running: usize,
    waiting: VecDeque<Attempt>,
    /// How many of those have left, where that is possible.
    left: usize,
    /// Time of its cores that went into refusals, and that no hash has paid for yet.
    owed: Micros,
}

impl Door {
    pub(super) fn new(service: Service) -> Self {
        let there = service.growth.map_or(service.instances, |(first, _)| first);
        let instances = (0..service.instances).map(|_| Instance::default()).collect();
        Self { service, there, instances }
    }

    pub(super) fn grow(&mut self) {
        self.there = self.service.instances;
    }

    /// A try that arrives now.
    pub(super) fn admit(
        &mut self,
        attempt: Attempt,
        now: Micros,
        random: &mut Random,
    ) -> Admission {
        let index = random.below(self.there as u64);
        let index = usize::try_from(index).expect("an index");
        let instance = &mut self.instances[index];
        if instance.running < self.service.slots {
            instance.running += 1;
            return Admission::Started(index, now + instance.work(self.service.hash));
        }
        if self.service.queue.is_none_or(|bound| instance.waiting.len() - instance.left < bound) {
            instance.waiting.push_back(attempt);
            return Admission::Waits(index);
        }
        instance.owed += self.service.refusal;
        Admission::Refused
    }

    /// A client that waits at this instance has hung up.
    pub(super) fn hung_up(&mut self, index: usize) {
        self.instances[index].left += usize::from(self.service.hang_ups_leave);
    }

    /// A hash of this instance is done; the next one, and until when.
    pub(super) fn next(
        &mut self,
        index: usize,
        now: Micros,
        is_awaited: impl Fn(Attempt) -> bool,
    ) -> Option<(Attempt, Micros)> {
        let instance = &mut self.instances[index];
        while let Some(attempt) = instance.waiting.pop_front() {
            if !self.service.hang_ups_leave || is_awaited(attempt) {
                return Some((attempt, now + instance.work(self.service.hash)));
            }
            instance.left -= 1;
        }
        instance.running -= 1;
        None
    }
}

impl Instance {
    fn work(&mut self, hash: Micros) -> Micros {
        hash + std::mem::take(&mut self.owed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: Service = Service {
        instances: 1,
        slots: 1,
        queue: Some(1),
        hang_ups_leave: false,
        hash: 20,
        refusal: 3,
        growth: None,
    };

    fn attempt(client: usize) -> Attempt {
        Attempt { client, number: 1, sent: 0 }
    }

    #[test]
    fn one_runs_one_waits_and_the_next_is_refused() {
        let (mut door, mut random) = (Door::new(SERVICE), Random::new(1));
        assert_eq!(door.admit(attempt(0), 5, &mut random), Admission::Started(0, 25));
        assert_eq!(door.admit(attempt(1), 6, &mut random), Admission::Waits(0));
        assert_eq!(door.admit(attempt(2), 7, &mut random), Admission::Refused);
        // What the refusal took of the core is missing from the next hash.
        assert_eq!(door.next(0, 25, |_| false), Some((attempt(1), 48)));
        assert_eq!(door.next(0, 48, |_| false), None);
        assert_eq!(door.admit(attempt(3), 50, &mut random), Admission::Started(0, 70));
    }

    #[test]
    fn whoever_leaves_the_queue_makes_room_and_costs_no_hash() {
        let service = Service { hang_ups_leave: true, ..SERVICE };
        let (mut door, mut random) = (Door::new(service), Random::new(1));
        assert_eq!(door.admit(attempt(0), 0, &mut random), Admission::Started(0, 20));
        assert_eq!(door.admit(attempt(1), 0, &mut random), Admission::Waits(0));
        door.hung_up(0);
        assert_eq!(door.admit(attempt(2), 0, &mut random), Admission::Waits(0));
        assert_eq!(door.next(0, 20, |it| it.client != 1), Some((attempt(2), 40)));
        assert_eq!(door.next(0, 40, |_| true), None);
    }

    #[test]
    fn instances_that_are_not_there_yet_get_nothing() {
        let service = Service { instances: 5, growth: Some((1, 100)), ..SERVICE };
        let (mut door, mut random) = (Door::new(service), Random::new(1));
        let admitted = |door: &mut Door, random: &mut Random| {
            let all = (0..100).map(|client| door.admit(attempt(client), 0, random));
            all.filter(|admission| *admission != Admission::Refused).count()
        };
        assert_eq!(admitted(&mut door, &mut random), 2);
        door.grow();
        assert_eq!(admitted(&mut door, &mut random), 8);
    }

    #[test]
    fn capacity_is_slots_over_the_time_of_a_hash() {
        let service = Service { instances: 10, slots: 2, hash: 20_000, ..SERVICE };
        assert!((service.capacity() - 1000.0).abs() < 1e-9);
    }
}
