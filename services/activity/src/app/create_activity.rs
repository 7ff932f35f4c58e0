//! An activity written by hand.

use eventing::{Command, Decision, Done};
use kernel::{AccountId, ActivityId, Refusal};
use privacy::Audience;

use super::{App, Seen, activity_stream, events};
use crate::domain::{
    activity::Activity,
    cheat, edit,
    facts::{Explained, Facts, Health, HeartRate, Measured, Origin, Record, Start, keyed_id, totals},
    marks::Marks,
};

/// What its owner wrote, checked; only the zone is still to be found.
#[derive(Clone, Debug)]
pub struct Entry {
    /// With an empty zone and offset 0.
    pub facts: Facts,
    pub stated_offset_s: Option<i32>,
    pub stated_zone: Option<String>,
    pub heart_rate: HeartRate,
    pub name: Option<String>,
    pub visibility: Option<Audience>,
}

impl App {
    pub async fn create_activity(
        &self,
        command: &Command,
        account: AccountId,
        entry: Entry,
    ) -> Result<(Done, Seen), Refusal> {
        let id = match &command.key {
            Some(key) => keyed_id("activity", account, "manual", &key.key),
            None => ActivityId::random(),
        };
        if let Some(done) = self.journal.replayed(command).await? {
            return Ok((done, self.fresh(id).await?));
        }
        let standing = self.standing(account).await?;
        if !standing.present {
            return Err(Refusal::not_found());
        }
        let mut facts = entry.facts;
        let zone = (entry.stated_zone.as_deref(), standing.time_zone.as_deref());
        let start = Start::of(facts.start_us, entry.stated_offset_s, zone.0, zone.1);
        (facts.utc_offset_s, facts.time_zone) = (start.utc_offset_s, start.time_zone);
        let health = Health { heart_rate: entry.heart_rate, ..Health::default() }.unless_empty();
        let health = health.filter(|_| standing.health_consent);
        let stated = totals(&facts, health.as_ref()).into_iter();
        let mut explained = stated.map(|(field, _)| Explained::given(field, Measured::Owner)).collect();
        edit::follow_timer(&mut facts, &mut explained);
        edit::check_times(&facts)?;
        let record = Record {
            origin: Origin::Manual,
            streams_blob: None,
            visibility: entry.visibility,
            explained,
            facts: Some(facts),
            health,
            name: entry.name,
            devices: Vec::new(),
            marks: Marks::default(),
            judgement: None,
            trace: None,
        };
        let record = cheat::judged(record, None);
        let stream = activity_stream(id);
        let done = self
            .journal
            .execute::<Activity, _>(command, &stream, &account.to_string(), |activity, _| {
                let changes = activity.record(record.clone());
                Ok(Decision::of(events(id, account, changes)).answer(201, vec![id.to_string()]))
            })
            .await?;
        let done = self.and_twins(command, account, id, done).await;
        Ok((done, self.fresh(id).await?))
    }
}
