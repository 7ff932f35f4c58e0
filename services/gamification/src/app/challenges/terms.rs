//! A challenge is drafted, and its terms change.

use eventing::{Command, Decision, Done};
use kernel::{AccountId, Code, FieldError, Refusal, time::micros};

use super::{super::App, View, newest, staff, stream_of};
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
    let terms = Terms::parse(written)?;
    let hand = staff::hand(app, author, Some(&terms)).await?;
    hand.may_write(&terms)?;
    hand.may_reward(&terms)?;
    no_badge_of_rules(app.rules(), &terms)?;
    let id: ChallengeId = command.new_id("challenge");
    let done = app
        .journal
        .execute::<Challenge, _>(command, &stream_of(id), &id.to_string(), |challenge, _| {
            let events = challenge.draft(id, author, terms.clone());
            Ok(Decision::of(events).answer(201, vec![id.to_string()]))
        })
        .await?;
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
    let manager = staff::manager(app, by, &challenge).await?;
    let old = challenge.known()?.terms.clone();
    let mut terms = written.map_or_else(|| Ok(Terms::clone(&old)), Terms::parse)?;
    if challenge.state(super::now_us(app)) != State::Draft {
        // Opened, its rule and its window stand as they were decided: what was written alike is alike.
        keep_decided(&mut terms, &old);
    } else {
        if terms.eligibility != old.eligibility {
            staff::hand(app, by, Some(&terms)).await?.may_write(&terms)?;
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

/// A newer zone database must not make the same window another one.
fn keep_decided(terms: &mut Terms, old: &Terms) {
    let (new, kept) = (&terms.window, &old.window);
    if (new.start, new.end, new.clock, &new.time_zone) == (kept.start, kept.end, kept.clock, &kept.time_zone)
    {
        terms.window = kept.clone();
    }
}
