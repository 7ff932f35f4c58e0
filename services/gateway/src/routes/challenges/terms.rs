//! What is asked for and what is won: the terms of a challenge, in and out.

use std::collections::BTreeMap;

use proto::gamification::{ChallengeReward, ChallengeTerms, ChallengeWindow};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::values::{AnId, Figure, Instant, Real, SportWord, known, or_default};

/// The metric that a short activity would always win.
const FASTEST: &str = "fastest_s";

/// A challenge as written.
#[derive(Clone, Deserialize, ToSchema)]
#[schema(as = ChallengeDraft)]
pub(super) struct Draft {
    /// By language.
    #[schema(example = json!({"en": "Around the Ile", "ru": "Вокруг Или"}))]
    name: BTreeMap<String, String>,
    /// `individual` (unless said): everybody for themselves; `group`: groups with groups; `team`: the groups named in
    /// `teams`, or any. A team has what its members have: their sum, or of `longest_m` and `fastest_s` the best. Places
    /// and scores that are rewarded are then the team's, and each member with a score gets the reward.
    #[schema(example = "individual")]
    kind: Option<String>,
    /// Of `team`: the groups that compete, 2 to 64; left out: any.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required = false)]
    teams: Vec<AnId>,
    /// `distance_m moving_time_s ascent_m count steps longest_m fastest_s xp`; of `fastest_s` the shortest time of one
    /// activity of at least `min_distance_m`.
    #[schema(example = "distance_m")]
    metric: String,
    /// None: all.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required = false, value_type = Vec<SportWord>)]
    sports: Vec<String>,
    window: Window,
    /// A rule: `{"all":[…]} {"any":[…]} {"not":…}` over clauses; left out: everybody. Purchases are the promos' to ask:
    /// `purchased_within_days` is refused, `not_for_challenges`.
    #[serde(default)]
    #[schema(required = false, value_type = Object, example = json!({"region_in": ["KZ-75"]}))]
    eligibility: Option<Box<RawValue>>,
    /// Seats; left out: as many as come.
    capacity: Option<u32>,
    /// `first` (unless said): who reached it earlier is before; `shared`: 1 2 2 4; `dense`: 1 2 2 3.
    #[schema(example = "first")]
    ties: Option<String>,
    /// Whether anybody may see the board.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required = false)]
    public: bool,
    /// For how long after the end what arrives late still counts; 48 hours unless said.
    #[schema(example = 172_800)]
    late_sync_grace_s: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required = false)]
    rewards: Vec<Reward>,
    /// `window` (unless said), or `join`: what was done before joining does not count.
    #[schema(example = "window")]
    count_from: Option<String>,
    /// Shorter activities do not count. Left out, any does; of `fastest_s` those of 1 000 m and more, and then it is told.
    min_distance_m: Option<Real>,
    /// Of each participant's activities that would count, only the first so many do, by when they begin: 1 to 1000; not
    /// of `steps` and `xp`. Left out: all.
    #[schema(minimum = 1, maximum = 1000)]
    attempts: Option<u32>,
}

/// When it counts: from `start` up to and without `end`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = ChallengeWindow)]
pub(super) struct Window {
    /// A local date and time.
    #[schema(example = "2026-05-01T00:00:00")]
    start: String,
    #[schema(example = "2026-06-01T00:00:00")]
    end: String,
    /// `instant`: both in `time_zone`; `local`: in each participant's own.
    #[schema(example = "local")]
    clock: String,
    /// IANA; needed for `instant`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Asia/Almaty")]
    time_zone: Option<String>,
    /// When it begins (for `local`: where it begins first).
    #[serde(default, skip_deserializing, skip_serializing_if = "Option::is_none")]
    #[schema(read_only)]
    starts_at: Option<Instant>,
    /// When it ends (for `local`: where it ends last).
    #[serde(default, skip_deserializing, skip_serializing_if = "Option::is_none")]
    #[schema(read_only)]
    ends_at: Option<Instant>,
}

