//! Campaigns as marketers and operators see them.

use eventing::Loaded;
use kernel::{AccountId, Refusal};

use super::{App, books::Book, campaign_stream, cursor_at, grant, offer_stream, page, people, place};
use crate::{
    domain::{
        campaign::{Campaign, Known, Stage},
        ids::{self, CampaignId},
        offer::{self, Offer},
        staff::Reach,
    },
    store::{Counts, Times},
};

pub struct Listed {
    pub campaigns: Vec<(Known, Times)>,
    pub next_cursor: String,
}

pub async fn list(
    app: &App,
    caller: AccountId,
    state: &str,
    region: &str,
    cursor: &str,
    limit: u32,
) -> Result<Listed, Refusal> {
    let staff = people::staff(app, caller).await?;
    if !state.is_empty() && Stage::parse(state).is_none() && state != "archived" {
        return Err(Refusal::field("/state", "unknown_value", "not a state of a promo"));
    }
    let regions: Option<Vec<String>> = match (&staff.reach, region) {
        (Reach::Everywhere, "") => None,
        (Reach::Everywhere, region) => Some(vec![region.to_owned()]),
        (Reach::Regions(mine), "") => Some(mine.iter().cloned().collect()),
        (Reach::Regions(mine), region) => Some(mine.iter().filter(|it| *it == region).cloned().collect()),
    };
    let limit = page(limit, 50, 200);
    let rows = app.store.campaigns(state, regions.as_deref(), place(cursor)?, limit).await;
    let rows = rows.map_err(eventing::Error::from)?;
    let next = rows.last().filter(|_| rows.len() >= limit as usize);
    let next_cursor = next.map(|last| cursor_at(last.times.created_us, last.id)).unwrap_or_default();
    let mut campaigns = Vec::with_capacity(rows.len());
    for row in rows {
        let campaign: Loaded<Campaign> = app.journal.load(&campaign_stream(row.id)).await?;
        // A campaign that also runs elsewhere is not this marketer's.
        if let Ok(known) = campaign.state.seen_by(&staff) {
            campaigns.push((known.clone(), row.times));
        }
    }
    Ok(Listed { campaigns, next_cursor })
}

/// A campaign that this caller may see.
pub async fn get(app: &App, caller: AccountId, id: CampaignId) -> Result<Known, Refusal> {
    let staff = people::staff(app, caller).await?;
    let campaign: Loaded<Campaign> = app.journal.load(&campaign_stream(id)).await?;
    campaign.state.seen_by(&staff).cloned()
}

/// Its budget and ledger, as they stand: another process may have spent since this one looked.
pub async fn book(app: &App, id: CampaignId) -> Result<Book, Refusal> {
    let mut held = app.books.hold(id).await;
    let known = held.take(&app.journal, id).await?;
    let book = Book {
        budget: app.journal.refresh(known.budget).await?,
        ledger: app.journal.refresh(known.ledger).await?,
    };
    held.put(book.clone());
    Ok(book)
}

pub async fn counts(app: &App, id: CampaignId) -> Result<Counts, Refusal> {
    Ok(app.store.counts(id).await.map_err(eventing::Error::from)?)
}

/// Why an account has, or has not, an offer of this campaign.
#[derive(Debug)]
pub struct WhyNot {
    pub granted: bool,
    pub reasons: Vec<String>,
}

pub async fn why_not(
    app: &App,
    caller: AccountId,
    id: CampaignId,
    account: AccountId,
) -> Result<WhyNot, Refusal> {
    let known = get(app, caller, id).await?;
    let standing = people::standing(app, account).await?;
    let facts = people::facts(app, &standing, account, 0, &known.terms.eligibility).await?;
    let mut unmet = Vec::new();
    let regions: Vec<&str> = known.terms.regions.iter().map(|region| region.as_str()).collect();
    if !standing.region.as_deref().is_some_and(|mine| regions.contains(&mine)) {
        unmet.push(serde_json::json!({"region_in": regions}));
    }
    if !facts.consents.contains(grant::CONSENT) {
        unmet.push(serde_json::json!({"consent": grant::CONSENT}));
    }
    if !facts.badges.contains(&known.terms.badge) {
        unmet.push(serde_json::json!({"badge": known.terms.badge}));
    }
    for clause in known.terms.eligibility.unmet(&facts, app.now()) {
        if !unmet.contains(&clause) {
            unmet.push(clause);
        }
    }
    let offer: Loaded<Offer> = app.journal.load(&offer_stream(ids::offer_of(id, account))).await?;
    let granted = !matches!(offer.state.stage, offer::Stage::None | offer::Stage::Withheld);
    Ok(WhyNot { granted, reasons: eligibility::reasons(&unmet) })
}

/// The book's currency where nothing was spent yet.
pub fn left(known: &Known, book: &Book) -> i64 {
    if book.budget.state.limits.is_some() {
        book.budget.state.left_minor()
    } else {
        known.terms.budget.limit.amount_minor
    }
}

/// Exhausted is derived: it never stands in an event.
pub fn is_exhausted(known: &Known, book: &Book) -> bool {
    left(known, book) <= 0
}
