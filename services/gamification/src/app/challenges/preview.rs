//! Who could join, and how the board would look on what is known already. Nothing is written.

use std::{collections::BTreeMap, sync::Arc};

use kernel::{AccountId, Code, Refusal};
use proto::auth::{AccountStanding, StandingRequest};
use uuid::Uuid;

use super::{
    super::{App, facts},
    people, staff, stream_of,
};
use crate::{
    domain::{Challenge, ChallengeId, Terms, teams},
    wire::bytes_of,
};

/// Siblings answer for so many accounts at once.
const PAGE: u32 = 200;
const BEST_MAX: usize = 10;
/// Of fewer, single scores would tell of single people.
const ELIGIBLE_MIN: u32 = 20;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    pub accounts_looked_at: u32,
    /// `false`: there are more accounts than one preview looks at.
    pub complete: bool,
    pub eligible: u32,
    /// Failing clause, as written → how many fail by it.
    pub refused: BTreeMap<String, u32>,
    /// The best first, thousandths of the metric's unit; empty while fewer than 20 are eligible.
    pub scores_best: Vec<i64>,
    /// Eligible accounts that would have a score.
    pub scoring: u32,
}

/// For the staff who may change the challenge: those who run a group alone would learn, rule by rule, what their members
/// keep to themselves. Accounts that never recorded anything are not looked at.
pub async fn preview(app: &App, by: AccountId, id: ChallengeId) -> Result<Preview, Refusal> {
    let challenge = app.journal.load::<Challenge>(&stream_of(id)).await?.state;
    let terms = challenge.known()?.terms.clone();
    if !staff::manager(app, by, id, &challenge).await?.by_role(&terms) {
        return Err(Refusal::new(Code::Forbidden, "previews are for operators, coaches and marketers"));
    }
    let mut preview = Preview { complete: true, ..Preview::default() };
    let mut after = AccountId::new(Uuid::nil());
    loop {
        let room = app.config.preview_accounts_max.saturating_sub(preview.accounts_looked_at);
        let mut page = app.store.accounts(after, PAGE.min(room + 1)).await.map_err(eventing::Error::from)?;
        if page.len() > room as usize {
            page.truncate(room as usize);
            preview.complete = false;
        }
        let Some(last) = page.last() else { break };
        after = *last;
        preview.look_at(app, &terms, &page).await?;
        if !preview.complete {
            break;
        }
    }
    preview.scores_best.sort_unstable();
    if !terms.metric.ascending() {
        preview.scores_best.reverse();
    }
    preview.scores_best.truncate(if preview.eligible < ELIGIBLE_MIN { 0 } else { BEST_MAX });
    Ok(preview)
}

impl Preview {
    async fn look_at(
        &mut self,
        app: &App,
        terms: &Arc<Terms>,
        accounts: &[AccountId],
    ) -> Result<(), Refusal> {
        let standings = standings(app, accounts).await?;
        let groups = staff::groups(app, accounts).await?;
        let earned = facts::facts(app, accounts, 0).await?;
        let now = app.clock.now();
        let mut entrants = Vec::new();
        for ((standing, groups), earned) in standings.iter().zip(&groups).zip(&earned) {
            self.accounts_looked_at += 1;
            if !standing.known || standing.erased || standing.locked {
                continue;
            }
            let mut unmet = terms.eligibility.unmet(&people::facts_of(standing, earned, groups), now);
            if !teams::has_one(terms, &groups.member_of) {
                unmet.push(teams::without_team(terms.kind));
            }
            if unmet.is_empty() {
                self.eligible += 1;
                entrants.push((earned.account, standing.time_zone.clone()));
            }
            for clause in unmet {
                *self.refused.entry(clause.to_string()).or_default() += 1;
            }
        }
        let scores = app.store.dry_run(terms.clone(), entrants).await.map_err(eventing::Error::from)?;
        self.scores_best.extend(scores.into_iter().map(|score| score.value));
        self.scoring = u32::try_from(self.scores_best.len()).unwrap_or(u32::MAX);
        Ok(())
    }
}

async fn standings(app: &App, accounts: &[AccountId]) -> Result<Vec<AccountStanding>, Refusal> {
    let request = StandingRequest {
        account_ids: accounts.iter().map(|account| bytes_of(*account)).collect(),
        held: vec![],
    };
    let answer = app.peers.auth().standing(request).await.map_err(|status| platform::refusal(&status))?;
    let mut standings = answer.into_inner().accounts;
    standings.resize(accounts.len(), AccountStanding::default());
    Ok(standings)
}