/// For places, for percentiles, or for a score reached: one of the three.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = ChallengeReward)]
struct Reward {
    /// From … to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<u32>>, example = json!([1, 3]))]
    places: Option<[u32; 2]>,
    /// From … to, 0 to 100: the share of all who are ranked that stands strictly behind, as places show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Figure>>, example = json!([90, 100]))]
    percentile: Option<[Score; 2]>,
    /// In the metric's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Figure>)]
    reached: Option<Score>,
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required = false, example = 500)]
    points: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "podium")]
    badge: Option<String>,
}

/// A score as a number, in and out.
#[derive(Clone, Copy, Debug)]
struct Score(f64);

impl<'de> Deserialize<'de> for Score {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Real::deserialize(deserializer).map(|real| Self(real.0))
    }
}
impl Serialize for Score {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Figure(self.0).serialize(serializer)
    }
}

impl From<Window> for ChallengeWindow {
    fn from(window: Window) -> Self {
        Self {
            start: window.start,
            end: window.end,
            clock: window.clock,
            time_zone: window.time_zone.unwrap_or_default(),
            // Worked out by the service.
            start_us: 0,
            end_us: 0,
        }
    }
}

impl From<Reward> for ChallengeReward {
    fn from(reward: Reward) -> Self {
        Self {
            place_first: reward.places.map(|[first, _]| first),
            place_last: reward.places.map(|[_, last]| last),
            percentile_from: reward.percentile.map(|[from, _]| from.0),
            percentile_to: reward.percentile.map(|[_, to]| to.0),
            reached: reward.reached.map(|score| score.0),
            points: reward.points,
            badge: reward.badge.unwrap_or_default(),
        }
    }
}

impl Draft {
    pub(super) fn into_terms(self) -> ChallengeTerms {
        let unless_said = |said: Option<String>, word: &str| said.unwrap_or_else(|| word.to_owned());
        ChallengeTerms {
            name: self.name.into_iter().collect(),
            kind: unless_said(self.kind, "individual"),
            metric: self.metric,
            sports: self.sports,
            window: Some(self.window.into()),
            eligibility_json: rule(self.eligibility),
            capacity: self.capacity,
            ties: unless_said(self.ties, "first"),
            public: self.public,
            late_sync_grace_s: self.late_sync_grace_s,
            rewards: self.rewards.into_iter().map(Into::into).collect(),
            count_from: unless_said(self.count_from, "window"),
            // Read out of the rule by the service.
            regions: Vec::new(),
            min_distance_m: self.min_distance_m.map(|real| real.0),
            teams: texts(&self.teams),
            attempts: self.attempts,
        }
    }
}

fn texts(ids: &[AnId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

fn rule(rule: Option<Box<RawValue>>) -> String {
    rule.map(|rule| rule.get().to_owned()).unwrap_or_default()
}

/// What is left out stays as it is; null clears `eligibility`, `capacity`, `min_distance_m` and `attempts`. A
/// `min_distance_m` of `fastest_s` goes with it when another metric takes its place, unless it is said.
#[derive(Clone, Deserialize, ToSchema)]
#[schema(as = ChallengeChanges)]
pub(super) struct Changes {
    #[schema(example = json!({"en": "Around the Ile"}))]
    name: Option<BTreeMap<String, String>>,
    kind: Option<String>,
    teams: Option<Vec<AnId>>,
    metric: Option<String>,
    #[schema(value_type = Option<Vec<SportWord>>)]
    sports: Option<Vec<String>>,
    window: Option<Window>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<Object>)]
    eligibility: Option<Option<Box<RawValue>>>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<u32>)]
    capacity: Option<Option<u32>>,
    ties: Option<String>,
    public: Option<bool>,
    late_sync_grace_s: Option<i64>,
    rewards: Option<Vec<Reward>>,
    count_from: Option<String>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<Real>)]
    min_distance_m: Option<Option<Real>>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<u32>)]
    attempts: Option<Option<u32>>,
}

