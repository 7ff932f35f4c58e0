//! The one decision about visibility, and its reasons.
//!
//! Precedence: erased or blocked → minor's ceiling → owner → activity's own visibility → class setting → default.
//! Read strictly, so that no single setting shows more than its owner meant by it:
//!
//! - A ceiling only takes away, and never from the owner.
//! - An activity's own visibility replaces the `summary` setting for that activity, wider or narrower. It does not
//!   widen any other class: a run that is shown to everyone still shows its map to whom maps are shown.
//! - Parts of an activity (map, start time, heart rate, photos, device) are seen only by those who see its summary,
//!   so a narrower activity hides them too. Profile and body are nobody's part and follow their own setting.

use std::borrow::Cow;

use crate::{
    audience::Audience,
    class::{DataClass, FieldMask},
    relation::Relation,
    settings::{self, BoardName, Settings},
};

/// Whose data is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    pub settings: &'a Settings,
    /// Under 18 on this day.
    pub minor: bool,
    /// Erased, or its erasure has begun.
    pub erased: bool,
}

/// The rule that decided about one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    Erased,
    Blocked,
    MinorCeiling,
    Owner,
    ActivityVisibility,
    /// The part is hidden because its activity's summary is.
    SummaryHidden,
    ClassSetting,
    Default,
}

impl Rule {
    /// The text that `GET /me/privacy/explain` shows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Erased => "erased",
            Self::Blocked => "blocked",
            Self::MinorCeiling => "minor_ceiling",
            Self::Owner => "owner",
            Self::ActivityVisibility => "activity_visibility",
            Self::SummaryHidden => "summary_hidden",
            Self::ClassSetting => "class_setting",
            Self::Default => "default",
        }
    }
}

/// Why a class is shown or hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    pub class: DataClass,
    pub shown: bool,
    pub rule: Rule,
    /// The audience that the rule looked at, where it looked at one.
    pub audience: Option<Audience>,
}

/// What the viewer may see of the owner's data; of one activity, when that activity's own visibility is given (`None`
/// for an activity that has none, and for everything that is no activity).
pub fn visible(owner: &Owner<'_>, activity_visibility: Option<&Audience>, viewer: &Relation) -> FieldMask {
    let shown = |class: &DataClass| decide(owner, activity_visibility, viewer, *class).0;
    DataClass::ALL.into_iter().filter(shown).collect()
}

/// The same decision, class by class, with the rule that made it.
pub fn explain(
    owner: &Owner<'_>,
    activity_visibility: Option<&Audience>,
    viewer: &Relation,
) -> Vec<Explained> {
    let explained = |class| {
        let (shown, rule, audience) = decide(owner, activity_visibility, viewer, class);
        Explained { class, shown, rule, audience: audience.map(Cow::into_owned) }
    };
    DataClass::ALL.into_iter().map(explained).collect()
}

type Decision<'a> = (bool, Rule, Option<Cow<'a, Audience>>);

fn decide<'a>(
    owner: &Owner<'a>,
    activity_visibility: Option<&'a Audience>,
    viewer: &Relation,
    class: DataClass,
) -> Decision<'a> {
    if owner.erased {
        return (false, Rule::Erased, None);
    }
    if viewer.blocked {
        return (false, Rule::Blocked, None);
    }
    if owner.minor {
        let ceiling = settings::ceiling(class);
        if !ceiling.admits(viewer) {
            return (false, Rule::MinorCeiling, Some(Cow::Owned(ceiling)));
        }
    }
    if viewer.owner {
        return (true, Rule::Owner, None);
    }
    if class.is_part_of_activity() && !decide(owner, activity_visibility, viewer, DataClass::Summary).0 {
        return (false, Rule::SummaryHidden, None);
    }
    let (rule, audience) = match (activity_visibility, owner.settings.audiences.get(&class)) {
        (Some(own), _) if class == DataClass::Summary => (Rule::ActivityVisibility, Cow::Borrowed(own)),
        (_, Some(chosen)) => (Rule::ClassSetting, Cow::Borrowed(chosen)),
        (_, None) => (Rule::Default, Cow::Owned(settings::default_audience(class))),
    };
    (audience.admits(viewer), rule, Some(audience))
}

/// May a search by this viewer answer the owner? Minors are found by friends and friends of friends at most, so the
/// relation must say who has a friend in common; whoever is not known to be near is far.
pub fn found_by_search(owner: &Owner<'_>, viewer: &Relation) -> bool {
    if owner.erased || viewer.blocked {
        return false;
    }
    if viewer.owner {
        return true;
    }
    let near_enough = !owner.minor || viewer.friend || viewer.friend_of_friend;
    // Friends of friends may find a minor whose profile they may not open: the answer then holds a name only.
    owner.settings.searchable
        && near_enough
        && (owner.minor || visible(owner, None, viewer).shows(DataClass::Profile))
}

/// How the owner is named on boards to anybody: the strictest of the setting, what was chosen at joining, and the
/// minor's ceiling. Says nothing of blocks or of who may see the profile: a viewer's answer needs [`visible`] as well.
pub fn board_name(owner: &Owner<'_>, chosen_at_joining: BoardName) -> BoardName {
    let shown = !owner.erased
        && !owner.minor
        && owner.settings.board_name == BoardName::Shown
        && chosen_at_joining == BoardName::Shown;
    if shown { BoardName::Shown } else { BoardName::Anonymous }
}
