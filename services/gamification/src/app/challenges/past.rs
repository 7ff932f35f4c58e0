//! Where everybody stood at a moment that is over.

use kernel::{AccountId, Refusal};

use crate::{app::App, domain::ChallengeId, store::past::PastPage};

/// # Errors
/// `not_found` for a challenge that scores do not know.
pub async fn past(
    app: &App,
    id: ChallengeId,
    at_us: i64,
    after: Option<AccountId>,
) -> Result<PastPage, Refusal> {
    let page = app.store.past(id, at_us, after).await.map_err(eventing::Error::from)?;
    page.ok_or_else(Refusal::not_found)
}
