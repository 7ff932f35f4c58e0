//! The newest events, as this process has committed them: whoever keeps up reads them here and not from the database.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use eventing::event::{Position, Recorded};

const EVENTS_MAX: usize = 2_048;
/// Of payloads.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// Without gaps; what another process has appended in between makes it begin anew.
#[derive(Default)]
pub(super) struct Tail(Mutex<Held>);

#[derive(Default)]
struct Held {
    events: VecDeque<Recorded>,
    bytes: usize,
}

impl Tail {
    /// Committed events in the order of their positions.
    pub(super) fn push(&self, events: Vec<Recorded>) {
        let mut held = self.held();
        for event in events {
            if held.events.back().is_some_and(|last| last.position + 1 != event.position) {
                *held = Held::default();
            }
            held.bytes += event.payload.len();
            held.events.push_back(event);
        }
        while held.events.len() > EVENTS_MAX || held.bytes > BYTES_MAX {
            let Some(first) = held.events.pop_front() else { break };
            held.bytes -= first.payload.len();
        }
    }

    /// Events behind a position, at most `max`; `None` when the first of them is not held.
    pub(super) fn page(&self, after: Position, max: usize) -> Option<Vec<Recorded>> {
        let held = self.held();
        let first = held.events.front()?.position;
        let skipped = usize::try_from(after + 1 - first).ok()?;
        let page: Vec<Recorded> = held.events.iter().skip(skipped).take(max).cloned().collect();
        (!page.is_empty()).then_some(page)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use eventing::event::StreamId;

    use super::*;

    fn event(position: Position) -> Recorded {
        Recorded {
            position,
            stream: StreamId::named("thing-1"),
            version: position,
            event_id: uuid::Uuid::nil(),
            partition_key: String::new(),
            kind: "Happened".to_owned(),
            schema_ver: 1,
            payload: Bytes::from_static(b"it did"),
            meta: proto::envelope::Meta::default(),
            at_us: 0,
        }
    }

    fn positions(page: Option<Vec<Recorded>>) -> Option<Vec<Position>> {
        page.map(|page| page.iter().map(|event| event.position).collect())
    }

    #[test]
    fn a_page_is_answered_only_when_nothing_is_missing_before_it() {
        let tail = Tail::default();
        assert_eq!(positions(tail.page(0, 10)), None);
        tail.push((5..9).map(event).collect());
        assert_eq!(positions(tail.page(3, 10)), None, "5 is not the next behind 3");
        assert_eq!(positions(tail.page(4, 2)), Some(vec![5, 6]));
        assert_eq!(positions(tail.page(6, 10)), Some(vec![7, 8]));
        assert_eq!(positions(tail.page(8, 10)), None, "nothing is known behind the last");
    }

    #[test]
    fn a_gap_makes_it_begin_anew() {
        let tail = Tail::default();
        tail.push(vec![event(1), event(2)]);
        tail.push(vec![event(4)]);
        assert_eq!(positions(tail.page(1, 10)), None);
        assert_eq!(positions(tail.page(3, 10)), Some(vec![4]));
    }

    #[test]
    fn it_holds_a_bounded_number_and_size() {
        let tail = Tail::default();
        let many = Position::try_from(EVENTS_MAX).unwrap() + 10;
        tail.push((1..=many).map(event).collect());
        assert_eq!(positions(tail.page(9, 1)), None);
        assert_eq!(positions(tail.page(10, 1)), Some(vec![11]));
        let large = Bytes::from(vec![0; BYTES_MAX]);
        tail.push(vec![Recorded { payload: large.clone(), ..event(many + 1) }]);
        assert_eq!(positions(tail.page(many, 1)), Some(vec![many + 1]));
        tail.push(vec![Recorded { payload: large, ..event(many + 2) }]);
        assert_eq!(positions(tail.page(many, 1)), None);
        assert_eq!(positions(tail.page(many + 1, 1)), Some(vec![many + 2]));
    }
}
