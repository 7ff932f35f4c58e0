//! Proto ↔ domain, and nowhere else. Fields whose key was destroyed are absent: the domain accepts that.

pub mod scoring;

pub(crate) mod challenge;
pub(crate) mod league;
pub(crate) mod placed;

use std::sync::Arc;

use bytes::Bytes;
use eventing::{Aggregate, Class, DecodeError, DomainEvent, Plain, Version};
use kernel::{AccountId, ActivityId, Id, Sport};
use proto::gamification as wire;
use uuid::Uuid;

use crate::domain::{
    AchievementId, Event, Fact, Progress,
    fact::Receipt,
    progress::{BadgeGiven, Known, RewardGiven, XpPart},
    standing::{Award, Cause},
    streak::Run,
};

impl Aggregate for Progress {
    type Event = Event;
    const KIND: &'static str = "progress";
    const SNAPSHOT_EVERY: Version = 100;

    fn evolve(&mut self, event: &Event) {
        Self::evolve(self, event);
    }

    fn snapshot(&self) -> Option<Plain> {
        snapshot_to_wire(self).map(|message| Plain::of(&message))
    }

    fn restore(snapshot: &Plain) -> Option<Self> {
        snapshot_from_wire(snapshot.expect().ok()?).ok()
    }
}

impl DomainEvent for Event {
    fn encode(&self) -> Plain {
        match self {
            Self::Counted { account, activity, revision, fact, position } => {
                Plain::of(&wire::ActivityCounted {
                    account_id: bytes_of(*account),
                    activity_id: bytes_of(*activity),
                    revision: *revision,
                    fact: fact.as_ref().map(fact_to_wire),
                    position: *position,
                })
            }
            Self::Uncounted { account, activity, revision, receipt } => Plain::of(&wire::ActivityUncounted {
                account_id: bytes_of(*account),
                activity_id: bytes_of(*activity),
                revision: *revision,
                received_us: receipt.at_us,
                position: receipt.position,
            }),
            Self::XpChanged { account, before, after, rule_version, parts, receipt } => {
                Plain::of(&wire::XpChanged {
                    account_id: bytes_of(*account),
                    xp_before: *before,
                    xp_after: *after,
                    rule_version: *rule_version,
                    parts: parts.iter().map(part_to_wire).collect(),
                    received_us: receipt.at_us,
                    position: receipt.position,
                })
            }
            Self::RewardGiven(given) => Plain::of(&reward_to_wire(given)),
            Self::LevelReached { account, level, from_level, rule_version } => {
                Plain::of(&wire::LevelReached {
                    account_id: bytes_of(*account),
                    level: *level,
                    from_level: *from_level,
                    rule_version: *rule_version,
                })
            }
            Self::LevelLost { account, level, from_level, rule_version } => Plain::of(&wire::LevelLost {
                account_id: bytes_of(*account),
                level: *level,
                from_level: *from_level,
                rule_version: *rule_version,
            }),
            Self::StreakChanged { account, run } => Plain::of(&wire::StreakChanged {
                account_id: bytes_of(*account),
                days: run.days,
                last_day: run.last_day,
                freezes: run.freezes,
                frozen_days: run.frozen.clone(),
            }),
            Self::RulesAdopted { account, rule_version, from_version } => Plain::of(&wire::RulesAdopted {
                account_id: bytes_of(*account),
                rule_version: *rule_version,
                from_version: *from_version,
            }),
            Self::BadgeUnlocked(given) => Plain::of(&unlocked_to_wire(given)),
            Self::BadgeReexplained(given) => Plain::of(&reexplained_to_wire(given)),
            Self::BadgeRevoked { id, account, badge, rule_version } => Plain::of(&wire::BadgeRevoked {
                achievement_id: bytes_of(*id),
                account_id: bytes_of(*account),
                badge: badge.clone(),
                rule_version: *rule_version,
            }),
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        match plain.kind.rsplit('.').next().unwrap_or_default() {
            "ActivityCounted" => counted(plain.expect()?),
            "ActivityUncounted" => uncounted(plain.expect()?),
            "XpChanged" => xp_changed(plain.expect()?),
            "LevelReached" => level_reached(plain.expect()?),
            "LevelLost" => level_lost(plain.expect()?),
            "StreakChanged" => streak_changed(plain.expect()?),
            "BadgeUnlocked" => unlocked(plain.expect()?, plain.is_erased(Class::Activity)),
            "BadgeReexplained" => reexplained(plain.expect()?, plain.is_erased(Class::Activity)),
            "BadgeRevoked" => revoked(plain.expect()?),
            "RewardBadgeGiven" => reward_given(plain.expect()?),
            "RulesAdopted" => rules_adopted(plain.expect()?),
            _ => Err(DecodeError(format!("{} is no event of a progress", plain.kind))),
        }
    }
}

pub(crate) fn bytes_of<Kind>(id: Id<Kind>) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}

