//! What an owner changes by hand.

use eventing::{Command, Decision, Done};
use kernel::{AccountId, ActivityId, Refusal};

use super::{App, Seen, activity_stream, events};
use crate::domain::{
    activity::Activity,
    edit::Edit,
    facts::{Record, Start},
};

impl App {
    /// `expected_revision`: the one its owner saw; another is `version_mismatch`.
    pub async fn change_activity(
        &self,
        command: &Command,
        account: AccountId,
        id: ActivityId,
        expected_revision: u64,
        edit: Edit,
    ) -> Result<(Done, Seen), Refusal> {
        let stream = activity_stream(id);
        let edit = &edit;
        // Of another sport, or other figures, other things are possible.
        let known = self.journal.load::<Activity>(&stream).await?.state;
        let alone = known.alone().filter(|_| known.account_id == Some(account));
        let columns = match &alone {
            Some(alone) if edit.sport.is_some() => Some(self.columns(alone).await?),
            _ => None,
        };
        let columns = columns.as_ref();
        let done = self
            .journal
            .execute::<Activity, _>(command, &stream, &account.to_string(), |activity, _| {
                let edit = with_zone_of(activity.record.as_ref(), edit.clone());
                let changes = activity.edit(account, expected_revision, &edit)?;
                let changes = activity.judge_edited(changes, columns);
                Ok(Decision::of(events(id, account, changes)).answer(200, vec![id.to_string()]))
            })
            .await?;
        let done = self.and_twins(command, account, id, done).await;
        Ok((done, self.fresh(id).await?))
    }
}

/// A new start stays in the activity's zone; its offset is the zone's at that time, unless it was stated.
fn with_zone_of(known: Option<&Record>, mut edit: Edit) -> Edit {
    let zone = known.and_then(|record| record.facts.as_ref()).and_then(|facts| facts.time_zone.clone());
    if let Some(start) = &mut edit.figures.start {
        let stated = edit.stated_offset_s;
        *start = Start::of(start.start_us, stated, zone.as_deref(), None);
    }
    edit
}
