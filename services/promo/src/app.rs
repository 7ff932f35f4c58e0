//! Every command and query of promo.
//!
//! | file | commands and queries |
//! |---|---|
//! | [`campaigns`] | write, review, run: one path from a decision to campaign, budget and timers |
//! | [`browse_campaigns`] | list, get, live, ledger, why-not |
//! | [`grant`] | an unlocked badge → one offer |
//! | [`offers`] | an account's offers |
//! | [`purchase`] | reserve, cancel, expire: one append over budget, offer, redemption, order, ledger |
//! | [`orders`] | a partner's signed order |
//! | [`feeds`], [`products`] | the catalogue |
//! | [`clicks`] | click tokens |
//! | [`recommendations`] | what to show, and why |
//! | [`people`] | who somebody is, asked of auth and gamification at the moment it matters |
//! | [`books`] | the budgets and ledgers in memory, one owner at a time |

use std::sync::Arc;

use eventing::{Journal, StreamId};
use jiff::Timestamp;
use kernel::{Clock, Code, Id, Refusal};
use platform::Peers;

use crate::{
    config::Config,
    domain::{
        code::Secrets,
        ids::{CampaignId, OfferId, RedemptionId},
    },
    store::{Before, Store},
};

pub mod books;
pub mod browse_campaigns;
pub mod campaigns;
pub mod clicks;
pub mod feeds;
pub mod grant;
pub mod offers;
pub mod orders;
pub mod people;
pub mod products;
pub mod purchase;
pub mod recommendations;

/// What commands and queries stand on. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub journal: Journal,
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub peers: Peers,
    pub secrets: Secrets,
    pub books: books::Books,
    pub config: Config,
}

impl App {
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

pub fn campaign_stream(id: CampaignId) -> StreamId {
    StreamId::of("campaign", id)
}

pub fn budget_stream(id: CampaignId) -> StreamId {
    StreamId::of("budget", id)
}

pub fn ledger_stream(id: CampaignId) -> StreamId {
    StreamId::of("ledger", id)
}

pub fn offer_stream(id: OfferId) -> StreamId {
    StreamId::of("offer", id)
}

pub fn redemption_stream(id: RedemptionId) -> StreamId {
    StreamId::of("redemption", id)
}

/// A page's size: 0 means `usual`.
pub fn page(asked: u32, usual: u32, max: u32) -> u32 {
    if asked == 0 { usual } else { asked.min(max) }
}

/// A cursor of lists that are ordered by time: `{µs}.{id}`.
pub fn place(cursor: &str) -> Result<Option<Before>, Refusal> {
    if cursor.is_empty() {
        return Ok(None);
    }
    let parsed = cursor
        .split_once('.')
        .and_then(|(at, id)| Some(Before { at_us: at.parse().ok()?, id: uuid::Uuid::try_parse(id).ok()? }));
    parsed.map(Some).ok_or_else(|| Refusal::new(Code::BadCursor, "the cursor is not one of ours"))
}

pub fn cursor_at<Kind>(at_us: i64, id: Id<Kind>) -> String {
    format!("{at_us}.{id}")
}
