//! What is heard too late for a settlement → an adjustment, beside the places.

use async_trait::async_trait;
use eventing::{Aggregate, DomainEvent, Failure, Incoming, Reactor, Source};

use crate::{
    app::{
        App,
        adjust::{self, Late, What},
    },
    domain::{
        Event, Progress,
        daily::{self, Daily},
        fact::Receipt,
    },
};

pub struct Adjustments {
    app: App,
}

impl Adjustments {
    pub const fn new(app: App) -> Self {
        Self { app }
    }
}

#[async_trait]
impl Reactor for Adjustments {
    fn name(&self) -> &'static str {
        "gamification-adjustments"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::OwnJournal]
    }

    async fn react(&self, incoming: &Incoming) -> Result<(), Failure> {
        let Some(late) = late(incoming)? else { return Ok(()) };
        Ok(adjust::adjust(&self.app, incoming, late).await?)
    }
}

fn late(incoming: &Incoming) -> Result<Option<Late>, Failure> {
    let kind = incoming.event.stream.kind();
    if kind == Daily::KIND {
        let daily::Event { account, receipt, .. } = daily::Event::decode(&incoming.plain)?;
        return Ok(Some(Late { account, receipt: kept(receipt, incoming), what: What::Day }));
    }
    if kind != Progress::KIND {
        return Ok(None);
    }
    Ok(match Event::decode(&incoming.plain)? {
        Event::Counted { account, activity, fact, position, .. } => {
            let at_us = fact.map_or(incoming.event.at_us, |fact| fact.received_us);
            let what = What::Activity { id: activity, gone: false };
            Some(Late { account, receipt: Receipt { at_us, position }, what })
        }
        Event::Uncounted { account, activity, receipt, .. } => {
            let what = What::Activity { id: activity, gone: true };
            Some(Late { account, receipt: kept(receipt, incoming), what })
        }
        Event::XpChanged { account, receipt, .. } => {
            Some(Late { account, receipt: kept(receipt, incoming), what: What::Xp })
        }
        _ => None,
    })
}

/// Before receipts were kept, our own hearing of it stands for them.
fn kept(receipt: Receipt, incoming: &Incoming) -> Receipt {
    if receipt.at_us == 0 { Receipt { at_us: incoming.event.at_us, ..receipt } } else { receipt }
}
