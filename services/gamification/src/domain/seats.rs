//! How many take part: one stream a challenge, `seats-{challenge}`, so that a batch of joins is one event.

use kernel::{Code, Refusal};

use super::challenge::ChallengeId;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Absolute: what they are now.
    Changed { challenge: ChallengeId, taken: u32, next_member: u32 },
}

/// The state of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seats {
    pub taken: u32,
    /// The number that the next new participant gets, from 1.
    pub next_member: u32,
}

impl Default for Seats {
    fn default() -> Self {
        Self { taken: 0, next_member: 1 }
    }
}

impl Seats {
    pub fn evolve(&mut self, event: &Event) {
        let Event::Changed { taken, next_member, .. } = event;
        *self = Self { taken: *taken, next_member: *next_member };
    }

    /// A seat for one more, under the number it had before, if it had one.
    pub fn take(&mut self, capacity: Option<u32>, member_before: Option<u32>) -> Result<u32, Refusal> {
        let exhausted = || Refusal::new(Code::ChallengeFull, "every seat is taken");
        if capacity.is_some_and(|capacity| self.taken >= capacity) {
            return Err(exhausted());
        }
        let taken = self.taken.checked_add(1).ok_or_else(exhausted)?;
        let member = match member_before {
            Some(member) => member,
            None => {
                let member = self.next_member;
                self.next_member = member.checked_add(1).ok_or_else(exhausted)?;
                member
            }
        };
        self.taken = taken;
        Ok(member)
    }

    pub fn free(&mut self) {
        self.taken = self.taken.saturating_sub(1);
    }

    pub fn changed(self, challenge: ChallengeId) -> Event {
        Event::Changed { challenge, taken: self.taken, next_member: self.next_member }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_a_number_and_numbers_are_given_once() {
        let mut seats = Seats::default();
        assert_eq!(seats.take(Some(2), None).unwrap(), 1);
        assert_eq!(seats.take(Some(2), None).unwrap(), 2);
        assert_eq!(seats.take(Some(2), None).unwrap_err().code, Code::ChallengeFull);
        seats.free();
        assert_eq!(seats.take(Some(2), None).unwrap(), 3);
        seats.free();
        assert_eq!(seats.take(Some(2), Some(1)).unwrap(), 1, "who comes back has the old number");
        assert_eq!(seats, Seats { taken: 2, next_member: 4 });
    }

    #[test]
    fn without_a_capacity_there_is_room_until_numbers_end() {
        let mut seats = Seats { taken: 7, next_member: u32::MAX };
        assert_eq!(seats.take(None, None).unwrap_err().code, Code::ChallengeFull);
        assert_eq!(seats, Seats { taken: 7, next_member: u32::MAX });
        assert_eq!(Seats { taken: 0, next_member: 9 }.take(None, None).unwrap(), 9);
    }
}
