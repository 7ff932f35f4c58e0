//! The life of a campaign: written, reviewed by somebody else, scheduled, run, drained, ended, or stopped.
//!
//! ```text
//! draft → in_review → { changes_requested, rejected, approved } → scheduled → running ⇄ paused → draining → ended
//! ```
//! An edit voids every approval and leads back to draft. Stopping needs no approval and is final.

use std::collections::BTreeSet;

use jiff::Timestamp;
use kernel::{AccountId, Code, Refusal};

use super::{ids::CampaignId, schedule::Wave, staff::Staff, terms::Terms};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stage {
    #[default]
    Draft,
    InReview,
    ChangesRequested,
    Rejected,
    Approved,
    Scheduled,
    Running,
    Paused,
    Draining,
    Ended,
    Stopped,
}

impl Stage {
    pub const ALL: [Self; 11] = [
        Self::Draft,
        Self::InReview,
        Self::ChangesRequested,
        Self::Rejected,
        Self::Approved,
        Self::Scheduled,
        Self::Running,
        Self::Paused,
        Self::Draining,
        Self::Ended,
        Self::Stopped,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::InReview => "in_review",
            Self::ChangesRequested => "changes_requested",
            Self::Rejected => "rejected",
            Self::Approved => "approved",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Draining => "draining",
            Self::Ended => "ended",
            Self::Stopped => "stopped",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == text)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Drafted {
        campaign: CampaignId,
        author: AccountId,
        terms: Terms,
    },
    Edited {
        campaign: CampaignId,
        editor: AccountId,
        terms: Terms,
    },
    Submitted {
        campaign: CampaignId,
        by: AccountId,
        revision: String,
    },
    Approved {
        campaign: CampaignId,
        by: AccountId,
        revision: String,
        at: Timestamp,
    },
    /// The reason is absent when its author was erased.
    Rejected {
        campaign: CampaignId,
        by: AccountId,
        reason: Option<String>,
        changes_requested: bool,
    },
    Scheduled {
        campaign: CampaignId,
        by: AccountId,
        waves: Vec<Wave>,
    },
    Started {
        campaign: CampaignId,
    },
    Paused {
        campaign: CampaignId,
        by: AccountId,
    },
    Resumed {
        campaign: CampaignId,
        by: AccountId,
    },
    Drained {
        campaign: CampaignId,
    },
    Ended {
        campaign: CampaignId,
    },
    Stopped {
        campaign: CampaignId,
        by: AccountId,
        reason: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    pub by: AccountId,
    pub revision: String,
    pub at: Timestamp,
}

#[derive(Clone, Debug, Default)]
pub struct Campaign {
    known: Option<Known>,
}

/// A campaign that exists.
#[derive(Clone, Debug)]
pub struct Known {
    pub id: CampaignId,
    pub stage: Stage,
    pub terms: Terms,
    pub revision: String,
    pub author: AccountId,
    /// Everybody who wrote any of it: none of them may approve it.
    pub writers: BTreeSet<AccountId>,
    pub approvals: Vec<Approval>,
    pub waves: Vec<Wave>,
    /// Of the last rejection or of the stop.
    pub reason: Option<String>,
}

impl Known {
    pub fn starts(&self) -> Option<Timestamp> {
        self.waves.iter().map(|wave| wave.starts).min()
    }

    pub fn ends(&self) -> Option<Timestamp> {
        self.waves.iter().map(|wave| wave.ends).max()
    }

    /// Whether an offer may be granted here and now to somebody of this region and home zone.
    pub fn grants_in(&self, region: &str, home_zone: &str, now: Timestamp) -> bool {
        self.stage == Stage::Running
            && self.waves.iter().any(|wave| wave.region == region && wave.contains(now))
            && self.terms.schedule.is_open_at_home(home_zone, now)
    }

    /// A region's own state: pending, live, paused, closed.
    pub fn wave_state(&self, wave: &Wave, now: Timestamp) -> &'static str {
        match self.stage {
            Stage::Draining | Stage::Ended | Stage::Stopped => "closed",
            _ if now >= wave.ends => "closed",
            _ if now < wave.starts => "pending",
            Stage::Running => "live",
            Stage::Paused => "paused",
            _ => "pending",
        }
    }
}

fn conflict(stage: Stage, what: &str) -> Refusal {
    Refusal::new(Code::Conflict, format!("a campaign in state {} cannot be {what}", stage.as_str()))
}

impl Campaign {
    pub fn known(&self) -> Result<&Known, Refusal> {
        self.known.as_ref().ok_or_else(Refusal::not_found)
    }

