//! Teams of a challenge: for which of its groups somebody competes, and what a team has reached together.
//!
//! A team is a group of social. Everybody competes for one, the same one as long as the challenge lasts. What members
//! have is combined as the metric combines activities: sums are summed, of bests the best counts.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Code, Id, Refusal};

use super::{
    challenge::{Kind, Placement, TeamPlace, TeamPlacement, Terms},
    placing::{self, Scored},
    scoring::{Score, together},
};

/// Kind of a team's id, which is that of its group.
pub enum Team {}
pub type TeamId = Id<Team>;

const SEGMENT: &str = "team:";

/// The board of a team's own members.
pub fn segment(team: TeamId) -> String {
    format!("{SEGMENT}{team}")
}

/// The team of whoever stands in these segments.
pub fn of(segments: &[String]) -> Option<TeamId> {
    segments.iter().find_map(|segment| segment.strip_prefix(SEGMENT)).and_then(|team| team.parse().ok())
}

/// For which of its groups somebody competes who is a member of these; `None` where everybody competes alone. `asked`:
/// the one they name, `before`: the one they competed for before they left.
///
/// # Errors
/// `invalid_field` for one that does not take part, and where it has to be said which; `conflict` for another than
/// before; `not_eligible` without one, or as no member of it.
pub fn choose(
    terms: &Terms,
    member_of: &BTreeSet<String>,
    asked: Option<TeamId>,
    before: Option<TeamId>,
) -> Result<Option<TeamId>, Refusal> {
    if !terms.kind.has_teams() {
        return match asked {
            None => Ok(None),
            Some(_) => Err(Refusal::field(FIELD, "not_allowed", "everybody competes alone here")),
        };
    }
    stays(before, asked)?;
    let named = before.or(asked);
    if named.is_some_and(|team| !takes_part(terms, team)) {
        return Err(Refusal::field(FIELD, "unknown_value", "this group is no team of the challenge"));
    }
    let mine = member_of.iter().filter_map(|group| group.parse::<TeamId>().ok());
    let mine: Vec<TeamId> = mine.filter(|team| takes_part(terms, *team)).collect();
    match (named, mine.as_slice()) {
        (Some(team), mine) if mine.contains(&team) => Ok(Some(team)),
        (Some(team), _) => Err(no_member(serde_json::json!({ "group": team }))),
        (None, [team]) => Ok(Some(*team)),
        (None, []) => Err(no_member(without_team(terms.kind))),
        (None, _) => {
            Err(Refusal::field(FIELD, "required", "you are in several of its groups: say for which"))
        }
    }
}

/// Whether somebody who is a member of these could compete.
pub fn has_one(terms: &Terms, member_of: &BTreeSet<String>) -> bool {
    let takes_part = |group: &String| group.parse().is_ok_and(|team| takes_part(terms, team));
    !terms.kind.has_teams() || member_of.iter().any(takes_part)
}

/// Whoever competes for a team does so to the end: they may not go over to another.
///
/// # Errors
/// `conflict`.
pub fn stays(before: Option<TeamId>, asked: Option<TeamId>) -> Result<(), Refusal> {
    if asked.is_some() && before.is_some() && asked != before {
        return Err(Refusal::new(Code::Conflict, "you compete for another team in this challenge"));
    }
    Ok(())
}

/// What whoever has no team does not meet, as clauses are told.
pub fn without_team(kind: Kind) -> serde_json::Value {
    serde_json::json!({ "kind": kind.as_str() })
}

/// The public field that names it.
const FIELD: &str = "/group_id";

fn no_member(clause: serde_json::Value) -> Refusal {
    let mut refusal = Refusal::new(Code::NotEligible, "you are a member of none of its teams");
    refusal.reasons = eligibility::reasons(&[clause]);
    refusal
}

/// Where the rule lets in the members of one group alone, groups compete as that one.
fn takes_part(terms: &Terms, team: TeamId) -> bool {
    match terms.kind {
        Kind::Individual => false,
        Kind::Group => terms.group().is_none_or(|group| group.parse() == Ok(team)),
        Kind::Team => terms.teams.is_empty() || terms.teams.contains(&team),
    }
}

/// Teams with a score, in their order: ties are listed by who reached it first, then by team.
pub fn placements(terms: &Terms, scored: &[Scored]) -> Vec<TeamPlacement> {
    let mut members: BTreeMap<TeamId, Vec<Score>> = BTreeMap::new();
    for one in scored {
        if let Some(team) = one.team {
            members.entry(team).or_default().push(one.score);
        }
    }
    let counts: BTreeMap<TeamId, u32> = members
        .iter()
        .map(|(team, scores)| (*team, u32::try_from(scores.len()).unwrap_or(u32::MAX)))
        .collect();
    let teams =
        members.into_iter().filter_map(|(team, scores)| Some((team, together(terms.metric, scores)?)));
    let placed = placing::ranked(terms.metric, terms.ties, teams.collect());
    placed
        .into_iter()
        .map(|place| TeamPlacement {
            team: place.who,
            rank: place.rank,
            score: place.score.value,
            reached_us: place.score.reached_us,
            tied: place.tied,
            members: counts.get(&place.who).copied().unwrap_or_default(),
            behind: place.behind,
        })
        .collect()
}

/// The final order of a challenge: everybody's place, and their teams'.
pub struct Order {
    pub placements: Vec<Placement>,
    pub teams: Vec<TeamPlacement>,
}

/// Everybody's place by what they have themselves; rewards go by the team's where there is one, to each of its members
/// who has a score.
pub fn order(terms: &Terms, scored: Vec<Scored>) -> Order {
    let teams = if terms.kind.has_teams() { placements(terms, &scored) } else { Vec::new() };
    let places: BTreeMap<TeamId, &TeamPlacement> = teams.iter().map(|place| (place.team, place)).collect();
    let of_teams = u32::try_from(teams.len()).unwrap_or(u32::MAX);
    let mut placements = placing::placements(terms, scored);
    if terms.kind.has_teams() {
        for placement in &mut placements {
            let place = placement.team.and_then(|team| places.get(&team.team));
            placement.team =
                place.map(|place| TeamPlace { team: place.team, rank: place.rank, score: place.score });
            let stand = place.map(|place| placing::Stand {
                rank: place.rank,
                score: place.score,
                behind: place.behind,
                of: of_teams,
            });
            placement.earned = Some(stand.map_or(0, |stand| placing::earned(terms, stand)));
        }
    }
    Order { placements, teams }
}

#[cfg(test)]
#[path = "teams_tests.rs"]
mod tests;
