//! What happens next.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use super::Micros;

/// Something that happens at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// A client sends its next try.
    Try(usize),
    /// A client has waited for the answer to this try for as long as it does.
    TimeOut(Attempt),
    /// A hash of this instance is done.
    Hashed(usize, Attempt),
    /// All instances are there.
    Grown,
}

/// One try of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Attempt {
    pub(super) client: usize,
    pub(super) number: u32,
    pub(super) sent: Micros,
}

/// Events in the order of their time; of one time, in that in which they were noted.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    events: BinaryHeap<Reverse<Entry>>,
    /// All clients are equally patient, so these come in order, and there are many.
    time_outs: VecDeque<Entry>,
    noted: u64,
}

type Entry = (Micros, u64, Event);

impl Agenda {
    pub(super) fn note(&mut self, at: Micros, event: Event) {
        self.noted += 1;
        self.events.push(Reverse((at, self.noted, event)));
    }

    /// Notes a time-out that is no earlier than any before it.
    pub(super) fn note_time_out(&mut self, at: Micros, attempt: Attempt) {
        self.noted += 1;
        debug_assert!(self.time_outs.back().is_none_or(|last| last.0 <= at));
        self.time_outs.push_back((at, self.noted, Event::TimeOut(attempt)));
    }

    pub(super) fn next(&mut self) -> Option<(Micros, Event)> {
        let event = self.events.peek().map(|Reverse(entry)| entry);
        let time_out_is_next = match (event, self.time_outs.front()) {
            (Some(event), Some(time_out)) => time_out < event,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        let entry = if time_out_is_next {
            self.time_outs.pop_front()
        } else {
            self.events.pop().map(|Reverse(entry)| entry)
        };
        entry.map(|(at, _, event)| (at, event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_earlier_comes_first_and_what_was_noted_first_of_one_time() {
        let mut agenda = Agenda::default();
        agenda.note(2, Event::Try(1));
        agenda.note(1, Event::Grown);
        agenda.note(2, Event::Try(0));
        let attempt = Attempt { client: 3, number: 1, sent: 0 };
        agenda.note_time_out(2, attempt);
        agenda.note_time_out(4, attempt);
        agenda.note(3, Event::Try(2));
        let order: Vec<_> = std::iter::from_fn(|| agenda.next()).collect();
        let expected = [
            (1, Event::Grown),
            (2, Event::Try(1)),
            (2, Event::Try(0)),
            (2, Event::TimeOut(attempt)),
            (3, Event::Try(2)),
            (4, Event::TimeOut(attempt)),
        ];
        assert_eq!(order, expected);
    }
}
