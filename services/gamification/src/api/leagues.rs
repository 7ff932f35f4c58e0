//! The RPCs of the leagues.

use platform::{Caller, status};
use proto::gamification::{self as wire, get_league_response::Entry, list_leagues_response::PastLeague};
use tonic::{Request, Response, Status};

use crate::{
    app::{
        App,
        leagues::read::{self, Shown},
    },
    domain::league::Terms,
    store::leagues::PastRow,
    wire::bytes_of,
};

pub(super) async fn league(
    app: &App,
    request: Request<wire::GetLeagueRequest>,
) -> Result<Response<wire::GetLeagueResponse>, Status> {
    let caller = Caller::of(&request)?;
    let found = read::league(app, caller.account()?).await.map_err(status)?;
    let (tier, tier_name) = named(app, &found.terms, found.tier, &caller.locale);
    Ok(Response::new(wire::GetLeagueResponse {
        week: found.week.name(),
        start_us: found.week.start_us(),
        end_us: found.week.end_us(),
        tier,
        tier_name,
        tier_number: found.tier + 1,
        tiers: u32::try_from(found.terms.tiers.len()).unwrap_or(u32::MAX),
        rank: found.mine.map(|(rank, _)| rank),
        xp: found.mine.map_or(0, |(_, xp)| xp),
        size: found.size,
        promotion_places: found.promotion_places,
        demotion_places: found.demotion_places,
        entries: found.entries.into_iter().map(entry).collect(),
    }))
}

fn entry(shown: Shown) -> Entry {
    let (account, name) = shown.who.map_or((None, String::new()), |(account, name)| (Some(account), name));
    Entry {
        rank: shown.rank,
        account_id: account.map(bytes_of).unwrap_or_default(),
        name,
        xp: shown.xp,
        me: shown.me,
    }
}

/// A tier's word, and its name in the caller's language.
fn named(app: &App, terms: &Terms, tier: u32, locale: &str) -> (String, String) {
    let at = terms.tier_for(tier) as usize;
    let word = terms.tiers.get(at).map_or("", |tier| tier.tier.as_str());
    let name = app.rules().leagues.as_ref().map_or(word, |leagues| leagues.name(word, locale));
    (word.to_owned(), name.to_owned())
}

pub(super) async fn leagues(
    app: &App,
    request: Request<wire::ListLeaguesRequest>,
) -> Result<Response<wire::ListLeaguesResponse>, Status> {
    let caller = Caller::of(&request)?;
    let account = caller.account()?;
    let wire::ListLeaguesRequest { cursor, limit } = request.into_inner();
    let (rows, next_cursor) = read::leagues(app, account, &cursor, limit).await.map_err(status)?;
    let past = |row: PastRow| {
        let (tier, tier_name) = named(app, &row.terms, row.place.tier, &caller.locale);
        let (next_tier, next_tier_name) = named(app, &row.terms, row.ended.next_tier, &caller.locale);
        PastLeague {
            week: row.place.week.name(),
            start_us: row.place.week.start_us(),
            end_us: row.place.week.end_us(),
            tier,
            tier_name,
            rank: row.ended.rank,
            xp: row.ended.xp,
            size: row.size,
            outcome: row.ended.outcome.as_str().to_owned(),
            next_tier,
            next_tier_name,
        }
    };
    Ok(Response::new(wire::ListLeaguesResponse { items: rows.into_iter().map(past).collect(), next_cursor }))
}
