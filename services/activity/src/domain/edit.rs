//! What an owner may change by hand.

use kernel::{AccountId, FieldError, Refusal, Sport};
use privacy::Audience;

use super::{
    activity::{Activity, Change},
    facts::{Explained, Facts, Measured, Origin, Start},
};

const ELAPSED: &str = "elapsed_time_s";
const MOVING: &str = "moving_time_s";

/// The changes asked for; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edit {
    /// The inner `None` takes the name away.
    pub name: Option<Option<String>>,
    pub sport: Option<Sport>,
    pub sub_sport: Option<Option<String>>,
    /// The inner `None` goes back to the account's settings.
    pub visibility: Option<Option<Audience>>,
    /// The offset that was written with the new start, if one was.
    pub stated_offset_s: Option<i32>,
    pub figures: Figures,
}

/// What only manual entries may change: everybody else's figures were measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    pub start: Option<Start>,
    pub elapsed_time_s: Option<f64>,
    pub timer_time_s: Option<f64>,
    pub moving_time_s: Option<f64>,
    pub distance_m: Option<f64>,
    pub ascent_m: Option<f64>,
    pub descent_m: Option<f64>,
    pub energy_kj: Option<f64>,
    pub power_avg_w: Option<f64>,
    pub power_max_w: Option<f64>,
    pub cadence_avg_rpm: Option<f64>,
}

impl Figures {
    fn asked(&self) -> Vec<&'static str> {
        let start = self.start.is_some().then_some("start_at");
        let elapsed = self.elapsed_time_s.is_some().then_some(ELAPSED);
        let others = self.others().into_iter().filter(|(_, to)| to.is_some()).map(|(field, _)| field);
        start.into_iter().chain(elapsed).chain(others).collect()
    }

    /// All that an activity may be without, in the order of [`places`].
    fn others(&self) -> [(&'static str, Option<f64>); 9] {
        [
            ("timer_time_s", self.timer_time_s),
            (MOVING, self.moving_time_s),
            ("distance_m", self.distance_m),
            ("ascent_m", self.ascent_m),
            ("descent_m", self.descent_m),
            ("energy_kj", self.energy_kj),
            ("power_avg_w", self.power_avg_w),
            ("power_max_w", self.power_max_w),
            ("cadence_avg_rpm", self.cadence_avg_rpm),
        ]
    }
}

fn places(facts: &mut Facts) -> [&mut Option<f64>; 9] {
    [
        &mut facts.timer_time_s,
        &mut facts.moving_time_s,
        &mut facts.distance_m,
        &mut facts.ascent_m,
        &mut facts.descent_m,
        &mut facts.energy_kj,
        &mut facts.power_avg_w,
        &mut facts.power_max_w,
        &mut facts.cadence_avg_rpm,
    ]
}

/// What is written by hand has no device's quirks: nobody moves longer than the timer runs, nor does that run longer than the
/// whole took.
pub fn check_times(facts: &Facts) -> Result<(), Refusal> {
    let whole_s = facts.timer_time_s.unwrap_or(facts.elapsed_time_s).min(facts.elapsed_time_s);
    let times =
        [("timer_time_s", facts.timer_time_s, facts.elapsed_time_s), (MOVING, facts.moving_time_s, whole_s)];
    let long = times.into_iter().filter(|(_, time_s, most_s)| time_s.is_some_and(|time_s| time_s > *most_s));
    let fault = |(field, _, most_s): (&str, Option<f64>, f64)| FieldError {
        pointer: format!("/{field}"),
        code: "longer_than_whole".to_owned(),
        detail: format!("of {most_s} s it can be no more than all"),
    };
    Refusal::fields(long.map(fault).collect())
}

/// While no moving time is stated the timer's stands for it, as for every activity without a track.
pub fn follow_timer(facts: &mut Facts, explained: &mut Vec<Explained>) {
    if explained.iter().any(|known| known.field == MOVING && known.measured == Measured::Owner) {
        return;
    }
    facts.moving_time_s = facts.timer_time_s;
    explained.retain(|known| known.field != MOVING);
    let algorithm = "timer".to_owned();
    let moving = Explained { field: MOVING.to_owned(), measured: Measured::Computed, algorithm, version: 1 };
    explained.extend(facts.moving_time_s.map(|_| moving));
}

