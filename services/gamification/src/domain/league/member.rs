//! Somebody who vanishes from every league. Stream `league_member-{account}`.

use kernel::AccountId;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub account: AccountId,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Member {
    pub erased: bool,
}

impl Member {
    pub fn erase(&self, account: AccountId) -> Vec<Event> {
        if self.erased { Vec::new() } else { vec![Event { account }] }
    }

    pub fn evolve(&mut self, _: &Event) {
        self.erased = true;
    }
}