pub(crate) fn id<Kind>(bytes: &[u8]) -> Result<Id<Kind>, DecodeError> {
    Uuid::from_slice(bytes).map(Id::new).map_err(|_| DecodeError("an id has not 16 bytes".to_owned()))
}

fn fact_to_wire(fact: &Fact) -> wire::ActivityFact {
    wire::ActivityFact {
        sport: fact.sport.as_str().to_owned(),
        start_us: fact.start_us,
        end_us: fact.end_us,
        local_day: fact.local_day,
        time_zone: fact.time_zone.clone(),
        utc_offset_s: fact.utc_offset_s,
        duration_s: fact.duration_s,
        distance_mm: fact.distance_mm,
        ascent_mm: fact.ascent_mm,
        received_us: fact.received_us,
        only_me: fact.only_me,
    }
}

fn fact_from_wire(fact: wire::ActivityFact) -> Fact {
    Fact {
        sport: Sport::parse(&fact.sport).unwrap_or(Sport::Other),
        start_us: fact.start_us,
        end_us: fact.end_us,
        local_day: fact.local_day,
        time_zone: fact.time_zone,
        utc_offset_s: fact.utc_offset_s,
        duration_s: fact.duration_s,
        distance_mm: fact.distance_mm,
        ascent_mm: fact.ascent_mm,
        // Before it was kept, the end of the activity stood for it.
        received_us: if fact.received_us == 0 { fact.end_us } else { fact.received_us },
        only_me: fact.only_me,
    }
}

fn part_to_wire(part: &XpPart) -> wire::XpPart {
    wire::XpPart { activity_id: bytes_of(part.activity), rule: part.rule.clone(), xp: part.xp }
}

fn cause_to_wire(cause: &Cause) -> wire::Because {
    let (activity_id, value, at_us) = (bytes_of(cause.activity_id), cause.value, cause.at_us);
    wire::Because { activity_id, value, at_us, ..wire::Because::default() }
}

/// A challenge's badge explains itself by the challenge, and by the place where it was for one.
pub(crate) fn reward_to_held(given: &RewardGiven) -> wire::HeldBadge {
    let because = wire::Because {
        challenge_id: bytes_of(given.challenge),
        place: given.rank,
        at_us: given.at_us,
        ..wire::Because::default()
    };
    wire::HeldBadge { because: vec![because], ..wire::HeldBadge::default() }
}

/// Rows from before had a challenge in the activity's stead, and its place for a value.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place, written from a u32")]
pub(crate) fn because_from_row(rule: &str, because: Vec<wire::Because>) -> Vec<wire::Because> {
    let upcast = |old: wire::Because| match rule {
        CHALLENGE if old.challenge_id.is_empty() => wire::Because {
            challenge_id: old.activity_id,
            place: old.value as u32,
            at_us: old.at_us,
            ..wire::Because::default()
        },
        _ => old,
    };
    because.into_iter().map(upcast).collect()
}

/// What stands for a rule where a challenge gave the badge; such a rule has no version.
pub(crate) const CHALLENGE: &str = "challenge";

pub(crate) fn causes_to_wire(award: &Award) -> Vec<wire::Because> {
    award.because.iter().map(cause_to_wire).collect()
}

fn causes_from_wire(because: Vec<wire::Because>) -> Result<Vec<Cause>, DecodeError> {
    let cause = |cause: wire::Because| {
        Ok(Cause { activity_id: id(&cause.activity_id)?, value: cause.value, at_us: cause.at_us })
    };
    because.into_iter().map(cause).collect()
}

fn unlocked_to_wire(given: &BadgeGiven) -> wire::BadgeUnlocked {
    wire::BadgeUnlocked {
        achievement_id: bytes_of(given.id),
        account_id: bytes_of(given.account),
        badge: given.badge.clone(),
        unlocked_us: Some(given.award.unlocked_us),
        rule: given.award.rule.clone(),
        rule_version: given.rule_version,
        because: causes_to_wire(&given.award),
        private: given.award.private,
        frozen_days: given.award.frozen.clone(),
    }
}

