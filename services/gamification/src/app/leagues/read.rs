//! My league as it stands, and my weeks that are over.

use std::collections::HashMap;

use kernel::{AccountId, Code, Refusal};
use platform::Look;
use privacy::BoardName;
use tracing::warn;

use super::App;
use crate::{
    domain::league::{
        Terms, Week,
        cohort::{Place, Seated, ranked},
    },
    store::leagues::PastRow,
};

const LIMIT_USUAL: u32 = 50;
const LIMIT_MAX: u32 = 200;

/// A cohort as one of its members sees it; without entries for who has earned nothing in the week yet.
pub struct League {
    pub week: Week,
    pub terms: Terms,
    pub tier: u32,
    pub mine: Option<(u32, i64)>,
    pub size: u32,
    pub promotion_places: u32,
    pub demotion_places: u32,
    pub entries: Vec<Shown>,
}

/// One place of a cohort.
pub struct Shown {
    pub rank: u32,
    pub xp: i64,
    pub me: bool,
    /// `None`: anonymous to whoever asks, who then does not learn the account either.
    pub who: Option<(AccountId, String)>,
}

/// `not_found` where no leagues are played.
pub async fn league(app: &App, account: AccountId) -> Result<League, Refusal> {
    let week =
        app.store.newest_week().await.map_err(eventing::Error::from)?.ok_or_else(Refusal::not_found)?;
    let entry = app.store.league_entry(account, week.week).await.map_err(eventing::Error::from)?;
    let tier = match entry {
        Some(entry) => entry.tier,
        None => {
            let before = app.store.league_tier(account).await.map_err(eventing::Error::from)?;
            week.terms.tier_for(before.unwrap_or_default())
        }
    };
    let order = match entry.filter(|entry| entry.xp > 0) {
        Some(entry) => {
            let place = Place { week: week.week, tier, cohort: entry.cohort };
            ranked(app.store.cohort(place).await.map_err(eventing::Error::from)?)
        }
        None => Vec::new(),
    };
    let size = u32::try_from(order.len()).unwrap_or(u32::MAX);
    let (promotion_places, demotion_places) =
        week.terms.zones(tier, if size == 0 { week.terms.cohort_size } else { size });
    let mine = (1..).zip(&order).find(|(_, one)| one.account == account).map(|(rank, one)| (rank, one.xp));
    let entries = shown(app, account, order).await;
    Ok(League {
        week: week.week,
        terms: week.terms,
        tier,
        mine,
        size,
        promotion_places,
        demotion_places,
        entries,
    })
}

/// The tier in which somebody plays, by its word; the lowest before they ever have. `None` where no leagues are played.
pub async fn tier(app: &App, account: AccountId) -> Result<Option<String>, Refusal> {
    let Some(terms) = Terms::of(app.rules()) else { return Ok(None) };
    let now = app.store.league_now(account).await.map_err(eventing::Error::from)?;
    let tier = usize::try_from(terms.tier_for(now.unwrap_or_default())).ok();
    Ok(tier.and_then(|tier| terms.tiers.get(tier)).map(|terms| terms.tier.clone()))
}

/// Places with the names that the viewer may see. Who is erased is not shown; who cannot be asked about has no name.
async fn shown(app: &App, viewer: AccountId, order: Vec<Seated>) -> Vec<Shown> {
    let owners: Vec<AccountId> = order.iter().map(|one| one.account).collect();
    let looks = if owners.is_empty() {
        Some(HashMap::new())
    } else {
        app.sight
            .looks(Some(viewer), &owners)
            .await
            .inspect_err(|refusal| warn!(%refusal, "a cohort is shown without names"))
            .ok()
    };
    let entry = |(rank, one): (u32, Seated)| {
        let look: Option<&Look> = looks.as_ref().and_then(|looks| looks.get(&one.account));
        if look.is_some_and(|look| look.standing.known && look.standing.erased) {
            return None;
        }
        let name = look.and_then(|look| look.board_name(BoardName::Shown)).map(str::to_owned);
        let me = one.account == viewer;
        let who = match name {
            Some(name) => Some((one.account, name)),
            None => me.then(|| (one.account, String::new())),
        };
        Some(Shown { rank, xp: one.xp, me, who })
    };
    (1..).zip(order).filter_map(entry).collect()
}

/// A page of closed weeks, the newest first, and the cursor of the next one, empty at the end.
pub async fn leagues(
    app: &App,
    account: AccountId,
    cursor: &str,
    limit: u32,
) -> Result<(Vec<PastRow>, String), Refusal> {
    let foreign = |_| Refusal::new(Code::BadCursor, "the cursor does not belong to this list");
    let before = if cursor.is_empty() { i64::MAX } else { cursor.parse().map_err(foreign)? };
    let limit = if limit == 0 { LIMIT_USUAL } else { limit.min(LIMIT_MAX) };
    let mut rows = app.store.past_leagues(account, before, limit + 1).await.map_err(eventing::Error::from)?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|row| row.place.week.0.to_string());
    Ok((rows, next.unwrap_or_default()))
}
