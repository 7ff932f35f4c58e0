//! The contract: every message and service of the fleet, compiled from `stadion/**.proto`.

#[allow(clippy::all, clippy::pedantic, unreachable_pub, missing_docs, reason = "generated code")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/stadion.rs"));
}

pub use generated::stadion::{
    activity::v1 as activity, auth::v1 as auth, envelope::v1 as envelope, gamification::v1 as gamification,
    journal::v1 as journal, leaderboard::v1 as leaderboard, options::v1 as options, promo::v1 as promo,
    social::v1 as social,
};

pub use prost::{Message, Name};

/// Every descriptor with its options, encoded: what reflection and the sealing codec read.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The events that carry the whole activity, as it is from then on.
const WHOLE: [&str; 12] = [
    "ActivityRecorded",
    "ActivityReplaced",
    "ActivityEdited",
    "ActivityRestored",
    "ActivityRecomputed",
    "ActivityLinked",
    "ActivityUnlinked",
    "ActivityFused",
    "ActivityFlagged",
    "ActivityAppealed",
    "ActivityCleared",
    "ActivityCropped",
];

impl activity::ActivityRecorded {
    /// The activity as an event leaves it: under the same numbers they have the same fields, whatever has happened.
    /// `None`: the event is of another kind.
    pub fn of(kind: &str, payload: &[u8]) -> Option<Result<Self, prost::DecodeError>> {
        let event = kind.strip_prefix(Self::PACKAGE)?.strip_prefix('.')?;
        WHOLE.contains(&event).then(|| Self::decode(payload))
    }
}

impl activity::Marks {
    /// Whether an activity counts, on boards, in statistics, towards anything: nobody's duplicate, and nothing held
    /// against it. The one place that says so to all who keep facts.
    pub fn count(marks: Option<&Self>) -> bool {
        marks.is_none_or(|marks| {
            marks.duplicate_of.is_empty() && matches!(marks.verdict.as_str(), "" | "clear")
        })
    }
}
