//! What is held about an activity beside what was recorded of it: whose duplicate it is, and what the rules say of it.

use kernel::ActivityId;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Marks {
    /// It is shown as a source of this one.
    pub duplicate_of: Option<ActivityId>,
    /// Its owner said that it is the same as this one.
    pub joined: Option<ActivityId>,
    /// Its owner said that it is not the same as these. In order.
    pub apart: Vec<ActivityId>,
    /// Others' columns and figures that stand among its own. In order.
    pub fused_from: Vec<Gift>,
    pub verdict: Verdict,
}

/// What another activity gave.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gift {
    pub activity_id: ActivityId,
    /// `heart_rate`, `energy`; empty where it was not told yet which.
    pub part: String,
    /// Of that activity.
    pub source: String,
}

/// One of before parts were told prints as it did then.
impl std::fmt::Debug for Gift {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.part.is_empty() {
            return self.activity_id.fmt(formatter);
        }
        let mut shown = formatter.debug_struct("Gift");
        shown.field("activity_id", &self.activity_id).field("part", &self.part);
        shown.field("source", &self.source).finish()
    }
}

impl Marks {
    /// Whether it counts: in boards, statistics, progress. The one place that says so.
    pub fn counts(&self) -> bool {
        self.duplicate_of.is_none() && self.verdict == Verdict::Clear
    }

    pub fn split_from(&mut self, others: impl IntoIterator<Item = ActivityId>) {
        self.apart.extend(others);
        self.apart.sort_unstable();
        self.apart.dedup();
        if self.joined.is_some_and(|joined| self.apart.contains(&joined)) {
            self.joined = None;
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    #[default]
    Clear,
    Flagged,
    /// Flagged, and its owner has asked for a person's decision.
    Appealed,
}

impl Verdict {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Flagged => "flagged",
            Self::Appealed => "appealed",
        }
    }

    /// A word that a newer version wrote says that it does not count.
    pub fn parse(text: &str) -> Self {
        match text {
            "" | "clear" => Self::Clear,
            "appealed" => Self::Appealed,
            _ => Self::Flagged,
        }
    }
}

/// Why an activity is flagged, and what was said about that.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    pub rules_version: u32,
    pub reasons: Vec<Reason>,
    pub appeal: Option<Appeal>,
    pub ruling: Option<Ruling>,
    /// What was decided before another reason came.
    pub former: Option<Former>,
}

/// A ruling, and the reasons that it was about.
#[derive(Clone, Debug, PartialEq)]
pub struct Former {
    pub ruling: Ruling,
    pub about: Vec<Reason>,
}

/// One rule that the activity breaks.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    pub rule: String,
    /// A sentence for its owner.
    pub detail: String,
    pub value: f64,
    pub limit: f64,
    pub unit: String,
    /// Seconds from the start, where it is about a part.
    pub part_s: Option<(f64, f64)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Appeal {
    pub text: String,
    pub at_us: i64,
}

/// What a reviewer decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruling {
    pub upheld: bool,
    pub reason: String,
    pub at_us: i64,
}
