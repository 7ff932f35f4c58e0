//! What its owner and a reviewer may do about a verdict.

use jiff::Timestamp;
use kernel::{AccountId, Code, Refusal, time};

use super::{
    across::{Said, is_across},
    activity::{Activity, Change, judged},
    cheat,
    facts::Record,
    marks::{Appeal, Former, Judgement, Marks, Ruling, Verdict},
};

pub const TEXT_CHARS_MAX: usize = 2_000;

impl Activity {
    /// The owner asks a person to look at it.
    pub fn appeal(&self, account: AccountId, text: String, now: Timestamp) -> Result<Vec<Change>, Refusal> {
        let known = self.owned_by(account)?;
        let judgement = known.judgement.clone().unwrap_or_default();
        if known.marks.verdict != Verdict::Flagged || judgement.ruling.is_some() {
            let detail = match known.marks.verdict {
                Verdict::Clear => "nothing is held against this activity",
                Verdict::Appealed => "it waits for a decision already",
                Verdict::Flagged => "a person has decided this",
            };
            return Err(Refusal::new(Code::Conflict, detail));
        }
        let mut record = known.clone();
        record.marks.verdict = Verdict::Appealed;
        let appeal = Some(Appeal { text, at_us: time::micros(now) });
        record.judgement = Some(Judgement { appeal, ..judgement });
        Ok(vec![Change::Appealed(Box::new(record))])
    }

    /// A reviewer, who is not its owner, decides.
    pub fn decide(
        &self,
        reviewer: AccountId,
        upheld: bool,
        reason: String,
        now: Timestamp,
    ) -> Result<Vec<Change>, Refusal> {
        let known = self.record.as_ref().filter(|_| self.is_live()).ok_or_else(Refusal::not_found)?;
        if self.account_id == Some(reviewer) {
            return Err(Refusal::new(Code::OwnApproval, "nobody decides about their own activity"));
        }
        let judgement = known.judgement.clone().ok_or_else(Refusal::not_found)?;
        if known.marks.verdict == Verdict::Clear {
            return Err(Refusal::new(Code::Conflict, "nothing is held against this activity"));
        }
        let mut record = known.clone();
        record.marks.verdict = if upheld { Verdict::Flagged } else { Verdict::Clear };
        let ruling = Some(Ruling { upheld, reason, at_us: time::micros(now) });
        record.judgement = Some(Judgement { ruling, former: None, ..judgement });
        let change = if upheld { Change::Flagged } else { Change::Cleared };
        Ok(vec![change(Box::new(record))])
    }

    /// What a rule that looks at several says of this one. What a person decided stands, but for what is new; when that is
    /// gone, it stands again.
    pub fn hold(&self, said: &Said) -> Vec<Change> {
        let known = self.record.as_ref().filter(|known| self.is_live() && known.facts.is_some());
        let Some(known) = known else { return Vec::new() };
        let before = known.judgement.clone().unwrap_or_default();
        let (held, mut reasons): (Vec<_>, Vec<_>) =
            before.reasons.iter().cloned().partition(|reason| reason.rule == said.rule);
        if held.is_empty() != said.reason.is_some() || (said.reason.is_none() && before.ruling.is_some()) {
            return Vec::new();
        }
        reasons.extend(said.reason.clone());
        let mut record = known.clone();
        if reasons.is_empty() {
            record.marks.verdict = Verdict::Clear;
            record.judgement = None;
            return vec![Change::Cleared(Box::new(record))];
        }
        let ruled = before.ruling.clone().map(|ruling| Former { ruling, about: before.reasons.clone() });
        let former = ruled.or_else(|| before.former.clone());
        if let Some(Former { ruling, .. }) = former.clone().filter(|former| former.about == reasons) {
            let (verdict, change): (_, fn(_) -> _) = match ruling.upheld {
                true => (Verdict::Flagged, Change::Flagged),
                false => (Verdict::Clear, Change::Cleared),
            };
            record.marks.verdict = verdict;
            record.judgement = Some(Judgement { reasons, ruling: Some(ruling), former: None, ..before });
            return vec![change(Box::new(record))];
        }
        let waits = known.marks.verdict == Verdict::Appealed;
        record.marks.verdict = if waits { Verdict::Appealed } else { Verdict::Flagged };
        let rules_version = cheat::RULES_VERSION;
        record.judgement = Some(Judgement { rules_version, reasons, ruling: None, former, ..before });
        let change = if waits { Change::Appealed } else { Change::Flagged };
        vec![change(Box::new(record))]
    }

