//! Who somebody is at the moment it matters: facts for a rule, and what is frozen at joining.

use eligibility::Facts;
use kernel::{AccountId, Code, Refusal, time::from_micros};
use proto::auth::AccountStanding;

use super::{
    super::{App, facts, leagues},
    staff::{self, Groups},
};
use crate::domain::{
    Terms,
    participation::Frozen,
    segments,
    teams::{self, TeamId},
};

/// Clubs frozen for one participant: a member of more is on the boards of the first.
const CLUBS_MAX: usize = 64;

/// What a rule looks at. Purchases are not known here: no challenge asks for them.
pub fn facts_of(standing: &AccountStanding, earned: &facts::Facts, groups: &Groups) -> Facts {
    Facts {
        region: standing.region.clone(),
        country: standing.country.clone(),
        locale: standing.locale.clone(),
        sports: earned.sports.iter().map(|row| row.sport.clone()).collect(),
        level: earned.level,
        badges: earned.badges.iter().cloned().collect(),
        last_active: earned.last_activity_us().map(from_micros),
        consents: standing.consents.iter().cloned().collect(),
        groups: groups.member_of.clone(),
        birth_year: standing.birth_year,
        last_purchase: None,
    }
}

/// What holds for the whole challenge, whatever changes later. Minors stand on no board of an age or a sex. An age is
/// that of the year in which the challenge begins: everybody's is measured alike, whenever they join.
pub fn frozen(
    standing: &AccountStanding,
    earned: &facts::Facts,
    groups: &Groups,
    league: Option<String>,
    (terms, team): (&Terms, Option<TeamId>),
) -> Frozen {
    let mut segments: Vec<String> =
        groups.member_of.iter().take(CLUBS_MAX).map(|group| format!("club:{group}")).collect();
    segments.push(format!("level:{}", earned.level));
    segments.extend(league.map(|tier| format!("league:{tier}")));
    segments.extend(standing.region.iter().map(|region| format!("region:{region}")));
    if !standing.minor {
        let year = i32::from(terms.window.start.year());
        segments.extend(segments::sex(standing.sex.as_deref()));
        segments.extend(segments::age(standing.birth_year, year));
    }
    segments.extend(team.map(teams::segment));
    segments.sort();
    Frozen { segments, time_zone: standing.time_zone.clone() }
}

/// For whom somebody wants to compete, and did before they left.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice {
    pub asked: Option<TeamId>,
    pub before: Option<TeamId>,
}

/// Who wants to take part: `not_eligible` with the clauses that fail, as they are written.
pub async fn eligible(
    app: &App,
    account: AccountId,
    terms: &Terms,
    choice: Choice,
) -> Result<Frozen, Refusal> {
    let unknown = || Refusal::new(Code::Forbidden, "this account takes part in nothing");
    let standing = app.standing(account).await?.ok_or_else(unknown)?;
    if standing.locked {
        return Err(Refusal::new(Code::Forbidden, "the account is locked"));
    }
    let groups = staff::groups(app, &[account]).await?.pop().unwrap_or_default();
    let earned = facts::facts(app, &[account], 0).await?.pop();
    let earned = earned.ok_or_else(|| Refusal::new(Code::Internal, "facts of nobody"))?;
    let unmet = terms.eligibility.unmet(&facts_of(&standing, &earned, &groups), app.clock.now());
    if !unmet.is_empty() {
        let mut refusal = Refusal::new(Code::NotEligible, "you do not meet the challenge's conditions");
        refusal.reasons = eligibility::reasons(&unmet);
        return Err(refusal);
    }
    let team = teams::choose(terms, &groups.member_of, choice.asked, choice.before)?;
    let league = leagues::read::tier(app, account).await?;
    Ok(frozen(&standing, &earned, &groups, league, (terms, team)))
}
