//! What is held about an activity, to proto and back.

use eventing::DecodeError;
use kernel::ActivityId;
use proto::activity as wire;

use super::{bytes, id, some};
use crate::domain::marks::{Appeal, Former, Gift, Judgement, Marks, Reason, Ruling, Verdict};

const UPHELD: &str = "upheld";
const CLEARED: &str = "cleared";

/// Absent where nothing is held about it.
pub(super) fn to_proto(marks: &Marks) -> Option<wire::Marks> {
    if *marks == Marks::default() {
        return None;
    }
    let one = |id: Option<ActivityId>| id.map(bytes).unwrap_or_default();
    let all = |ids: &[ActivityId]| ids.iter().copied().map(bytes).collect();
    Some(wire::Marks {
        duplicate_of: one(marks.duplicate_of),
        joined: one(marks.joined),
        apart: all(&marks.apart),
        fused_from: givers(&marks.fused_from),
        gifts: marks.fused_from.iter().filter(|gift| !gift.part.is_empty()).map(gift_to_proto).collect(),
        verdict: match marks.verdict {
            Verdict::Clear => String::new(),
            other => other.as_str().to_owned(),
        },
    })
}

pub(super) fn of_proto(marks: Option<wire::Marks>) -> Result<Marks, DecodeError> {
    let Some(marks) = marks else { return Ok(Marks::default()) };
    let one = |raw: &::bytes::Bytes| match raw.is_empty() {
        true => Ok(None),
        false => id(raw, "marks").map(Some),
    };
    let all = |raw: &[::bytes::Bytes]| raw.iter().map(|raw| id(raw, "marks")).collect::<Result<Vec<_>, _>>();
    // Once only the givers were told.
    let gifts = if marks.gifts.is_empty() {
        let gift = |activity_id| Gift { activity_id, part: String::new(), source: String::new() };
        all(&marks.fused_from)?.into_iter().map(gift).collect()
    } else {
        marks.gifts.into_iter().map(gift_of).collect::<Result<_, _>>()?
    };
    Ok(Marks {
        duplicate_of: one(&marks.duplicate_of)?,
        joined: one(&marks.joined)?,
        apart: all(&marks.apart)?,
        fused_from: gifts,
        verdict: Verdict::parse(&marks.verdict),
    })
}

fn givers(gifts: &[Gift]) -> Vec<::bytes::Bytes> {
    let ids: std::collections::BTreeSet<ActivityId> = gifts.iter().map(|gift| gift.activity_id).collect();
    ids.into_iter().map(bytes).collect()
}

fn gift_to_proto(gift: &Gift) -> wire::Gift {
    let Gift { activity_id, part, source } = gift.clone();
    wire::Gift { activity_id: bytes(activity_id), source, part }
}

fn gift_of(gift: wire::Gift) -> Result<Gift, DecodeError> {
    Ok(Gift { activity_id: id(&gift.activity_id, "gifts")?, part: gift.part, source: gift.source })
}

pub fn judgement_to_proto(judgement: &Judgement) -> wire::Judgement {
    let ruling = judgement.ruling.as_ref();
    wire::Judgement {
        rules_version: judgement.rules_version,
        reasons: judgement.reasons.iter().map(reason_to_proto).collect(),
        appeal: judgement.appeal.as_ref().map(|appeal| appeal.text.clone()).unwrap_or_default(),
        appealed_us: judgement.appeal.as_ref().map(|appeal| appeal.at_us),
        ruling: ruling.map(ruling_word).unwrap_or_default(),
        ruling_reason: ruling.map(|ruling| ruling.reason.clone()).unwrap_or_default(),
        ruled_us: ruling.map(|ruling| ruling.at_us),
        former: judgement.former.as_ref().map(|former| wire::FormerRuling {
            ruling: ruling_word(&former.ruling),
            reason: former.ruling.reason.clone(),
            ruled_us: former.ruling.at_us,
            about: former.about.iter().map(reason_to_proto).collect(),
        }),
    }
}

pub(super) fn judgement_of(judgement: wire::Judgement) -> Judgement {
    let ruling = |word: &str, reason, at_us| Ruling { upheld: word != CLEARED, reason, at_us };
    Judgement {
        rules_version: judgement.rules_version,
        reasons: judgement.reasons.into_iter().map(reason_of).collect(),
        appeal: judgement.appealed_us.map(|at_us| Appeal { text: judgement.appeal, at_us }),
        ruling: judgement.ruled_us.map(|at_us| ruling(&judgement.ruling, judgement.ruling_reason, at_us)),
        former: judgement.former.map(|former| Former {
            ruling: ruling(&former.ruling, former.reason, former.ruled_us),
            about: former.about.into_iter().map(reason_of).collect(),
        }),
    }
}

fn ruling_word(ruling: &Ruling) -> String {
    if ruling.upheld { UPHELD } else { CLEARED }.to_owned()
}

fn reason_to_proto(reason: &Reason) -> wire::Reason {
    wire::Reason {
        rule: reason.rule.clone(),
        detail: reason.detail.clone(),
        value: reason.value,
        limit: reason.limit,
        unit: reason.unit.clone(),
        from_s: reason.part_s.map(|part| part.0),
        to_s: reason.part_s.map(|part| part.1),
    }
}

fn reason_of(reason: wire::Reason) -> Reason {
    Reason {
        rule: reason.rule,
        detail: reason.detail,
        value: reason.value,
        limit: reason.limit,
        unit: reason.unit,
        part_s: reason.from_s.zip(reason.to_s),
    }
}

/// A reviewer's word: whether it upholds.
pub fn ruling(text: &str) -> Option<bool> {
    match some(text.to_owned())?.as_str() {
        UPHELD => Some(true),
        CLEARED => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_decided_before_is_read_as_it_was_written() {
        let reason = Reason {
            rule: "speed".to_owned(),
            detail: "22.1 m/s".to_owned(),
            value: 22.1,
            limit: 9.0,
            unit: "m/s".to_owned(),
            part_s: Some((45.0, 135.0)),
        };
        for upheld in [true, false] {
            let ruling = Ruling { upheld, reason: "the map agrees".to_owned(), at_us: 8 };
            let former = Some(Former { ruling, about: vec![reason.clone()] });
            let judgement = Judgement { reasons: vec![reason.clone()], former, ..Judgement::default() };
            assert_eq!(judgement_of(judgement_to_proto(&judgement)), judgement);
        }
    }
}