    /// An edit of the sport or of the figures is judged anew; `streams`: where the sport changed.
    pub fn judge_edited(&self, changes: Vec<Change>, streams: Option<&formats::Streams>) -> Vec<Change> {
        let one = |change: Change| match change {
            Change::Edited { record, previous_start_us, changed }
                if changed.iter().any(|field| is_judged(field)) =>
            {
                let before = record.marks.verdict;
                let record = judged_anew(&record.clone(), *record, streams);
                let edited = |record| Change::Edited { record, previous_start_us, changed };
                let cleared = (before != Verdict::Clear && record.marks.verdict == Verdict::Clear)
                    .then(|| Change::Cleared(Box::new(record.clone())));
                let already = before != Verdict::Clear;
                let mut changes = judged(edited, record);
                // It was flagged before: no news.
                changes.truncate(if already { 1 } else { 2 });
                changes.extend(cleared);
                changes
            }
            other => vec![other],
        };
        changes.into_iter().flat_map(one).collect()
    }

    /// By its owner: the record that is left when the rest was cut off. What is left is judged anew, and stays with what it
    /// was found to be the same as.
    pub fn crop(&self, account: AccountId, left: Record) -> Result<Vec<Change>, Refusal> {
        let known = self.owned_by(account)?;
        let marks = Marks { verdict: left.marks.verdict, fused_from: Vec::new(), ..known.marks.clone() };
        let left = Record { marks, ..left };
        let previous_start_us = self.start_us();
        let was_flagged = known.marks.verdict != Verdict::Clear;
        let cleared = (was_flagged && left.marks.verdict == Verdict::Clear)
            .then(|| Change::Cleared(Box::new(left.clone())));
        let mut changes = judged(|record| Change::Cropped { record, previous_start_us }, left);
        changes.extend(cleared);
        Ok(changes)
    }
}

fn is_judged(field: &str) -> bool {
    !matches!(field, "name" | "visibility" | "sub_sport")
}

/// What a reviewer has decided holds as long as the figures are those that were decided about.
pub fn judged_anew(before: &Record, after: Record, streams: Option<&formats::Streams>) -> Record {
    let judged = still_held(before, cheat::judged(after, streams));
    let ruling = before.judgement.as_ref().and_then(|judgement| judgement.ruling.as_ref());
    let same = match (&before.judgement, &judged.judgement) {
        (Some(before), Some(after)) => before.reasons == after.reasons,
        _ => false,
    };
    if same && ruling.is_some() {
        let (verdict, judgement) = (before.marks.verdict, before.judgement.clone());
        return Record { marks: Marks { verdict, ..judged.marks }, judgement, ..judged };
    }
    judged
}

/// What rules that look at several said of it before is said of it still: they look again when it is written.
pub(super) fn still_held(before: &Record, mut after: Record) -> Record {
    let Some(known) = &before.judgement else { return after };
    let across: Vec<_> = known.reasons.iter().filter(|reason| is_across(&reason.rule)).cloned().collect();
    if across.is_empty() {
        return after;
    }
    let mut reasons = after.judgement.take().map(|own| own.reasons).unwrap_or_default();
    reasons.extend(across);
    if reasons == known.reasons {
        after.marks.verdict = before.marks.verdict;
        after.judgement = Some(known.clone());
    } else {
        after.marks.verdict = Verdict::Flagged;
        let rules_version = cheat::RULES_VERSION;
        after.judgement = Some(Judgement { rules_version, reasons, ..Judgement::default() });
    }
    after
}
