//! What an owner may change by hand.

use kernel::{AccountId, FieldError, Refusal, Sport};
use privacy::Audience;

use super::{
    activity::{Activity, Change},
    facts::{Explained, Facts, Measured, Origin, Start},
};

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
    pub distance_m: Option<f64>,
    pub ascent_m: Option<f64>,
    pub descent_m: Option<f64>,
    pub energy_kj: Option<f64>,
}

impl Figures {
    fn asked(&self) -> Vec<&'static str> {
        [
            ("start_at", self.start.is_some()),
            ("elapsed_time_s", self.elapsed_time_s.is_some()),
            ("distance_m", self.distance_m.is_some()),
            ("ascent_m", self.ascent_m.is_some()),
            ("descent_m", self.descent_m.is_some()),
            ("energy_kj", self.energy_kj.is_some()),
        ]
        .into_iter()
        .filter_map(|(field, asked)| asked.then_some(field))
        .collect()
    }
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
        let measured = edit.figures.apply(facts, &mut changed);
        for field in measured {
            record.explained.retain(|known| known.field != field);
            record.explained.push(Explained::given(field, Measured::Owner));
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
        let before = changed.len();
        change(&mut facts.elapsed_time_s, self.elapsed_time_s, "elapsed_time_s", changed);
        change(&mut facts.distance_m, self.distance_m.map(Some), "distance_m", changed);
        change(&mut facts.ascent_m, self.ascent_m.map(Some), "ascent_m", changed);
        change(&mut facts.descent_m, self.descent_m.map(Some), "descent_m", changed);
        change(&mut facts.energy_kj, self.energy_kj.map(Some), "energy_kj", changed);
        let totals = ["elapsed_time_s", "distance_m", "ascent_m", "descent_m", "energy_kj"];
        totals.into_iter().filter(|total| changed.iter().skip(before).any(|field| field == total)).collect()
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
