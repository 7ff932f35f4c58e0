//! What the rules say of an activity; its owner's appeal, and a moderator's decision.

use eventing::{Command, Decision, Done};
use kernel::{AccountId, ActivityId, Code, Refusal};
use platform::Look;

use super::{App, activity_stream, events, page};
use crate::{
    domain::{activity::Activity, facts::Record, input::clean, verdict::TEXT_CHARS_MAX},
    store::starts,
};

const MODERATOR: &str = "moderator";

/// What is held against an activity.
pub struct Case {
    pub id: ActivityId,
    pub account: AccountId,
    pub record: Record,
}

/// Where a moderator decides; none named: everywhere.
struct Bench {
    regions: Vec<String>,
}

impl App {
    /// Its owner's, and a moderator's where something is held against it.
    pub async fn verdict(&self, viewer: AccountId, id: ActivityId) -> Result<Case, Refusal> {
        let case = self.case(id).await?.ok_or_else(Refusal::not_found)?;
        if case.account == viewer {
            return Ok(case);
        }
        // Whoever is no moderator is not told that there is such an activity.
        let bench = self.bench(viewer).await.map_err(|refusal| match refusal.code {
            Code::Forbidden => Refusal::not_found(),
            _ => refusal,
        })?;
        let known = case.record.judgement.is_some() && self.is_of(&bench, case.account).await?;
        if known { Ok(case) } else { Err(Refusal::not_found()) }
    }

    pub async fn appeal(
        &self,
        command: &Command,
        account: AccountId,
        id: ActivityId,
        text: &str,
    ) -> Result<(Done, Case), Refusal> {
        let text = words("/text", text)?;
        let done = self
            .journal
            .execute::<Activity, _>(command, &activity_stream(id), &account.to_string(), |activity, now| {
                let changes = activity.appeal(account, text.clone(), now)?;
                Ok(Decision::of(events(id, account, changes)).answer(200, vec![id.to_string()]))
            })
            .await?;
        Ok((done, self.case(id).await?.ok_or_else(Refusal::not_found)?))
    }

    /// The longest waiting first.
    pub async fn cases(
        &self,
        reviewer: AccountId,
        state: &str,
        behind: Option<ActivityId>,
        limit: u32,
    ) -> Result<(Vec<Case>, Option<ActivityId>), Refusal> {
        let state = match state {
            "" | "appealed" => "appealed",
            "flagged" => "flagged",
            _ => return Err(Refusal::field("/state", "unknown", "one of appealed, flagged")),
        };
        let bench = self.bench(reviewer).await?;
        let limit = page(limit);
        let ids = starts::cases(&self.db, state, behind, limit).await.map_err(eventing::Error::from)?;
        let next = ids.last().copied().filter(|_| ids.len() == limit as usize);
        let mut cases = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(case) = self.case(id).await? else { continue };
            if case.record.marks.verdict.as_str() == state && self.is_of(&bench, case.account).await? {
                cases.push(case);
            }
        }
        Ok((cases, next))
    }

    pub async fn decide_verdict(
        &self,
        command: &Command,
        reviewer: AccountId,
        id: ActivityId,
        upheld: bool,
        reason: &str,
    ) -> Result<(Done, Case), Refusal> {
        let bench = self.bench(reviewer).await?;
        let reason = words("/reason", reason)?;
        let case = self.case(id).await?.ok_or_else(Refusal::not_found)?;
        if !self.is_of(&bench, case.account).await? {
            return Err(Refusal::not_found());
        }
        let account = case.account;
        let done = self
            .journal
            .execute::<Activity, _>(command, &activity_stream(id), &account.to_string(), |activity, now| {
                let changes = activity.decide(reviewer, upheld, reason.clone(), now)?;
                Ok(Decision::of(events(id, account, changes)).answer(200, vec![id.to_string()]))
            })
            .await?;
        let done = self.and_twins(command, account, id, done).await;
        Ok((done, self.case(id).await?.ok_or_else(Refusal::not_found)?))
    }

    async fn case(&self, id: ActivityId) -> Result<Option<Case>, Refusal> {
        let activity = self.journal.load::<Activity>(&activity_stream(id)).await?.state;
        if !activity.is_live() {
            return Ok(None);
        }
        let (Some(account), Some(record)) = (activity.account_id, activity.record) else { return Ok(None) };
        Ok(record.facts.is_some().then_some(Case { id, account, record }))
    }

    /// Roles are auth's to tell, at its store's head.
    async fn bench(&self, reviewer: AccountId) -> Result<Bench, Refusal> {
        let person = self.sight.standings(&[reviewer]).await?.remove(&reviewer).unwrap_or_default();
        let role = person.standing.roles.iter().find(|role| role.role == MODERATOR);
        let role = role.ok_or_else(|| Refusal::new(Code::Forbidden, "a moderator's"))?;
        Ok(Bench { regions: role.regions.clone() })
    }

    async fn is_of(&self, bench: &Bench, account: AccountId) -> Result<bool, Refusal> {
        if bench.regions.is_empty() {
            return Ok(true);
        }
        let look: Look = self.sight.look(None, account).await?;
        Ok(look.standing.region.as_ref().is_some_and(|region| bench.regions.contains(region)))
    }
}

fn words(pointer: &str, text: &str) -> Result<String, Refusal> {
    let text = clean(text);
    if text.is_empty() || text.chars().count() > TEXT_CHARS_MAX {
        return Err(Refusal::field(pointer, "invalid", format!("1 to {TEXT_CHARS_MAX} characters")));
    }
    Ok(text)
}
