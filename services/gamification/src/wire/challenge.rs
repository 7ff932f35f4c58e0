//! Events of challenges, seats and participants: proto ↔ domain.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use eligibility::Rule;
use eventing::{Aggregate, DecodeError, DomainEvent, Plain, Version};
use jiff::civil::DateTime;
use kernel::Sport;
use prost::Message;
use proto::gamification as wire;

use super::{
    bytes_of, id,
    placed::{placement_to_wire, placements_fixed, team_to_wire, teams_fixed},
};
use crate::domain::{
    challenge::{
        Challenge, Clock, CountFrom, Event, Kind, Metric, Reward, RewardAt, Terms, Ties, Window,
        terms::{Written, WrittenReward},
    },
    participation::{self, Frozen, Participation, ShowAs},
    seats::{self, Seats},
};

impl Aggregate for Challenge {
    type Event = Event;
    const KIND: &'static str = "challenge";

    fn evolve(&mut self, event: &Event) {
        Self::evolve(self, event);
    }
}

impl Aggregate for Participation {
    type Event = participation::Event;
    const KIND: &'static str = "participation";

    fn evolve(&mut self, event: &participation::Event) {
        Self::evolve(self, event);
    }
}

impl Aggregate for Seats {
    type Event = seats::Event;
    const KIND: &'static str = "seats";
    const SNAPSHOT_EVERY: Version = 100;

    fn evolve(&mut self, event: &seats::Event) {
        Self::evolve(self, event);
    }

    /// The last event says it all; whose seats they are the stream's name tells.
    fn snapshot(&self) -> Option<Plain> {
        let (taken, next_member) = (self.taken, self.next_member);
        Some(Plain::of(&wire::SeatsChanged { challenge_id: Bytes::new(), taken, next_member }))
    }

    fn restore(snapshot: &Plain) -> Option<Self> {
        let wire::SeatsChanged { taken, next_member, .. } = snapshot.expect().ok()?;
        Some(Self { taken, next_member })
    }
}

