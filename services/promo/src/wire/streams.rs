//! Which streams hold which states.

use eventing::Aggregate;

use crate::domain::{budget, campaign, catalogue, click, ledger, offer, order, redemption};

impl Aggregate for campaign::Campaign {
    type Event = campaign::Event;
    const KIND: &'static str = "campaign";

    fn evolve(&mut self, event: &Self::Event) {
        Self::evolve(self, event);
    }
}

impl Aggregate for budget::Budget {
    type Event = budget::Event;
    const KIND: &'static str = "budget";

    fn evolve(&mut self, event: &Self::Event) {
        Self::evolve(self, event);
    }
}

impl Aggregate for offer::Offer {
    type Event = offer::Event;
    const KIND: &'static str = "offer";

    fn evolve(&mut self, event: &Self::Event) {
        Self::evolve(self, event);
    }
}

impl Aggregate for redemption::Redemption {
    type Event = redemption::Event;
    const KIND: &'static str = "redemption";

    fn evolve(&mut self, event: &Self::Event) {
        Self::evolve(self, event);
    }
}

impl Aggregate for order::Order {
    type Event = order::Event;
    const KIND: &'static str = "order";

    fn evolve(&mut self, event: &Self::Event) {
        Self::evolve(self, event);
    }
}

impl Aggregate for ledger::Ledger {
    type Event = ledger::Event;
    const KIND: &'static str = "ledger";

    fn evolve(&mut self, event: &Self::Event) {
        Self::evolve(self, event);
    }
}

impl Aggregate for catalogue::Feed {
    type Event = catalogue::Event;
    const KIND: &'static str = "feed";

    fn evolve(&mut self, event: &Self::Event) {
        Self::evolve(self, event);
    }
}

impl Aggregate for click::Click {
    type Event = click::Event;
    const KIND: &'static str = "click";

    fn evolve(&mut self, event: &Self::Event) {
        Self::evolve(self, event);
    }
}