    /// The campaign, if this member of staff may see it.
    pub fn seen_by(&self, staff: &Staff) -> Result<&Known, Refusal> {
        let known = self.known()?;
        staff.may_see(&known.terms.regions)?;
        Ok(known)
    }

    pub fn draft(&self, id: CampaignId, staff: &Staff, terms: &Terms) -> Result<Vec<Event>, Refusal> {
        staff.may_write(&terms.regions)?;
        if self.known.is_some() {
            return Err(Refusal::new(Code::Conflict, "this campaign exists already"));
        }
        Ok(vec![Event::Drafted { campaign: id, author: staff.account, terms: terms.clone() }])
    }

    /// `terms` are complete: the edit put onto what was there.
    pub fn edit(&self, staff: &Staff, terms: &Terms) -> Result<Vec<Event>, Refusal> {
        let known = self.seen_by(staff)?;
        staff.may_write(&terms.regions)?;
        match known.stage {
            Stage::Draft
            | Stage::InReview
            | Stage::ChangesRequested
            | Stage::Rejected
            | Stage::Approved
            | Stage::Scheduled => {}
            stage => return Err(conflict(stage, "edited")),
        }
        if known.terms == *terms
            && matches!(known.stage, Stage::Draft | Stage::InReview | Stage::ChangesRequested)
        {
            return Ok(Vec::new());
        }
        Ok(vec![Event::Edited { campaign: known.id, editor: staff.account, terms: terms.clone() }])
    }

    pub fn submit(&self, staff: &Staff) -> Result<Vec<Event>, Refusal> {
        let known = self.seen_by(staff)?;
        match known.stage {
            Stage::InReview => Ok(Vec::new()),
            Stage::Draft | Stage::ChangesRequested => Ok(vec![Event::Submitted {
                campaign: known.id,
                by: staff.account,
                revision: known.revision.clone(),
            }]),
            stage => Err(conflict(stage, "submitted")),
        }
    }

    /// `revision` is what the approver has read.
    pub fn approve(&self, staff: &Staff, revision: &str, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        let known = self.seen_by(staff)?;
        if known.writers.contains(&staff.account) {
            return Err(Refusal::new(Code::OwnApproval, "somebody who wrote none of this must approve it"));
        }
        if known.revision != revision {
            return Err(Refusal::new(Code::RevisionChanged, "the campaign has changed since you read it"));
        }
        match known.stage {
            Stage::Approved => Ok(Vec::new()),
            Stage::InReview => {
                let revision = revision.to_owned();
                Ok(vec![Event::Approved { campaign: known.id, by: staff.account, revision, at: now }])
            }
            stage => Err(conflict(stage, "approved")),
        }
    }

    pub fn reject(
        &self,
        staff: &Staff,
        reason: &str,
        changes_requested: bool,
    ) -> Result<Vec<Event>, Refusal> {
        let known = self.seen_by(staff)?;
        if !matches!(known.stage, Stage::InReview | Stage::Approved) {
            return Err(conflict(known.stage, "rejected"));
        }
        let reason = reason_of(reason, true)?;
        Ok(vec![Event::Rejected { campaign: known.id, by: staff.account, reason, changes_requested }])
    }

    /// Starts at once when the first window is open already.
    pub fn schedule(&self, staff: &Staff, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        let known = self.seen_by(staff)?;
        match known.stage {
            Stage::Approved => {}
            Stage::Scheduled => return Ok(Vec::new()),
            stage => return Err(conflict(stage, "scheduled: it must be approved first")),
        }
        if !known.approvals.iter().any(|approval| approval.revision == known.revision) {
            return Err(Refusal::new(Code::RevisionChanged, "no approval is for this revision"));
        }
        let waves = known
            .terms
            .schedule
            .waves(&known.terms.regions)
            .map_err(|fault| Refusal::field(&fault.pointer, &fault.code, fault.detail))?;
        if waves.iter().all(|wave| wave.ends <= now) {
            return Err(Refusal::field(
                "/schedule/end",
                "already_over",
                "the campaign would be over already",
            ));
        }
        let starts_now = waves.iter().any(|wave| wave.starts <= now);
        let mut events = vec![Event::Scheduled { campaign: known.id, by: staff.account, waves }];
        if starts_now {
            events.push(Event::Started { campaign: known.id });
        }
        Ok(events)
    }

    /// What time commands at the start. Late or twice changes nothing.
    pub fn start(&self, now: Timestamp) -> Vec<Event> {
        match &self.known {
            Some(known)
                if known.stage == Stage::Scheduled && known.starts().is_some_and(|starts| starts <= now) =>
            {
                vec![Event::Started { campaign: known.id }]
            }
            _ => Vec::new(),
        }
    }