impl DomainEvent for Event {
    fn encode(&self) -> Plain {
        match self {
            Self::Drafted { challenge, author, terms } => Plain::of(&wire::ChallengeDrafted {
                challenge_id: bytes_of(*challenge),
                author_id: bytes_of(*author),
                terms: Some(terms_to_wire(terms)),
            }),
            Self::Changed { challenge, by, terms } => Plain::of(&wire::ChallengeChanged {
                challenge_id: bytes_of(*challenge),
                by_id: bytes_of(*by),
                terms: Some(terms_to_wire(terms)),
            }),
            Self::Opened { challenge, by, opened_us } => Plain::of(&wire::ChallengeOpened {
                challenge_id: bytes_of(*challenge),
                by_id: bytes_of(*by),
                opened_us: *opened_us,
            }),
            Self::Extended { challenge, by, window, reason } => Plain::of(&wire::ChallengeExtended {
                challenge_id: bytes_of(*challenge),
                by_id: bytes_of(*by),
                window: Some(window_to_wire(window)),
                reason: reason.clone(),
            }),
            Self::Stopped { challenge, by, reason, stopped_us, opened } => {
                Plain::of(&wire::ChallengeStopped {
                    challenge_id: bytes_of(*challenge),
                    by_id: bytes_of(*by),
                    reason: reason.clone(),
                    stopped_us: *stopped_us,
                    opened: *opened,
                })
            }
            Self::Settling { challenge, activity_head } => Plain::of(&wire::ChallengeSettling {
                challenge_id: bytes_of(*challenge),
                activity_head: *activity_head,
            }),
            Self::PlacementsFixed { challenge, placements } => Plain::of(&wire::PlacementsFixed {
                challenge_id: bytes_of(*challenge),
                placements: placements.iter().map(placement_to_wire).collect(),
            }),
            Self::TeamsFixed { challenge, teams } => Plain::of(&wire::TeamsFixed {
                challenge_id: bytes_of(*challenge),
                teams: teams.iter().map(team_to_wire).collect(),
            }),
            Self::Settled { challenge, count, checksum, settled_us } => Plain::of(&wire::ChallengeSettled {
                challenge_id: bytes_of(*challenge),
                count: *count,
                checksum: Bytes::copy_from_slice(checksum),
                settled_us: *settled_us,
            }),
            Self::PlacementAdjusted { challenge, account, score_before, score_after, reason, at_us } => {
                Plain::of(&wire::PlacementAdjusted {
                    challenge_id: bytes_of(*challenge),
                    account_id: bytes_of(*account),
                    score_before: *score_before,
                    score_after: *score_after,
                    reason: reason.clone(),
                    at_us: *at_us,
                })
            }
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        match plain.kind.rsplit('.').next().unwrap_or_default() {
            "ChallengeDrafted" => drafted(plain.expect()?),
            "ChallengeChanged" => changed(plain.expect()?),
            "ChallengeOpened" => opened(plain.expect()?),
            "ChallengeExtended" => extended(plain.expect()?),
            "ChallengeStopped" => stopped(plain.expect()?),
            "ChallengeSettling" => settling(plain.expect()?),
            "PlacementsFixed" => placements_fixed(plain.expect()?),
            "TeamsFixed" => teams_fixed(plain.expect()?),
            "ChallengeSettled" => settled(plain.expect()?),
            "PlacementAdjusted" => adjusted(plain.expect()?),
            _ => Err(DecodeError(format!("{} is no event of a challenge", plain.kind))),
        }
    }
}

impl DomainEvent for participation::Event {
    fn encode(&self) -> Plain {
        match self {
            Self::Joined { challenge, account, member, show_as, count_private, joined_us, frozen } => {
                Plain::of(&wire::ParticipantJoined {
                    challenge_id: bytes_of(*challenge),
                    account_id: bytes_of(*account),
                    member: *member,
                    show_as: show_as.as_str().to_owned(),
                    count_private: *count_private,
                    joined_us: *joined_us,
                    frozen: frozen.as_ref().map(|frozen| wire::Frozen {
                        segments: frozen.segments.clone(),
                        time_zone: frozen.time_zone.clone(),
                    }),
                })
            }
            Self::Changed { challenge, account, show_as, count_private } => {
                Plain::of(&wire::ParticipationChanged {
                    challenge_id: bytes_of(*challenge),
                    account_id: bytes_of(*account),
                    show_as: show_as.as_str().to_owned(),
                    count_private: *count_private,
                })
            }
            Self::Left { challenge, account } => Plain::of(&wire::ParticipantLeft {
                challenge_id: bytes_of(*challenge),
                account_id: bytes_of(*account),
            }),
            Self::Erased { challenge, account } => Plain::of(&wire::ParticipantErased {
                challenge_id: bytes_of(*challenge),
                account_id: bytes_of(*account),
            }),
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        match plain.kind.rsplit('.').next().unwrap_or_default() {
            "ParticipantJoined" => joined(plain.expect()?),
            "ParticipationChanged" => {
                let event: wire::ParticipationChanged = plain.expect()?;
                Ok(Self::Changed {
                    challenge: id(&event.challenge_id)?,
                    account: id(&event.account_id)?,
                    show_as: show_as(&event.show_as),
                    count_private: event.count_private,
                })
            }
            "ParticipantLeft" => {
                let event: wire::ParticipantLeft = plain.expect()?;
                Ok(Self::Left { challenge: id(&event.challenge_id)?, account: id(&event.account_id)? })
            }
            "ParticipantErased" => {
                let event: wire::ParticipantErased = plain.expect()?;
                Ok(Self::Erased { challenge: id(&event.challenge_id)?, account: id(&event.account_id)? })
            }
            _ => Err(DecodeError(format!("{} is no event of a participation", plain.kind))),
        }
    }
}

impl DomainEvent for seats::Event {
    fn encode(&self) -> Plain {
        let Self::Changed { challenge, taken, next_member } = self;
        Plain::of(&wire::SeatsChanged {
            challenge_id: bytes_of(*challenge),
            taken: *taken,
            next_member: *next_member,
        })
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        let event: wire::SeatsChanged = plain.expect()?;
        Ok(Self::Changed {
            challenge: id(&event.challenge_id)?,
            taken: event.taken,
            next_member: event.next_member,
        })
    }
}

// ── terms ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/// What a caller wrote, to be parsed by the domain.
pub(crate) fn written(terms: wire::ChallengeTerms) -> Written {
    let window = terms.window.unwrap_or_default();
    let places = |reward: &wire::ChallengeReward| match (reward.place_first, reward.place_last) {
        (None, None) => None,
        (first, last) => Some((first.or(last).unwrap_or_default(), last.or(first).unwrap_or_default())),
    };
    let reward = |reward: wire::ChallengeReward| WrittenReward {
        places: places(&reward),
        percentile: match (reward.percentile_from, reward.percentile_to) {
            (None, None) => None,
            (from, to) => Some((from.unwrap_or_default(), to.unwrap_or(100.0))),
        },
        reached: reward.reached,
        points: reward.points,
        badge: reward.badge,
    };
    Written {
        name: terms.name.into_iter().collect(),
        kind: terms.kind,
        teams: terms.teams,
        metric: terms.metric,
        sports: terms.sports,
        start: window.start,
        end: window.end,
        clock: window.clock,
        time_zone: window.time_zone,
        eligibility_json: terms.eligibility_json,
        capacity: terms.capacity,
        ties: terms.ties,
        public: terms.public,
        late_sync_grace_s: terms.late_sync_grace_s,
        rewards: terms.rewards.into_iter().map(reward).collect(),
        count_from: terms.count_from,
        min_distance_m: terms.min_distance_m,
        attempts: terms.attempts,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "thousandths far below 2^53, divided back into what was written"
)]
fn units(thousandths: i64) -> f64 {
    thousandths as f64 / 1_000.0
}

#[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates; what we wrote is small")]
fn thousandths(units: f64) -> i64 {
    (units * 1_000.0).round() as i64
}

/// The message as a row keeps it, the same bytes for the same terms: rows are compared by them. A map is encoded in whatever
/// order it has at the moment; so its entries stand behind all else, by their locales, which to a decoder is the same.
pub(crate) fn terms_to_row(terms: &Terms) -> Vec<u8> {
    let mut message = terms_to_wire(terms);
    let names: BTreeMap<String, String> = std::mem::take(&mut message.name).into_iter().collect();
    let mut bytes = message.encode_to_vec();
    for name in names {
        let one = wire::ChallengeTerms { name: [name].into(), ..wire::ChallengeTerms::default() };
        bytes.extend(one.encode_to_vec());
    }
    bytes
}

pub(crate) fn terms_to_wire(terms: &Terms) -> wire::ChallengeTerms {
    let everyone = terms.eligibility == Rule::everyone();
    wire::ChallengeTerms {
        name: terms.name.clone().into_iter().collect(),
        kind: terms.kind.as_str().to_owned(),
        metric: terms.metric.as_str().to_owned(),
        sports: terms.sports.iter().map(|sport| sport.as_str().to_owned()).collect(),
        window: Some(window_to_wire(&terms.window)),
        eligibility_json: if everyone { String::new() } else { terms.eligibility.to_json().to_string() },
        capacity: terms.capacity,
        ties: terms.ties.as_str().to_owned(),
        public: terms.public,
        late_sync_grace_s: Some(terms.late_sync_grace_s),
        rewards: terms.rewards.iter().map(reward_to_wire).collect(),
        count_from: terms.count_from.as_str().to_owned(),
        regions: terms.regions.iter().cloned().collect(),
        min_distance_m: terms.min_distance_mm.map(units),
        teams: terms.teams.iter().map(ToString::to_string).collect(),
        attempts: terms.attempts,
    }
}

/// Terms as they were kept: valid once, valid for ever.
pub(crate) fn terms_from_wire(terms: wire::ChallengeTerms) -> Result<Terms, DecodeError> {
    let unreadable = |what: &str| DecodeError(format!("a challenge's {what} is not readable"));
    let window = terms.window.ok_or_else(|| unreadable("window"))?;
    let eligibility = match terms.eligibility_json.as_str() {
        "" => Rule::everyone(),
        text => Rule::parse(text, "").map_err(|_| unreadable("rule"))?,
    };
    Ok(Terms {
        name: terms.name.into_iter().collect(),
        kind: Kind::parse(&terms.kind).ok_or_else(|| unreadable("kind"))?,
        teams: terms.teams.iter().filter_map(|team| team.parse().ok()).collect(),
        metric: Metric::parse(&terms.metric).ok_or_else(|| unreadable("metric"))?,
        sports: terms.sports.iter().filter_map(|sport| Sport::parse(sport)).collect(),
        window: window_from_wire(window)?,
        eligibility,
        capacity: terms.capacity,
        ties: Ties::parse(&terms.ties).ok_or_else(|| unreadable("way with ties"))?,
        public: terms.public,
        late_sync_grace_s: terms.late_sync_grace_s.unwrap_or_default(),
        rewards: terms.rewards.into_iter().map(reward_from_wire).collect::<Result<_, _>>()?,
        count_from: CountFrom::parse(&terms.count_from).unwrap_or(CountFrom::Window),
        min_distance_mm: terms.min_distance_m.map(thousandths),
        attempts: terms.attempts,
        regions: terms.regions.into_iter().collect(),
    })
}

fn reward_to_wire(reward: &Reward) -> wire::ChallengeReward {
    let mut kept = wire::ChallengeReward {
        points: reward.points,
        badge: reward.badge.clone().unwrap_or_default(),
        ..wire::ChallengeReward::default()
    };
    match reward.at {
        RewardAt::Places { first, last } => (kept.place_first, kept.place_last) = (Some(first), Some(last)),
        RewardAt::Percentile { from, to } => {
            (kept.percentile_from, kept.percentile_to) = (Some(units(from.into())), Some(units(to.into())));
        }
        RewardAt::Reached { score } => kept.reached = Some(units(score)),
    }
    kept
}

fn reward_from_wire(reward: wire::ChallengeReward) -> Result<Reward, DecodeError> {
    let places = reward.place_first.zip(reward.place_last);
    let percentile = reward.percentile_from.zip(reward.percentile_to);
    let share = |percent: f64| u32::try_from(thousandths(percent)).unwrap_or_default();
    let at = match (places, percentile, reward.reached) {
        (Some((first, last)), None, None) => RewardAt::Places { first, last },
        (None, Some((from, to)), None) => RewardAt::Percentile { from: share(from), to: share(to) },
        (None, None, Some(reached)) => RewardAt::Reached { score: thousandths(reached) },
        _ => return Err(DecodeError("a reward says not one of places, percentiles and a score".to_owned())),
    };
    Ok(Reward { at, points: reward.points, badge: (!reward.badge.is_empty()).then_some(reward.badge) })
}

pub(crate) fn window_to_wire(window: &Window) -> wire::ChallengeWindow {
    let (start, end) = window.said();
    wire::ChallengeWindow {
        start,
        end,
        clock: window.clock.as_str().to_owned(),
        time_zone: window.time_zone.clone(),
        start_us: window.start_us,
        end_us: window.end_us,
    }
}

fn window_from_wire(window: wire::ChallengeWindow) -> Result<Window, DecodeError> {
    let time = |text: &str| {
        text.parse::<DateTime>().map_err(|error| DecodeError(format!("a window's time: {error}")))
    };
    Ok(Window {
        start: time(&window.start)?,
        end: time(&window.end)?,
        clock: Clock::parse(&window.clock).ok_or_else(|| DecodeError("a window's clock".to_owned()))?,
        time_zone: window.time_zone,
        start_us: window.start_us,
        end_us: window.end_us,
        cut_us: None,
    })
}

// ── each event ─────────────────────────────────────────────────────────────────────────────────────────────────────

fn terms_of(terms: Option<wire::ChallengeTerms>) -> Result<Arc<Terms>, DecodeError> {
    terms_from_wire(terms.unwrap_or_default()).map(Arc::new)
}

fn drafted(event: wire::ChallengeDrafted) -> Result<Event, DecodeError> {
    let (challenge, author) = (id(&event.challenge_id)?, id(&event.author_id)?);
    Ok(Event::Drafted { challenge, author, terms: terms_of(event.terms)? })
}

fn changed(event: wire::ChallengeChanged) -> Result<Event, DecodeError> {
    let (challenge, by) = (id(&event.challenge_id)?, id(&event.by_id)?);
    Ok(Event::Changed { challenge, by, terms: terms_of(event.terms)? })
}

fn opened(event: wire::ChallengeOpened) -> Result<Event, DecodeError> {
    let (challenge, by) = (id(&event.challenge_id)?, id(&event.by_id)?);
    Ok(Event::Opened { challenge, by, opened_us: event.opened_us })
}

fn extended(event: wire::ChallengeExtended) -> Result<Event, DecodeError> {
    let (challenge, by) = (id(&event.challenge_id)?, id(&event.by_id)?);
    let window = window_from_wire(event.window.unwrap_or_default())?;
    Ok(Event::Extended { challenge, by, window, reason: event.reason })
}

fn stopped(event: wire::ChallengeStopped) -> Result<Event, DecodeError> {
    let (challenge, by) = (id(&event.challenge_id)?, id(&event.by_id)?);
    let wire::ChallengeStopped { reason, stopped_us, opened, .. } = event;
    Ok(Event::Stopped { challenge, by, reason, stopped_us, opened })
}

fn settling(event: wire::ChallengeSettling) -> Result<Event, DecodeError> {
    Ok(Event::Settling { challenge: id(&event.challenge_id)?, activity_head: event.activity_head })
}

fn settled(event: wire::ChallengeSettled) -> Result<Event, DecodeError> {
    let challenge = id(&event.challenge_id)?;
    let wire::ChallengeSettled { count, checksum, settled_us, .. } = event;
    Ok(Event::Settled { challenge, count, checksum: checksum.to_vec(), settled_us })
}

fn adjusted(event: wire::PlacementAdjusted) -> Result<Event, DecodeError> {
    let (challenge, account) = (id(&event.challenge_id)?, id(&event.account_id)?);
    let wire::PlacementAdjusted { score_before, score_after, reason, at_us, .. } = event;
    Ok(Event::PlacementAdjusted { challenge, account, score_before, score_after, reason, at_us })
}

fn joined(event: wire::ParticipantJoined) -> Result<participation::Event, DecodeError> {
    let (challenge, account) = (id(&event.challenge_id)?, id(&event.account_id)?);
    Ok(participation::Event::Joined {
        challenge,
        account,
        member: event.member,
        show_as: show_as(&event.show_as),
        count_private: event.count_private,
        joined_us: event.joined_us,
        frozen: event.frozen.map(|frozen| Frozen { segments: frozen.segments, time_zone: frozen.time_zone }),
    })
}

/// A word of tomorrow hides the name rather than showing it.
fn show_as(text: &str) -> ShowAs {
    ShowAs::parse(text).unwrap_or(ShowAs::Anonymous)
}
