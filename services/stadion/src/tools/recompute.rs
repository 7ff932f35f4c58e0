//! `stadion recompute`: what files came to is worked out anew by the algorithms of this program, and where it differs the
//! difference becomes an event of the activity. It remembers how far it is: asked for again, it goes on.

use std::time::Duration;

use super::say::say;
use crate::{
    cli::Recomputation,
    settings::Settings,
    tools::{Request, Session},
};

/// Events of the journal that are looked at in one go.
const EVENTS: u32 = 100;

/// # Errors
/// No owner and no folder; a store, auth or a place of files that does not answer.
pub async fn run(settings: Settings, wanted: Recomputation) -> anyhow::Result<()> {
    let session = Session::open(&settings).await?;
    let done = run_in(&session, &wanted).await;
    session.close().await?;
    done
}

async fn run_in(session: &Session, wanted: &Recomputation) -> anyhow::Result<()> {
    let run = wanted.run.clone().unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned());
    let (mut read, mut changed, mut unreadable) = (0, 0, 0);
    let mut dry_after = wanted.dry_run.then_some(0);
    loop {
        let request = Request::Recompute { run: run.clone(), events_max: EVENTS, dry_after };
        let answer = session.ask(request).await?;
        let number = |name: &str| answer[name].as_u64().unwrap_or_default();
        read += number("read");
        changed += number("changed");
        unreadable += number("unreadable");
        let (position, head) = (number("position"), number("head"));
        if number("read") > 0 {
            say(format_args!("{position} of {head} events  {read} read again  {changed} differ"));
        }
        if answer["ended"] == true {
            break;
        }
        dry_after = dry_after.map(|_| position);
        tokio::time::sleep(pause(number("read"), wanted.per_second)).await;
    }
    let what = if wanted.dry_run { "would change" } else { "changed" };
    say(format_args!("{run}: {read} read again, {changed} {what}, {unreadable} could not be read"));
    Ok(())
}

/// As long as so many may take.
fn pause(read: u64, per_second: u32) -> Duration {
    Duration::from_secs(read) / per_second.max(1)
}