fn reexplained_to_wire(given: &BadgeGiven) -> wire::BadgeReexplained {
    let same = unlocked_to_wire(given);
    wire::BadgeReexplained {
        achievement_id: same.achievement_id,
        account_id: same.account_id,
        badge: same.badge,
        unlocked_us: same.unlocked_us,
        rule: same.rule,
        rule_version: same.rule_version,
        because: same.because,
        private: same.private,
        frozen_days: same.frozen_days,
    }
}

fn given(event: wire::BadgeUnlocked, erased: bool) -> Result<BadgeGiven, DecodeError> {
    let award = match event.unlocked_us {
        Some(unlocked_us) => {
            let because = causes_from_wire(event.because)?;
            let (rule, frozen, private) = (event.rule, event.frozen_days, event.private);
            Award { unlocked_us, rule, because, frozen, private }
        }
        None if erased => Award { private: event.private, ..Award::erased(event.rule) },
        None => return Err(DecodeError("a badge without the time of its unlocking".to_owned())),
    };
    Ok(BadgeGiven {
        id: id(&event.achievement_id)?,
        account: id(&event.account_id)?,
        badge: event.badge,
        rule_version: event.rule_version,
        award: Arc::new(award),
    })
}

fn unlocked(event: wire::BadgeUnlocked, erased: bool) -> Result<Event, DecodeError> {
    given(event, erased).map(Event::BadgeUnlocked)
}

fn reexplained(event: wire::BadgeReexplained, erased: bool) -> Result<Event, DecodeError> {
    let same = wire::BadgeUnlocked {
        achievement_id: event.achievement_id,
        account_id: event.account_id,
        badge: event.badge,
        unlocked_us: event.unlocked_us,
        rule: event.rule,
        rule_version: event.rule_version,
        because: event.because,
        private: event.private,
        frozen_days: event.frozen_days,
    };
    given(same, erased).map(Event::BadgeReexplained)
}

fn counted(event: wire::ActivityCounted) -> Result<Event, DecodeError> {
    Ok(Event::Counted {
        account: id(&event.account_id)?,
        activity: id(&event.activity_id)?,
        revision: event.revision,
        fact: event.fact.map(fact_from_wire),
        position: event.position,
    })
}

fn uncounted(event: wire::ActivityUncounted) -> Result<Event, DecodeError> {
    Ok(Event::Uncounted {
        account: id(&event.account_id)?,
        activity: id(&event.activity_id)?,
        revision: event.revision,
        receipt: Receipt { at_us: event.received_us, position: event.position },
    })
}

fn xp_changed(event: wire::XpChanged) -> Result<Event, DecodeError> {
    let part =
        |part: wire::XpPart| Ok(XpPart { activity: id(&part.activity_id)?, rule: part.rule, xp: part.xp });
    Ok(Event::XpChanged {
        account: id(&event.account_id)?,
        before: event.xp_before,
        after: event.xp_after,
        rule_version: event.rule_version,
        parts: event.parts.into_iter().map(part).collect::<Result<_, DecodeError>>()?,
        receipt: Receipt { at_us: event.received_us, position: event.position },
    })
}

fn level_reached(event: wire::LevelReached) -> Result<Event, DecodeError> {
    let wire::LevelReached { level, from_level, rule_version, .. } = event;
    Ok(Event::LevelReached { account: id(&event.account_id)?, level, from_level, rule_version })
}

fn level_lost(event: wire::LevelLost) -> Result<Event, DecodeError> {
    let wire::LevelLost { level, from_level, rule_version, .. } = event;
    Ok(Event::LevelLost { account: id(&event.account_id)?, level, from_level, rule_version })
}

fn streak_changed(event: wire::StreakChanged) -> Result<Event, DecodeError> {
    let wire::StreakChanged { days, last_day, freezes, frozen_days: frozen, .. } = event;
    let run = Run { days, last_day, freezes, frozen };
    Ok(Event::StreakChanged { account: id(&event.account_id)?, run })
}

fn revoked(event: wire::BadgeRevoked) -> Result<Event, DecodeError> {
    Ok(Event::BadgeRevoked {
        id: id(&event.achievement_id)?,
        account: id(&event.account_id)?,
        badge: event.badge,
        rule_version: event.rule_version,
    })
}

fn rules_adopted(event: wire::RulesAdopted) -> Result<Event, DecodeError> {
    let wire::RulesAdopted { rule_version, from_version, .. } = event;
    Ok(Event::RulesAdopted { account: id(&event.account_id)?, rule_version, from_version })
}

