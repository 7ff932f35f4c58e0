//! `stadion seed`: accounts, friendships and a running challenge, written as the ordinary sealed events that the
//! services themselves write, for load tests and for a demonstration worth looking at.
//!
//! | file | what |
//! |---|---|
//! | [`people`] | who they are |
//! | [`friends`] | who is friends with whom |
//! | [`contest`] | the challenge that all of them are in |
//! | [`settle`] | waiting until all readers have seen it |
//! | [`dice`] | chance that falls the same way each time |

pub mod contest;
pub mod dice;
pub mod friends;
pub mod people;
pub mod settle;

use std::{
    fmt::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use backends::DataFolder;
use futures::{StreamExt, TryStreamExt, stream};
use gamification::domain::ChallengeId;
use kernel::{AccountId, Clock};

use self::people::Athlete;
use super::say::say;
use crate::{installation::Installation, settings::Settings};

/// Accounts, friendships, participants an append.
const ACCOUNTS_AT_ONCE: usize = 250;
const PAIRS_AT_ONCE: usize = 250;
const ENTRANTS_AT_ONCE: usize = 500;
/// Appends under way: the store commits those that wait together.
const APPENDS_AT_ONCE: usize = 4;
/// No token may live longer: the public door refuses it.
pub const HOURS_MAX: u32 = 48;
const READY_WITHIN: Duration = Duration::from_secs(60);
const READY_LOOK: Duration = Duration::from_millis(10);

/// What is to be written.
#[derive(Clone, Debug)]
pub struct Plan {
    pub accounts: usize,
    /// Friends that an athlete has on average.
    pub friends_mean: f64,
    /// One public running challenge, open now.
    pub challenge: Option<Seats>,
    /// The same seed makes the same world; what is there already stays as it is.
    pub seed: u64,
}

/// Who is in the challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seats {
    /// All of them.
    Taken,
    /// Nobody yet: they join through the public door.
    Free,
}

/// What was written.
#[derive(Clone, Debug)]
pub struct Seeded {
    pub athletes: Vec<Athlete>,
    pub accounts: Written,
    pub friendships: Written,
    pub participants: Written,
    pub challenge_id: Option<ChallengeId>,
    /// Until every reader had seen everything.
    pub settled_after: Duration,
}

/// How many were new, and how long it took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Written {
    pub new: usize,
    pub known: usize,
    pub took: Duration,
}

/// `stadion seed` on a folder that nobody owns at this moment.
///
/// # Errors
/// A folder in use, a store that cannot be written, a file of sessions that cannot.
pub async fn run(
    settings: &Settings,
    plan: &Plan,
    sessions: Option<&Path>,
    hours: u32,
) -> anyhow::Result<()> {
    let folder = DataFolder::open(&settings.platform.data)?;
    let installation = Installation::open(folder, settings).await?;
    let written = write(&installation, settings, plan, sessions, hours).await;
    let stopped = installation.stop().await;
    written?;
    stopped
}

async fn write(
    installation: &Installation,
    settings: &Settings,
    plan: &Plan,
    sessions: Option<&Path>,
    hours: u32,
) -> anyhow::Result<()> {
    ready(installation).await?;
    let seeded = seed(installation, settings, plan).await?;
    tell("accounts", seeded.accounts);
    tell("friendships", seeded.friendships);
    if let Some(challenge) = seeded.challenge_id {
        if plan.challenge == Some(Seats::Taken) {
            tell("participants", seeded.participants);
        }
        say(format_args!("challenge {challenge}"));
    }
    say(format_args!("all readers had seen it {:.1} s later", seeded.settled_after.as_secs_f64()));
    if let Some(path) = sessions {
        let lives = hours.clamp(1, HOURS_MAX);
        if lives != hours {
            say(format_args!(
                "tokens live {lives} h: the public door takes none that live longer than {HOURS_MAX} h"
            ));
        }
        let began = Instant::now();
        let signed = sign(installation, settings, seeded.athletes.iter().map(Athlete::id), lives).await?;
        keep(path, &signed)?;
        let took = began.elapsed().as_secs_f64();
        say(format_args!("{} tokens signed in {took:.1} s, in {}", signed.len(), path.display()));
    }
    Ok(())
}

/// Writes a plan into an installation, running or not.
///
/// # Errors
/// A store that cannot be written.
pub async fn seed(installation: &Installation, settings: &Settings, plan: &Plan) -> anyhow::Result<Seeded> {
    let year = i32::from(kernel::SystemClock.now().to_zoned(jiff::tz::TimeZone::UTC).year());
    let athletes = people::athletes(plan.seed, plan.accounts, year);
    let accounts = Box::pin(write_accounts(installation, settings, &athletes)).await?;
    let friendships = Box::pin(write_friendships(installation, plan, &athletes)).await?;
    let (challenge_id, participants) = match (plan.challenge, athletes.first()) {
        (Some(seats), Some(author)) => {
            let entrants = if seats == Seats::Taken { athletes.as_slice() } else { &[] };
            let (id, written) = Box::pin(write_challenge(installation, plan, author, entrants)).await?;
            (Some(id), written)
        }
        _ => (None, Written::default()),
    };
    let began = Instant::now();
    settle::settled(installation).await?;
    Ok(Seeded { accounts, friendships, participants, challenge_id, settled_after: began.elapsed(), athletes })
}

