//! A challenge is drafted, and its terms change.

use eventing::{Command, Decision, Done};
use kernel::{AccountId, Code, FieldError, Refusal, time::micros};

use super::{super::App, View, members, newest, staff, stream_of};
use crate::domain::{
    Challenge, ChallengeId, Rules, Terms,
    challenge::{Reward, State, terms::Written},
};

/// The same command gives the same challenge.
pub async fn create(
    app: &App,
    command: &Command,
    author: AccountId,
    written: &Written,
) -> Result<(Done, View), Refusal> {
    let id: ChallengeId = command.new_id("challenge");
    // Written already, by one who may have left the group since.
    if let Some(done) = app.journal.replayed(command).await? {
        return Ok((done, newest(app, id, author).await?));
    }
    let terms = Terms::parse(written)?;
    let hand = staff::hand(app, author, &terms).await?;
    hand.may_write(&terms)?;
    hand.may_reward(&terms)?;
    no_badge_of_rules(app.rules(), &terms)?;
    let turn = members::turn(app, &hand, &terms, id).await?;
    let done = app
        .journal
        .execute::<Challenge, _>(command, &stream_of(id), &id.to_string(), |challenge, _| {
            let events = challenge.draft(id, author, terms.clone());
            Ok(Decision::of(events).answer(201, vec![id.to_string()]))
        })
        .await?;
    drop(turn);
    Ok((done, newest(app, id, author).await?))
}

/// The whole terms anew; `None` leaves them. `expected_revision`: `version_mismatch` when somebody changed it before.
pub async fn change(
    app: &App,
    command: &Command,
    by: AccountId,
    id: ChallengeId,
    written: Option<&Written>,
    expected_revision: Option<u64>,
) -> Result<(Done, View), Refusal> {
    let stream = stream_of(id);
    let challenge = app.journal.load::<Challenge>(&stream).await?.state;
    let manager = staff::manager(app, by, id, &challenge).await?;
    let old = challenge.known()?.terms.clone();
    let drafted = challenge.state(super::now_us(app)) == State::Draft;
    let mut terms = match written {
        None => Terms::clone(&old),
        Some(written) if drafted => Terms::parse(written)?,
        Some(written) => Terms::parse_over(written, &old)?,
    };
    let mut turn = None;
    if !drafted {
        // Opened, its rule and its window stand as they were decided: what was written alike is alike.
        keep_decided(&mut terms, &old, written);
    } else {
        // A draft whose window is past counts for nobody's few until it is moved.
        if terms.eligibility != old.eligibility || terms.window.end_us > old.window.end_us {
            let hand = staff::hand(app, by, &terms).await?;
            hand.may_write(&terms)?;
            turn = members::turn(app, &hand, &terms, id).await?;
        }
        manager.may_reward(&terms)?;
        no_badge_of_rules(app.rules(), &terms)?;
    }
    let done = app
        .journal
        .execute::<Challenge, _>(command, &stream, &id.to_string(), |challenge, now| {
            if expected_revision.is_some_and(|expected| expected != challenge.revision) {
                return Err(Refusal::new(Code::VersionMismatch, "somebody changed the challenge before you"));
            }
            let events = challenge.change(by, terms.clone(), micros(now))?;
            Ok(Decision::of(events).answer(200, vec![id.to_string()]))
        })
        .await?;
    drop(turn);
    Ok((done, newest(app, id, by).await?))
}

/// A badge that the rules give for activities is not to be had in another way.
fn no_badge_of_rules(rules: &Rules, terms: &Terms) -> Result<(), Refusal> {
    let taken = |badge: &str| rules.badges.iter().any(|rule| rule.badge == badge);
    let faults =
        terms.rewards.iter().enumerate().filter(|(_, reward)| reward.badge.as_deref().is_some_and(taken));
    let fault = |(index, _): (usize, &Reward)| FieldError {
        pointer: format!("/rewards/{index}/badge"),
        code: "not_allowed".to_owned(),
        detail: "activities earn this badge by the rules".to_owned(),
    };
    Refusal::fields(faults.map(fault).collect())
}

/// Zero was how one said it before a least distance was asked for.
fn names_no_distance(written: &Written) -> bool {
    written.min_distance_m.is_none_or(|metres| metres <= 0.0)
}

/// A newer zone database must not make the same window another one, nor a distance that nobody wrote other terms.
fn keep_decided(terms: &mut Terms, old: &Terms, written: Option<&Written>) {
    if old.min_distance_mm.is_none() && written.is_some_and(names_no_distance) {
        terms.min_distance_mm = None;
    }
    let (new, kept) = (&terms.window, &old.window);
    if (new.start, new.end, new.clock, &new.time_zone) == (kept.start, kept.end, kept.clock, &kept.time_zone)
    {
        terms.window = kept.clone();
    }
}