impl Activity {
    /// By its owner, who saw `expected_revision`.
    pub fn edit(
        &self,
        account: AccountId,
        expected_revision: u64,
        edit: &Edit,
    ) -> Result<Vec<Change>, Refusal> {
        let known = self.owned_by(account)?;
        self.check_revision(Some(expected_revision))?;
        refuse_measured(&known.origin, &edit.figures)?;
        let mut record = known.clone();
        let mut changed = Vec::new();
        change(&mut record.name, edit.name.clone(), "name", &mut changed);
        change(&mut record.visibility, edit.visibility.clone(), "visibility", &mut changed);
        // Erased facts cannot be edited: nobody may read them.
        let facts = record.facts.as_mut().ok_or_else(Refusal::not_found)?;
        change(&mut facts.sport, edit.sport, "sport", &mut changed);
        change(&mut facts.sub_sport, edit.sub_sport.clone(), "sub_sport", &mut changed);
        let moved_s = facts.moving_time_s;
        for field in edit.figures.apply(facts, &mut changed) {
            record.explained.retain(|known| known.field != field);
            record.explained.push(Explained::given(field, Measured::Owner));
        }
        if known.origin == Origin::Manual {
            follow_timer(facts, &mut record.explained);
            if !edit.figures.asked().is_empty() {
                check_times(facts)?;
            }
        }
        if facts.moving_time_s != moved_s && edit.figures.moving_time_s.is_none() {
            changed.push(MOVING.to_owned());
        }
        Ok(self.edited_to(record, changed))
    }
}

impl Figures {
    /// The totals that changed.
    fn apply(&self, facts: &mut Facts, changed: &mut Vec<String>) -> Vec<&'static str> {
        if let Some(start) = &self.start {
            change(&mut facts.start_us, Some(start.start_us), "start_at", changed);
            facts.utc_offset_s = start.utc_offset_s;
            facts.time_zone.clone_from(&start.time_zone);
        }
        let mut totals = Vec::new();
        let before = facts.elapsed_time_s;
        change(&mut facts.elapsed_time_s, self.elapsed_time_s, ELAPSED, changed);
        totals.extend((facts.elapsed_time_s != before).then_some(ELAPSED));
        for (place, (field, to)) in places(facts).into_iter().zip(self.others()) {
            let before = *place;
            change(place, to.map(Some), field, changed);
            totals.extend((*place != before).then_some(field));
        }
        totals
    }
}

fn change<T: PartialEq>(field: &mut T, to: Option<T>, name: &str, changed: &mut Vec<String>) {
    if let Some(to) = to.filter(|to| to != field) {
        *field = to;
        changed.push(name.to_owned());
    }
}

fn refuse_measured(origin: &Origin, figures: &Figures) -> Result<(), Refusal> {
    if *origin == Origin::Manual {
        return Ok(());
    }
    let refused = |field: &str| FieldError {
        pointer: format!("/{field}"),
        code: "not_editable".to_owned(),
        detail: "only manual entries can change what others measured".to_owned(),
    };
    Refusal::fields(figures.asked().into_iter().map(refused).collect())
}

#[cfg(test)]
mod tests {
    use eventing::Aggregate;
    use kernel::{ActivityId, Code};

    use super::*;
    use crate::domain::{activity::Event, facts::Record};

    fn owner() -> AccountId {
        AccountId::derived(&[b"owner"])
    }

    fn given(origin: Origin) -> Activity {
        let start = Start { start_us: 5, utc_offset_s: 0, time_zone: None };
        let record = Record {
            origin,
            streams_blob: None,
            visibility: None,
            facts: Some(Facts::new(Sport::Running, start, 1800.0)),
            health: None,
            name: Some("Morning run".to_owned()),
            devices: Vec::new(),
            explained: Vec::new(),
            marks: Default::default(),
            judgement: None,
            trace: None,
        };
        let mut activity = Activity::default();
        let change = Change::Recorded(Box::new(record));
        activity.evolve(&Event { activity_id: ActivityId::derived(&[b"a"]), account_id: owner(), change });
        activity
    }

    fn walk() -> Edit {
        Edit { sport: Some(Sport::Walking), name: Some(None), ..Edit::default() }
    }

    #[test]
    fn an_edit_says_what_it_changed_and_where_the_activity_was() {
        let changes = given(Origin::Manual).edit(owner(), 1, &walk()).unwrap();
        let [Change::Edited { record, previous_start_us: 5, changed }] = &changes[..] else {
            panic!("{changes:?}")
        };
        assert_eq!(changed, &["name", "sport"]);
        assert_eq!((record.name.clone(), record.facts.as_ref().unwrap().sport), (None, Sport::Walking));
    }

