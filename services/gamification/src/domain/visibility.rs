//! Whether an account shows its activities to anybody unless one of them says otherwise. Stream `visibility-{account}`.

use kernel::AccountId;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub account: AccountId,
    pub only_me: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsualVisibility {
    pub only_me: bool,
}

impl UsualVisibility {
    /// Told only when it flips.
    pub fn set(&self, account: AccountId, only_me: bool) -> Vec<Event> {
        if self.only_me == only_me { Vec::new() } else { vec![Event { account, only_me }] }
    }

    pub fn evolve(&mut self, event: &Event) {
        self.only_me = event.only_me;
    }
}