async fn write_accounts(
    installation: &Installation,
    settings: &Settings,
    athletes: &[Athlete],
) -> anyhow::Result<Written> {
    let began = Instant::now();
    let seeder = auth::seed::Seeder::open(installation.service("auth")?, settings.auth.clone()).await?;
    let newcomers: Vec<_> = athletes.iter().map(|one| one.newcomer.clone()).collect();
    let appends = newcomers.chunks(ACCOUNTS_AT_ONCE).map(|some| {
        let (seeder, some) = (seeder.clone(), some.to_vec());
        async move { seeder.accounts(&some).await }
    });
    let new: Vec<usize> = stream::iter(appends).buffer_unordered(APPENDS_AT_ONCE).try_collect().await?;
    let new = new.into_iter().sum();
    Ok(Written { new, known: athletes.len() - new, took: began.elapsed() })
}

async fn write_friendships(
    installation: &Installation,
    plan: &Plan,
    athletes: &[Athlete],
) -> anyhow::Result<Written> {
    let began = Instant::now();
    let social = installation.service("social")?;
    let pairs: Vec<(AccountId, AccountId)> = friends::friendships(plan.seed, athletes, plan.friends_mean)
        .into_iter()
        .map(|(one, other)| (athletes[one].id(), athletes[other].id()))
        .collect();
    let appends = pairs.chunks(PAIRS_AT_ONCE).map(|some| {
        let some = some.to_vec();
        async move { social::seed::befriend(social, &some).await }
    });
    let new: Vec<usize> = stream::iter(appends).buffer_unordered(APPENDS_AT_ONCE).try_collect().await?;
    let new = new.into_iter().sum();
    Ok(Written { new, known: pairs.len() - new, took: began.elapsed() })
}

/// One after the other: they all take seats of one challenge.
async fn write_challenge(
    installation: &Installation,
    plan: &Plan,
    author: &Athlete,
    entrants: &[Athlete],
) -> anyhow::Result<(ChallengeId, Written)> {
    let began = Instant::now();
    let gamification = installation.service("gamification")?;
    let id = contest::id(plan.seed);
    let terms = contest::terms(kernel::SystemClock.now(), plan.accounts)?;
    gamification::seed::open(gamification, id, author.id(), &terms).await?;
    let mut new = 0;
    for some in entrants.chunks(ENTRANTS_AT_ONCE) {
        let entrants: Vec<_> = some.iter().map(contest::entrant).collect();
        new += gamification::seed::join(gamification, id, &entrants).await?;
    }
    Ok((id, Written { new, known: entrants.len() - new, took: began.elapsed() }))
}

/// Access tokens, in the order of the accounts.
///
/// # Errors
/// There is no signing key.
pub async fn sign(
    installation: &Installation,
    settings: &Settings,
    accounts: impl Iterator<Item = AccountId>,
    hours: u32,
) -> anyhow::Result<Vec<(AccountId, String)>> {
    let seeder = auth::seed::Seeder::open(installation.service("auth")?, settings.auth.clone()).await?;
    let life_s = i64::from(hours.clamp(1, HOURS_MAX)) * 3600;
    accounts.map(|account| Ok((account, seeder.token(account, life_s)?))).collect()
}

/// Lines `account_id token`, for this user alone: who has them is these people.
fn keep(path: &Path, signed: &[(AccountId, String)]) -> anyhow::Result<()> {
    let mut lines = String::new();
    for (account, token) in signed {
        writeln!(lines, "{account} {token}")?;
    }
    let path = std::path::absolute(path).with_context(|| path.display().to_string())?;
    platform::installation::write_private(&path, lines.as_bytes())
        .with_context(|| format!("{} cannot be written", path.display()))
}

async fn ready(installation: &Installation) -> anyhow::Result<()> {
    let began = Instant::now();
    while !installation.health.readiness().ready {
        let reasons = || installation.health.readiness().reasons;
        ensure!(began.elapsed() < READY_WITHIN, "not ready: {:?}", reasons());
        tokio::time::sleep(READY_LOOK).await;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "shown without decimals")]
fn tell(what: &str, written: Written) {
    let Written { new, known, took } = written;
    let per_s = new as f64 / took.as_secs_f64().max(0.001);
    let known = if known > 0 { format!(", {known} were there already") } else { String::new() };
    say(format_args!("{new} {what} in {:.1} s ({per_s:.0}/s){known}", took.as_secs_f64()));
}