    #[test]
    fn an_edit_of_an_older_revision_is_refused() {
        assert_eq!(given(Origin::Manual).edit(owner(), 7, &walk()).unwrap_err().code, Code::VersionMismatch);
    }

    #[test]
    fn an_edit_that_changes_nothing_is_no_event() {
        let edit = Edit { sport: Some(Sport::Running), ..Edit::default() };
        assert!(given(Origin::Manual).edit(owner(), 1, &edit).unwrap().is_empty());
    }

    #[test]
    fn figures_of_manual_entries_change_and_are_their_owners_word() {
        let figures = Figures { distance_m: Some(5000.0), ..Figures::default() };
        let changes = given(Origin::Manual).edit(owner(), 1, &Edit { figures, ..Edit::default() }).unwrap();
        let [Change::Edited { record, .. }] = &changes[..] else { panic!("{changes:?}") };
        assert_eq!(record.facts.as_ref().unwrap().distance_m, Some(5000.0));
        assert_eq!(record.explained, [Explained::given("distance_m", Measured::Owner)]);
    }

    fn moving(changes: &[Change]) -> (Option<f64>, Vec<Explained>, Vec<String>) {
        let [Change::Edited { record, changed, .. }] = changes else { panic!("{changes:?}") };
        let moving = record.explained.iter().filter(|known| known.field == MOVING).cloned().collect();
        (record.facts.as_ref().unwrap().moving_time_s, moving, changed.clone())
    }

    #[test]
    fn the_timer_stands_for_the_moving_time_until_that_is_stated() {
        let mut activity = given(Origin::Manual);
        let edited = |activity: &mut Activity, revision, figures| {
            let changes = activity.edit(owner(), revision, &Edit { figures, ..Edit::default() }).unwrap();
            let event = Event {
                activity_id: ActivityId::derived(&[b"a"]),
                account_id: owner(),
                change: changes[0].clone(),
            };
            activity.evolve(&event);
            moving(&changes)
        };
        let timer = |timer_s| Figures { timer_time_s: Some(timer_s), ..Figures::default() };
        let (moved, explained, changed) = edited(&mut activity, 1, timer(1_700.0));
        assert_eq!((moved, changed), (Some(1_700.0), vec!["timer_time_s".to_owned(), MOVING.to_owned()]));
        assert_eq!((explained[0].measured, explained[0].algorithm.as_str()), (Measured::Computed, "timer"));
        let stated = Figures { moving_time_s: Some(1_600.0), ..Figures::default() };
        let (moved, explained, _) = edited(&mut activity, 2, stated);
        assert_eq!((moved, explained), (Some(1_600.0), vec![Explained::given(MOVING, Measured::Owner)]));
        let (moved, _, changed) = edited(&mut activity, 3, timer(1_750.0));
        assert_eq!((moved, changed), (Some(1_600.0), vec!["timer_time_s".to_owned()]));
    }

    #[test]
    fn nobody_moves_longer_than_the_whole_took() {
        let edit = |figures| given(Origin::Manual).edit(owner(), 1, &Edit { figures, ..Edit::default() });
        for (figures, pointer) in [
            (Figures { moving_time_s: Some(1_800.5), ..Figures::default() }, "/moving_time_s"),
            (
                Figures { timer_time_s: Some(2e6), moving_time_s: Some(5.0), ..Figures::default() },
                "/timer_time_s",
            ),
        ] {
            let refusal = edit(figures).unwrap_err();
            assert_eq!((refusal.code, refusal.fields[0].pointer.as_str()), (Code::InvalidField, pointer));
        }
        assert!(edit(Figures { moving_time_s: Some(1_800.0), ..Figures::default() }).is_ok());
    }

    #[test]
    fn what_a_device_measured_is_not_editable() {
        let figures = Figures { distance_m: Some(5000.0), elapsed_time_s: Some(1.0), ..Figures::default() };
        let synced = given(Origin::Sync { source: "healthkit".to_owned(), client_version: 1 });
        let refusal = synced.edit(owner(), 1, &Edit { figures, ..Edit::default() }).unwrap_err();
        let pointers: Vec<_> = refusal.fields.iter().map(|field| field.pointer.as_str()).collect();
        assert_eq!(pointers, ["/elapsed_time_s", "/distance_m"]);
    }

    #[test]
    fn anybody_elses_activity_is_not_found() {
        let stranger = AccountId::derived(&[b"stranger"]);
        assert_eq!(given(Origin::Manual).edit(stranger, 1, &walk()).unwrap_err(), Refusal::not_found());
    }
}