fn reward_to_wire(given: &RewardGiven) -> wire::RewardBadgeGiven {
    wire::RewardBadgeGiven {
        achievement_id: bytes_of(given.id),
        account_id: bytes_of(given.account),
        badge: given.badge.clone(),
        challenge_id: bytes_of(given.challenge),
        rank: given.rank,
        at_us: given.at_us,
        anonymous: given.anonymous,
    }
}

fn reward_given(event: wire::RewardBadgeGiven) -> Result<Event, DecodeError> {
    Ok(Event::RewardGiven(RewardGiven {
        id: id(&event.achievement_id)?,
        account: id(&event.account_id)?,
        badge: event.badge,
        challenge: id(&event.challenge_id)?,
        rank: event.rank,
        at_us: event.at_us,
        anonymous: event.anonymous,
    }))
}

fn snapshot_to_wire(progress: &Progress) -> Option<wire::ProgressSnapshot> {
    let run = progress.run.clone().unwrap_or_default();
    let activity = |(id, known): (&ActivityId, &Known)| wire::KnownActivity {
        activity_id: bytes_of(*id),
        revision: known.revision,
        fact: known.fact.as_deref().map(fact_to_wire),
    };
    let badge = |(badge, award): (&String, &Arc<Award>)| wire::HeldBadge {
        badge: badge.clone(),
        unlocked_us: award.unlocked_us,
        rule: award.rule.clone(),
        because: causes_to_wire(award),
        private: award.private,
        frozen_days: award.frozen.clone(),
    };
    let reward = |(id, badge): (&AchievementId, &String)| wire::HeldReward {
        achievement_id: bytes_of(*id),
        badge: badge.clone(),
    };
    Some(wire::ProgressSnapshot {
        account_id: bytes_of(progress.account?),
        activities: progress.activities.iter().map(activity).collect(),
        xp: progress.xp,
        level: progress.level,
        streak_days: run.days,
        streak_last_day: run.last_day,
        badges: progress.badges.iter().map(badge).collect(),
        rewards: progress.rewards.iter().map(reward).collect(),
        rule_version: progress.rule_version,
        streak_freezes: run.freezes,
        streak_frozen_days: run.frozen,
    })
}

fn snapshot_from_wire(snapshot: wire::ProgressSnapshot) -> Result<Progress, DecodeError> {
    let account: AccountId = id(&snapshot.account_id)?;
    let known = |known: wire::KnownActivity| {
        let fact = known.fact.map(fact_from_wire).map(Arc::new);
        Ok((id(&known.activity_id)?, Known { revision: known.revision, fact }))
    };
    let held = |held: wire::HeldBadge| {
        let because = causes_from_wire(held.because)?;
        let wire::HeldBadge { unlocked_us, rule, private, frozen_days: frozen, .. } = held;
        Ok((held.badge, Arc::new(Award { unlocked_us, rule, because, frozen, private })))
    };
    let reward = |held: wire::HeldReward| Ok((id(&held.achievement_id)?, held.badge));
    let run = Run {
        days: snapshot.streak_days,
        last_day: snapshot.streak_last_day,
        freezes: snapshot.streak_freezes,
        frozen: snapshot.streak_frozen_days,
    };
    Ok(Progress {
        account: Some(account),
        activities: snapshot.activities.into_iter().map(known).collect::<Result<_, DecodeError>>()?,
        xp: snapshot.xp,
        level: snapshot.level,
        run: (run.days > 0).then_some(run),
        badges: snapshot.badges.into_iter().map(held).collect::<Result<_, DecodeError>>()?,
        rewards: snapshot.rewards.into_iter().map(reward).collect::<Result<_, DecodeError>>()?,
        rule_version: snapshot.rule_version.max(1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenges_badge_of_before_names_the_challenge_as_one_of_today_does() {
        let given = RewardGiven {
            id: AchievementId::random(),
            account: AccountId::random(),
            badge: "podium".to_owned(),
            challenge: Id::random(),
            rank: 2,
            at_us: 7,
            anonymous: false,
        };
        let today = reward_to_held(&given).because;
        let of_before = wire::Because {
            activity_id: bytes_of(given.challenge),
            value: 2.0,
            at_us: 7,
            ..wire::Because::default()
        };
        assert_eq!(because_from_row(CHALLENGE, vec![of_before.clone()]), today);
        assert_eq!(because_from_row(CHALLENGE, today.clone()), today);
        assert_eq!(because_from_row("the first run", vec![of_before.clone()]), [of_before]);
    }
}
