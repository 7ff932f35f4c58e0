//! `stadion demo`: the fleet on a fresh folder, and both stories through its public door.
//!
//! | file | what |
//! |---|---|
//! | [`story`], [`cast`], [`door`], [`live`] | a story in steps, its people, the public door, a stream behind it |
//! | [`journey`] | the first story: register → workout → achievement → promo → purchase |
//! | [`crowd`] | hundreds of athletes in a public challenge, who go on running |
//! | [`contest`] | the second: a regional challenge, its live board, friends who see what they may |

pub mod cast;
pub mod contest;
pub mod crowd;
pub mod door;
mod game;
pub mod journey;
pub mod live;
mod people;
mod run;
mod shop;
pub mod story;
mod strangers;
mod watch;

use std::{io::Write, path::Path, time::Instant};

use anyhow::Context;

use crate::{
    cli::Place,
    demo::{cast::Cast, contest::Contest, crowd::Crowd, journey::Journey, story::Story},
    settings::{self, Settings},
    up,
    up::Running,
};

/// Serves, plays both stories, lets a crowd come, then goes on serving unless `exit`.
///
/// # Errors
/// A step that failed, told with what was answered.
pub async fn run(mut place: Place, exit: bool) -> anyhow::Result<()> {
    // Its own folder lives as long as the demo.
    let own = match place.tool.data {
        Some(_) => None,
        None => Some(tempfile::tempdir().context("no temporary folder")?),
    };
    place.tool.data = place.tool.data.or_else(|| own.as_ref().map(|folder| folder.path().join("data")));
    let sources = place.sources();
    let mut settings = settings::load(&sources)?;
    if settings.config.effective().iter().any(|one| one.setting == "log.filter" && one.origin == "default") {
        // The demo's own lines are what is to be read.
        "warn".clone_into(&mut settings.platform.log.filter);
    }
    // Its people do not exist: their mail goes nowhere, whatever server is set.
    settings.auth.mail = platform::config::Mail::default();
    platform::telemetry::start(&settings.platform.log)?;
    let data = settings.platform.data.clone();
    let begun = Instant::now();
    let running = Running::start(settings.clone()).await?;
    up::say_ready(running.http)?;
    say(&format!("the fleet serves after {} ms, data in {}", begun.elapsed().as_millis(), data.display()))?;
    let base = format!("http://{}", running.http);
    let played = match play_both(&base, &data).await {
        Ok(()) => Box::pin(gather(&running, &settings, exit)).await,
        Err(error) => Err(error),
    };
    if exit || played.is_err() {
        let stopped = running.stop().await;
        played?;
        stopped?;
        return say("journey complete");
    }
    if let Ok(crowd) = played {
        crowd.go_on(&running);
    }
    say(&format!("it goes on serving: {base}/ says what there is; Ctrl-C ends it"))?;
    say("journey complete")?;
    running.until_told().await
}

async fn gather(running: &Running, settings: &Settings, few: bool) -> anyhow::Result<Crowd> {
    let begun = Instant::now();
    let crowd = Box::pin(Crowd::gather(running, settings, few)).await?;
    for line in crowd.lines() {
        say(&line)?;
    }
    say(&format!("the crowd came in {:.1} s", begun.elapsed().as_secs_f64()))?;
    Ok(crowd)
}

async fn play_both(base: &str, data: &Path) -> anyhow::Result<()> {
    play::<Journey>(base, data).await?;
    play::<Contest>(base, data).await
}

async fn play<S: Story>(base: &str, data: &Path) -> anyhow::Result<()> {
    let mut story = S::begin(Cast::new(base, data.to_owned())?);
    let begun = Instant::now();
    for (number, step) in S::STEPS.iter().enumerate() {
        let started = Instant::now();
        let name = S::name(*step);
        let what = story.take(*step).await.with_context(|| format!("step {}: {name}", number + 1))?;
        let took_ms = started.elapsed().as_millis();
        say(&format!("{:>2}  {name:<30} {took_ms:>6} ms  {what}", number + 1))?;
    }
    say(&format!("{} steps in {:.1} s", S::STEPS.len(), begun.elapsed().as_secs_f64()))
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("standard output is closed")
}
