//! Weekly leagues: they begin, each week is closed exactly once, and members are shown where they stand.
//!
//! | file | |
//! |---|---|
//! | [`close`] | command, by the timer: a week's line, its cohorts' final orders, the next week |
//! | [`read`] | queries: my league as it stands; my weeks that are over |

pub mod close;
pub mod read;

use std::time::Duration;

use bytes::Bytes;
use eventing::{Command, Decision, Error, Incoming, StreamId, store::Timer};
use kernel::AccountId;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::App;
use crate::domain::league::{Clock, Event, Terms, Week, member::Member};

/// The command of the timer that closes a week.
pub const CLOSE: &str = "close_week";

/// How long before the beginning is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// The stream of the weeks.
pub fn stream() -> StreamId {
    StreamId::named("leagues")
}

/// The first week is opened, unless one is: tried until it is known.
pub async fn begin(app: App, shutdown: CancellationToken) -> Result<(), String> {
    while let Err(error) = begun(&app).await {
        warn!(%error, "the leagues have not begun yet");
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
    Ok(())
}

async fn begun(app: &App) -> Result<(), Error> {
    let terms = Terms::of(app.rules());
    let command = Command::by("service:gamification");
    let decide = |clock: &Clock, now| {
        let events = clock.begin(Week::of(now), terms.clone());
        let timers: Vec<Timer> = events.iter().filter_map(closing).collect();
        Ok(timers.into_iter().fold(Decision::of(events), Decision::timer))
    };
    app.journal.execute::<Clock, _>(&command, &stream(), "leagues", decide).await.map(|_| ())
}

/// The timer that an opened week needs.
fn closing(event: &Event) -> Option<Timer> {
    let Event::Opened { week, .. } = event else { return None };
    Some(due(week.end_us(), Bytes::new()))
}

fn due(due_us: i64, payload: Bytes) -> Timer {
    Timer::Set { due_us, stream: stream(), command_id: CLOSE.to_owned(), payload }
}

/// An erased account is in no league any more.
pub async fn erase(app: &App, incoming: &Incoming, account: AccountId) -> Result<(), Error> {
    let stream = StreamId::of("league_member", account);
    let command = Command::reacting("gamification-erasures", incoming, &stream, "vanish");
    let decide = |member: &Member, _| Ok(Decision::of(member.erase(account)));
    app.journal.execute::<Member, _>(&command, &stream, &account.to_string(), decide).await.map(|_| ())
}
