//! Somebody takes a seat, changes how they are shown, leaves, or is erased.

use std::time::Duration;

use eventing::{Command, Done, Error, Failure, Incoming};
use kernel::{AccountId, Code, Refusal};

use super::{
    super::App,
    now_us, people,
    read::{self, Asker},
    seating::{Seated, Wish},
    staff, stream_of,
};
use crate::domain::{
    Challenge, ChallengeId, Participation,
    challenge::State,
    participation::{self, ShowAs, Standing},
    teams::{self, TeamId},
};

/// How long the read model may take to hold everything that an erased account joined.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a participant wants to be shown, and whether private activities count. `None`: as it was, also for one who comes
/// back; at first by name, and not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    pub show_as: Option<ShowAs>,
    pub count_private: Option<bool>,
}

/// `not_eligible` with reasons, `challenge_full`, `challenge_closed`, `conflict` for another team than before. Who takes
/// part already keeps seat, number and team.
pub async fn join(
    app: &App,
    command: &Command,
    account: AccountId,
    id: ChallengeId,
    (shown, asked): (Shown, Option<TeamId>),
) -> Result<(Done, Participation), Refusal> {
    let stream = participation::stream_of(id, account);
    if let Some(done) = app.journal.replayed(command).await? {
        return Ok((done, app.journal.load::<Participation>(&stream).await?.state));
    }
    let challenge = app.journal.load::<Challenge>(&stream_of(id)).await?.state;
    let drafted = challenge.known()?;
    let hidden = challenge.marks().is_hidden();
    if hidden && !staff::may_see_hidden(app, account, drafted.author, &drafted.terms).await? {
        return Err(Refusal::not_found());
    }
    let part = app.journal.load::<Participation>(&stream).await?;
    let before = part.state.team();
    let wish = if part.state.is_active() {
        teams::stays(before, asked)?;
        Wish::BeShown(shown)
    } else {
        let drafted = challenge.joinable(now_us(app))?;
        let choice = people::Choice { asked, before };
        Wish::Join { shown, frozen: people::eligible(app, account, &drafted.terms, choice).await? }
    };
    let Seated { done, part } = app.seating.seat(command, id, account, wish, part).await?;
    Ok((done, part))
}

/// Frees the seat; whoever does not take part has left already.
pub async fn leave(
    app: &App,
    command: &Command,
    account: AccountId,
    id: ChallengeId,
) -> Result<Done, Refusal> {
    if let Some(done) = app.journal.replayed(command).await? {
        return Ok(done);
    }
    let challenge = app.journal.load::<Challenge>(&stream_of(id)).await?.state;
    let drafted = challenge.known()?;
    let hidden = challenge.marks().is_hidden();
    if hidden && !staff::may_see_hidden(app, account, drafted.author, &drafted.terms).await? {
        return Err(Refusal::not_found());
    }
    let part = app.journal.load::<Participation>(&participation::stream_of(id, account)).await?;
    if !part.state.is_active() {
        // Whoever may not know of it hears that there is nothing to leave.
        read::get(app, Asker::Account(account), id).await?;
    }
    app.seating.seat(command, id, account, Wish::Leave, part).await.map(|seated| seated.done)
}

/// The account is no more: everywhere it took part, nothing of it is shown again.
pub async fn erase(app: &App, incoming: &Incoming, account: AccountId) -> Result<(), Failure> {
    // Whoever joined a moment ago must be among the rows. Nobody joins any more: the account's keys are gone.
    let head = app.journal.store().head().await.map_err(Error::from)?;
    if !app.projected.reached(head, PATIENCE).await {
        return Err(Failure::Retry("the read model is behind".to_owned()));
    }
    for part in app.store.parts_of(account).await?.iter().filter(|part| part.standing != Standing::Erased) {
        let stream = participation::stream_of(part.challenge, account);
        let command = Command::reacting("gamification-erasures", incoming, &stream, "erase");
        if app.journal.replayed(&command).await?.is_some() {
            continue;
        }
        let loaded = app.journal.load::<Participation>(&stream).await?;
        match app.seating.seat(&command, part.challenge, account, Wish::BeErased, loaded).await {
            Ok(_) => {}
            Err(refusal) if refusal.code == Code::Internal => {
                return Err(Failure::Poison(refusal.to_string()));
            }
            Err(refusal) => return Err(Failure::Retry(refusal.to_string())),
        }
    }
    Ok(())
}

/// Whether those who take part may still change how they are shown, and leave.
pub(super) fn open_to_members(state: State) -> Result<(), Refusal> {
    match state {
        State::Open | State::Ended | State::Scheduled => Ok(()),
        State::Draft | State::Settling | State::Settled | State::Stopped => {
            Err(Refusal::new(Code::ChallengeClosed, "the challenge is over"))
        }
    }
}
