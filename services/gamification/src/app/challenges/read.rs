//! One challenge, and lists of them, as somebody may see them.

use kernel::{AccountId, Code, Refusal, Sport, place::Region};

use super::{super::App, View, nobody, now_us, staff};
use crate::{
    domain::{ChallengeId, challenge::State},
    store::challenges::{ChallengeRow, Wanted},
};

const LIMIT_USUAL: u32 = 50;
const LIMIT_MAX: u32 = 200;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    Account(AccountId),
    /// Nobody that we know: sees what is public.
    Stranger,
    /// A sibling sees everything.
    Service,
}

/// `not_found` alike for what does not exist and for another's draft.
pub async fn get(app: &App, asker: Asker, id: ChallengeId) -> Result<View, Refusal> {
    let viewer = if let Asker::Account(account) = asker { account } else { nobody() };
    let row = app.store.challenge(id, viewer).await.map_err(eventing::Error::from)?;
    let seen = row.ok_or_else(Refusal::not_found)?;
    let view = view(app, seen);
    let hidden = view.marks.is_hidden();
    match asker {
        Asker::Service => Ok(view),
        Asker::Stranger if hidden => Err(Refusal::not_found()),
        Asker::Stranger if !view.terms.public => {
            Err(Refusal::new(Code::Unauthenticated, "sign in to see this challenge"))
        }
        Asker::Account(account)
            if hidden && !staff::may_see_hidden(app, account, view.author, &view.terms).await? =>
        {
            Err(Refusal::not_found())
        }
        Asker::Stranger | Asker::Account(_) => Ok(view),
    }
}

/// What a list asks for, as it was written; empty: not said.
#[derive(Clone, Debug, Default)]
pub struct Query<'a> {
    pub region: &'a str,
    pub sport: &'a str,
    pub state: &'a str,
    pub mine: bool,
    pub cursor: &'a str,
    pub limit: u32,
}

/// The newest first, and the cursor of the next page, empty at the end.
pub async fn list(app: &App, viewer: AccountId, query: &Query<'_>) -> Result<(Vec<View>, String), Refusal> {
    let state = said(query.state, State::parse, "/state", "a state of challenges")?;
    // Drafts of others are the operators': the staff of a region finds them by their ids.
    let all_drafts = matches!(state, Some(State::Draft | State::Stopped))
        && staff::hand(app, viewer, None).await.is_ok_and(|hand| hand.operator);
    let bad_cursor = |_| Refusal::new(Code::BadCursor, "the cursor does not belong to this list");
    let limit = if query.limit == 0 { LIMIT_USUAL } else { query.limit.min(LIMIT_MAX) };
    let wanted = Wanted {
        viewer,
        region: said(query.region, Region::parse, "/region", "an ISO 3166-2 region")?,
        sport: said(query.sport, Sport::parse, "/sport", "a sport of the vocabulary")?,
        state,
        mine: query.mine,
        all_drafts,
        before: if query.cursor.is_empty() { i64::MAX } else { query.cursor.parse().map_err(bad_cursor)? },
        now_us: now_us(app),
        limit: limit + 1,
    };
    let mut rows = app.store.challenges(&wanted).await.map_err(eventing::Error::from)?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|row| row.position.to_string());
    Ok((rows.into_iter().map(|row| view(app, row)).collect(), next.unwrap_or_default()))
}

fn said<T>(
    text: &str,
    parse: fn(&str) -> Option<T>,
    pointer: &str,
    wanted: &str,
) -> Result<Option<T>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || Refusal::field(pointer, "unknown_value", format!("{wanted} belongs here"));
    parse(text).map(Some).ok_or_else(wrong)
}

fn view(app: &App, row: ChallengeRow) -> View {
    View {
        id: row.id,
        author: row.author,
        state: State::of(&row.marks, now_us(app)),
        terms: row.terms,
        marks: row.marks,
        taken: row.taken,
        revision: row.revision,
        mine: row.mine,
    }
}