/// Tells null, `Some(None)`, from what was left out, `None`.
fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Changes {
    /// The terms with these changes.
    pub(super) fn over(self, terms: ChallengeTerms) -> ChallengeTerms {
        let rewards = self.rewards.map(|rewards| rewards.into_iter().map(Into::into).collect());
        let metric = self.metric.unwrap_or_else(|| terms.metric.clone());
        // The fastest always has a least distance; what is measured instead of it has one only if that is said.
        let least_m = terms.min_distance_m.filter(|_| terms.metric != FASTEST || metric == FASTEST);
        ChallengeTerms {
            name: self.name.map_or(terms.name, |name| name.into_iter().collect()),
            kind: self.kind.unwrap_or(terms.kind),
            metric,
            sports: self.sports.unwrap_or(terms.sports),
            window: self.window.map(Into::into).or(terms.window),
            eligibility_json: self.eligibility.map_or(terms.eligibility_json, rule),
            capacity: self.capacity.unwrap_or(terms.capacity),
            ties: self.ties.unwrap_or(terms.ties),
            public: self.public.unwrap_or(terms.public),
            late_sync_grace_s: self.late_sync_grace_s.or(terms.late_sync_grace_s),
            rewards: rewards.unwrap_or(terms.rewards),
            count_from: self.count_from.unwrap_or(terms.count_from),
            regions: terms.regions,
            min_distance_m: self.min_distance_m.map_or(least_m, |real| real.map(|real| real.0)),
            teams: self.teams.map_or(terms.teams, |teams| texts(&teams)),
            attempts: self.attempts.unwrap_or(terms.attempts),
        }
    }
}

/// The terms as they stand.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChallengeTerms)]
pub(super) struct Terms {
    name: BTreeMap<String, String>,
    #[schema(example = "individual")]
    kind: String,
    /// Of `team`: the groups that compete; absent: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    teams: Vec<AnId>,
    #[schema(example = "distance_m")]
    metric: String,
    #[schema(value_type = Vec<SportWord>)]
    sports: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<Window>,
    /// As it was written; absent: everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    eligibility: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity: Option<u32>,
    #[schema(example = "first")]
    ties: String,
    public: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    late_sync_grace_s: Option<i64>,
    rewards: Vec<Reward>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_distance_m: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    /// Those that the rule asks for: where the challenge is listed.
    regions: Vec<String>,
}

impl Terms {
    pub(super) fn of(terms: ChallengeTerms) -> Self {
        let reward = |reward: ChallengeReward| Reward {
            places: reward.place_first.map(|first| [first, reward.place_last.unwrap_or(first)]),
            percentile: reward
                .percentile_from
                .zip(reward.percentile_to)
                .map(|(from, to)| [from, to].map(Score)),
            reached: reward.reached.map(Score),
            points: reward.points,
            badge: known(reward.badge),
        };
        let window = |window: ChallengeWindow| Window {
            start: window.start,
            end: window.end,
            clock: window.clock,
            time_zone: known(window.time_zone),
            starts_at: Instant::known(window.start_us),
            ends_at: Instant::known(window.end_us),
        };
        Self {
            name: terms.name.into_iter().collect(),
            kind: terms.kind,
            teams: terms.teams.iter().filter_map(|team| team.parse().ok().map(AnId)).collect(),
            metric: terms.metric,
            sports: terms.sports,
            window: terms.window.map(window),
            eligibility: known(terms.eligibility_json).and_then(|rule| RawValue::from_string(rule).ok()),
            capacity: terms.capacity,
            ties: terms.ties,
            public: terms.public,
            late_sync_grace_s: terms.late_sync_grace_s,
            rewards: terms.rewards.into_iter().map(reward).collect(),
            count_from: known(terms.count_from),
            min_distance_m: Figure::known(terms.min_distance_m),
            attempts: terms.attempts,
            regions: terms.regions,
        }
    }
}
