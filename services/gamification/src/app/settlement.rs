//! The final order as somebody may see it.

use std::collections::HashMap;

use kernel::{AccountId, Code, Refusal};
use platform::Look;
use privacy::BoardName;
use tracing::warn;

use super::{
    App,
    challenges::read::{self, Asker},
};
use crate::{
    domain::{
        ChallengeId,
        challenge::{Placement, TeamPlacement},
        placing,
    },
    store::placements::Adjustment,
};

const LIMIT_USUAL: u32 = 100;
const LIMIT_MAX: u32 = 500;

pub struct Settlement {
    pub settled_us: i64,
    pub stopped_us: Option<i64>,
    /// Everybody who took part when it was settled, with a score and a place or without.
    pub participants: u32,
    pub places: Vec<Place>,
    /// Empty at the end.
    pub next_cursor: String,
    /// With the first page: of those only whose names whoever asks may see.
    pub adjustments: Vec<Adjustment>,
    /// With the first page, where teams competed: the best 500 of them, and how many there are.
    pub teams: Vec<TeamPlacement>,
    pub of_teams: u32,
}

pub struct Place {
    pub placement: Placement,
    /// `None`: anonymous to whoever asks, who then does not learn the account either.
    pub display_name: Option<String>,
    pub percentile: f64,
}

/// `not_found` before it is settled, and for whom the challenge is hidden from.
pub async fn settlement(
    app: &App,
    asker: Asker,
    id: ChallengeId,
    cursor: &str,
    limit: u32,
) -> Result<Settlement, Refusal> {
    read::get(app, asker, id).await?;
    let contest = app.store.contest(id).await.map_err(eventing::Error::from)?;
    let contest = contest.ok_or_else(Refusal::not_found)?;
    let settled_us = contest.settled_us.ok_or_else(Refusal::not_found)?;
    let from = if cursor.is_empty() { 0 } else { place_of(cursor)? };
    let limit = if limit == 0 { LIMIT_USUAL } else { limit.min(LIMIT_MAX) };
    let placements = app.store.placements(id, from, limit).await.map_err(eventing::Error::from)?;
    let next = from + i64::try_from(placements.len()).unwrap_or_default();
    let next_cursor = if next < contest.placed { next.to_string() } else { String::new() };
    let adjustments =
        if from == 0 { app.store.adjustments(id).await.map_err(eventing::Error::from)? } else { Vec::new() };
    let (teams, of_teams) = if from == 0 && contest.terms.kind.has_teams() {
        app.store.team_placements(id, LIMIT_MAX).await.map_err(eventing::Error::from)?
    } else {
        (Vec::new(), 0)
    };
    let chosen = chosen_names(&placements, &adjustments);
    let names = names(app, asker, &chosen).await;
    let percentiles = percentiles(app, id, &placements, from, contest.placed).await?;
    let place = |(placement, percentile): (Placement, f64)| Place {
        placement,
        display_name: names.get(&placement.account).cloned(),
        percentile,
    };
    // What changed for whom cannot be told without telling whom.
    let tells = |told: &Adjustment| asker == Asker::Service || names.contains_key(&told.account);
    let adjustments = adjustments.into_iter().map(|(adjustment, _)| adjustment).filter(tells).collect();
    Ok(Settlement {
        settled_us,
        stopped_us: contest.stopped_us,
        participants: count(contest.participants),
        places: placements.into_iter().zip(percentiles).map(place).collect(),
        next_cursor,
        adjustments,
        teams,
        of_teams: count(of_teams),
    })
}

/// Of each in a page: [`placing::percentiles`].
async fn percentiles(
    app: &App,
    id: ChallengeId,
    page: &[Placement],
    from: i64,
    ranked: i64,
) -> Result<Vec<f64>, Refusal> {
    let through = match page.last() {
        Some(last) => app.store.placed_behind(id, from, last.rank).await.map_err(eventing::Error::from)?,
        None => None,
    };
    Ok(placing::percentiles(page, count(from), count(through.unwrap_or(ranked)), count(ranked)))
}

fn count(rows: i64) -> u32 {
    u32::try_from(rows).unwrap_or(u32::MAX)
}

fn place_of(cursor: &str) -> Result<i64, Refusal> {
    let place = cursor.parse().ok().filter(|place| *place > 0);
    place.ok_or_else(|| Refusal::new(Code::BadCursor, "the cursor does not belong to this list"))
}

/// How everybody of these chose to be shown when they joined.
fn chosen_names(
    placements: &[Placement],
    adjustments: &[(Adjustment, bool)],
) -> HashMap<AccountId, BoardName> {
    let shown = |anonymous| if anonymous { BoardName::Anonymous } else { BoardName::Shown };
    let placed = placements.iter().map(|one| (one.account, shown(one.anonymous)));
    let adjusted = adjustments.iter().map(|(one, anonymous)| (one.account, shown(*anonymous)));
    placed.chain(adjusted).collect()
}

/// The names that whoever asks may see. Who cannot be asked about is shown without one.
async fn names(
    app: &App,
    asker: Asker,
    chosen: &HashMap<AccountId, BoardName>,
) -> HashMap<AccountId, String> {
    let viewer = if let Asker::Account(account) = asker { Some(account) } else { None };
    let owners: Vec<AccountId> = chosen.keys().copied().collect();
    if owners.is_empty() {
        return HashMap::new();
    }
    let name = |account: &AccountId, look: &Look| {
        let chosen = chosen.get(account).copied().unwrap_or(BoardName::Anonymous);
        Some((*account, look.board_name(chosen)?.to_owned()))
    };
    match app.sight.looks(viewer, &owners).await {
        Ok(looks) => looks.iter().filter_map(|(account, look)| name(account, look)).collect(),
        Err(refusal) => {
            warn!(%refusal, "a settlement is shown without names");
            HashMap::new()
        }
    }
}
