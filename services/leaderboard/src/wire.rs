//! What gamification publishes, as the board takes it. Nowhere else.

use eligibility::Rule;
use eventing::{Class, DecodeError, StateValue};
use kernel::{AccountId, Id};
use privacy::BoardName;
use proto::gamification::{ChallengeState, ChallengeTerms, ScoreState, past_scores_response::PastScore};
use uuid::Uuid;

use crate::{
    boards::{ChallengeId, Phase, Terms},
    domain::{
        board::{ALL, Score, Told},
        places::Ties,
        teams::Combining,
    },
};

/// More than any topic has partitions.
const PARTS_MAX: u64 = 1 << 10;

/// A place in the log as one number that ascends in a partition and is no other partition's; above 0. So a sequence of
/// another board is never taken for one of this.
pub fn sequence(part: u32, offset: i64) -> u64 {
    (offset.unsigned_abs() + 1) * PARTS_MAX + u64::from(part) % PARTS_MAX
}

pub fn terms(value: &StateValue) -> Result<(ChallengeId, Terms), DecodeError> {
    let state: ChallengeState = value.plain.expect()?;
    let told = state.terms.unwrap_or_default();
    let phase = match state.state.as_str() {
        "draft" => Phase::Draft,
        _ if state.never_opened => Phase::Draft,
        "settled" => Phase::Settled,
        "stopped" => Phase::Stopped,
        // Words that are not known here are of something that runs.
        _ => Phase::Running,
    };
    let best = ["longest_m", "fastest_s"].contains(&told.metric.as_str());
    let combining = Combining { best, ascending: state.ascending };
    let terms = Terms {
        teams: ["group", "team"].contains(&told.kind.as_str()).then_some(combining),
        circle: circle(&told),
        author: id(&state.author_id).ok(),
        metric: told.metric,
        ascending: state.ascending,
        ties: Ties::parse(&told.ties).unwrap_or_default(),
        public: told.public,
        phase,
        revision: value.revision,
    };
    Ok((id(&state.challenge_id)?, terms))
}

/// A rule that is not understood is met by nobody here.
fn circle(terms: &ChallengeTerms) -> Option<String> {
    if terms.public || terms.eligibility_json.is_empty() {
        return None;
    }
    let rule = Rule::parse(&terms.eligibility_json, "/eligibility");
    rule.map_or_else(|_| Some(String::new()), |rule| rule.group().map(str::to_owned))
}

/// Where a participant stands. Whose key was destroyed stands nowhere.
pub fn told(value: &StateValue) -> Result<(ChallengeId, Told), DecodeError> {
    let state: ScoreState = value.plain.expect()?;
    let account: AccountId = id(&state.account_id)?;
    let stands = state.state == "active" && !value.plain.is_erased(Class::Activity);
    let score = state.score.filter(|score| stands && score.scored);
    let told = Told {
        account,
        number: state.member,
        show_as: show_as(&state.show_as),
        score: score.as_ref().map(|score| Score { value: score.value, reached_us: score.reached_us }),
        segments: score.map(|score| score.segments).unwrap_or_default(),
        revision: value.revision,
        sequence: sequence(value.part, value.offset),
    };
    Ok((id(&state.challenge_id)?, Told { segments: own(told.segments), ..told }))
}

/// Where a participant stood at a moment that is over.
pub fn past(score: PastScore) -> Result<Told, DecodeError> {
    Ok(Told {
        account: id(&score.account_id)?,
        number: score.member,
        show_as: show_as(&score.show_as),
        score: Some(Score { value: score.value, reached_us: score.reached_us }),
        segments: own(score.segments),
        revision: 1,
        sequence: score.heard,
    })
}

fn show_as(word: &str) -> BoardName {
    if word == "name" { BoardName::Shown } else { BoardName::Anonymous }
}

/// Everybody's segment is nobody's own; nor is one without a name.
fn own(mut segments: Vec<String>) -> Vec<String> {
    segments.retain(|segment| segment != ALL && !segment.is_empty());
    segments
}

pub fn id<Kind>(bytes: &[u8]) -> Result<Id<Kind>, DecodeError> {
    Uuid::from_slice(bytes).map(Id::new).map_err(|_| DecodeError("an id is no uuid".to_owned()))
}
