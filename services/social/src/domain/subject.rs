//! An account that was erased: said once, when nothing of it is kept here any more.

use kernel::AccountId;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Erased(AccountId),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    pub erased: bool,
}

impl Subject {
    pub fn evolve(&mut self, event: &Event) {
        match event {
            Event::Erased(_) => self.erased = true,
        }
    }

    pub fn erase(&self, account: AccountId) -> Vec<Event> {
        if self.erased { Vec::new() } else { vec![Event::Erased(account)] }
    }
}
