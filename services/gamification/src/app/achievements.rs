//! An account's badges, and why it holds them.

use kernel::{AccountId, Code, Refusal};
use uuid::Uuid;

use super::App;
use crate::{
    domain::AchievementId,
    store::{AchievementRow, Explanation},
};

const LIMIT_USUAL: u32 = 50;
const LIMIT_MAX: u32 = 200;

/// A page of badges and the cursor of the next one, empty at the end.
pub async fn list(
    app: &App,
    account: AccountId,
    cursor: &str,
    limit: u32,
) -> Result<(Vec<AchievementRow>, String), Refusal> {
    let after = if cursor.is_empty() { (i64::MAX, AchievementId::new(Uuid::max())) } else { parse(cursor)? };
    let limit = if limit == 0 { LIMIT_USUAL } else { limit.min(LIMIT_MAX) };
    let mut rows = app.store.achievements(account, after, limit + 1).await.map_err(eventing::Error::from)?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|row| format!("{}.{}", row.unlocked_us, row.id));
    Ok((rows, next.unwrap_or_default()))
}

fn parse(cursor: &str) -> Result<(i64, AchievementId), Refusal> {
    let place = cursor.split_once('.').and_then(|(us, id)| Some((us.parse().ok()?, id.parse().ok()?)));
    place.ok_or_else(|| Refusal::new(Code::BadCursor, "the cursor does not belong to this list"))
}

/// `not_found` alike for another's badge and for one that nobody holds.
pub async fn explain(app: &App, account: AccountId, id: AchievementId) -> Result<Explanation, Refusal> {
    let held = app.store.explanation(account, id).await.map_err(eventing::Error::from)?;
    held.ok_or_else(Refusal::not_found)
}