    pub fn pause(&self, staff: &Staff) -> Result<Vec<Event>, Refusal> {
        let known = self.seen_by(staff)?;
        match known.stage {
            Stage::Running => Ok(vec![Event::Paused { campaign: known.id, by: staff.account }]),
            Stage::Paused => Ok(Vec::new()),
            stage => Err(conflict(stage, "paused")),
        }
    }

    /// Resumed after its last window it drains: what is held can be used, nothing new is granted.
    pub fn resume(&self, staff: &Staff, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        let known = self.seen_by(staff)?;
        match known.stage {
            Stage::Paused => {
                let mut events = vec![Event::Resumed { campaign: known.id, by: staff.account }];
                if known.ends().is_some_and(|ends| ends <= now) {
                    events.push(Event::Drained { campaign: known.id });
                }
                Ok(events)
            }
            Stage::Running => Ok(Vec::new()),
            stage => Err(conflict(stage, "resumed")),
        }
    }

    pub fn stop(&self, staff: &Staff, reason: &str) -> Result<Vec<Event>, Refusal> {
        let known = self.seen_by(staff)?;
        match known.stage {
            Stage::Scheduled | Stage::Running | Stage::Paused | Stage::Draining => {
                let reason = reason_of(reason, false)?;
                Ok(vec![Event::Stopped { campaign: known.id, by: staff.account, reason }])
            }
            Stage::Stopped => Ok(Vec::new()),
            stage => Err(conflict(stage, "stopped")),
        }
    }

    /// What time commands when the last window closes: no more grants, what is held can still be used. A paused
    /// campaign stays paused: whoever paused it decides.
    pub fn drain(&self, now: Timestamp) -> Vec<Event> {
        match &self.known {
            Some(known) if known.stage == Stage::Running && known.ends().is_some_and(|ends| ends <= now) => {
                vec![Event::Drained { campaign: known.id }]
            }
            _ => Vec::new(),
        }
    }

    /// What time commands when no offer can be valid any more.
    pub fn end(&self) -> Vec<Event> {
        match &self.known {
            Some(known) if known.stage == Stage::Draining => vec![Event::Ended { campaign: known.id }],
            _ => Vec::new(),
        }
    }

    pub fn evolve(&mut self, event: &Event) {
        if let Event::Drafted { campaign, author, terms } = event {
            self.known = Some(Known {
                id: *campaign,
                stage: Stage::Draft,
                revision: terms.revision(),
                terms: terms.clone(),
                author: *author,
                writers: [*author].into(),
                approvals: Vec::new(),
                waves: Vec::new(),
                reason: None,
            });
            return;
        }
        if let Some(known) = &mut self.known {
            known.evolve(event);
        }
    }
}

impl Known {
    fn evolve(&mut self, event: &Event) {
        self.stage = match event {
            Event::Drafted { .. } => return,
            Event::Edited { editor, terms, .. } => {
                self.terms = terms.clone();
                self.revision = terms.revision();
                self.writers.insert(*editor);
                self.approvals.clear();
                self.waves.clear();
                self.reason = None;
                Stage::Draft
            }
            Event::Submitted { .. } => Stage::InReview,
            Event::Approved { by, revision, at, .. } => {
                self.approvals.push(Approval { by: *by, revision: revision.clone(), at: *at });
                Stage::Approved
            }
            Event::Rejected { reason, changes_requested, .. } => {
                self.reason.clone_from(reason);
                self.approvals.clear();
                if *changes_requested { Stage::ChangesRequested } else { Stage::Rejected }
            }
            Event::Scheduled { waves, .. } => {
                self.waves.clone_from(waves);
                Stage::Scheduled
            }
            Event::Started { .. } | Event::Resumed { .. } => Stage::Running,
            Event::Paused { .. } => Stage::Paused,
            Event::Drained { .. } => Stage::Draining,
            Event::Ended { .. } => Stage::Ended,
            Event::Stopped { reason, .. } => {
                self.reason.clone_from(reason);
                Stage::Stopped
            }
        };
    }
}

fn reason_of(text: &str, needed: bool) -> Result<Option<String>, Refusal> {
    let text = text.trim();
    if text.chars().count() > 1_000 {
        return Err(Refusal::field("/reason", "too_long", "at most 1000 characters"));
    }
    if needed && text.is_empty() {
        return Err(Refusal::field("/reason", "required", "say why"));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

#[cfg(test)]
mod tests;
