//! The state topics that gamification owns, from their tables: for siblings that begin anew.

use async_trait::async_trait;
use eventing::{Plain, StateTables, Topic};
use kernel::{Code, Refusal};
use proto::envelope::{Parcel, State};
use uuid::Uuid;

use crate::{
    app::App,
    consumers::scores::publish::{challenge_state, challenges_topic, parcels, score_key, scores_topic},
    store::scores::{ContestRow, ScoreRow},
};

#[async_trait]
impl StateTables for App {
    fn topics(&self) -> Vec<Topic> {
        vec![challenges_topic(), scores_topic()]
    }

    async fn page(&self, topic: &str, after_key: &str, max: usize) -> Result<Vec<State>, Refusal> {
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        if topic == challenges_topic().name {
            let after = if after_key.is_empty() { None } else { Some(parsed(after_key)?) };
            let rows = self.store.contests(after, max).await.map_err(eventing::Error::from)?;
            return Ok(rows.iter().map(challenge_value).collect());
        }
        if topic == scores_topic().name {
            let after = match after_key.split_once('/') {
                None if after_key.is_empty() => None,
                None => return Err(bad_key()),
                Some((challenge, account)) => Some((parsed(challenge)?, parsed(account)?)),
            };
            let rows = self.store.scores(after, max).await.map_err(eventing::Error::from)?;
            let parcels = parcels(self.journal.sealer(), &rows).await?;
            return Ok(rows.iter().zip(parcels).map(score_value).collect());
        }
        Err(Refusal::new(Code::NotFound, format!("no state topic {topic} is kept here")))
    }
}

fn parsed<Kind>(text: &str) -> Result<kernel::Id<Kind>, Refusal> {
    text.parse().map_err(|_| bad_key())
}

fn bad_key() -> Refusal {
    Refusal::field("/after_key", "malformed", "no key of this topic looks like that")
}

fn challenge_value(row: &ContestRow) -> State {
    let plain = Plain::of(&challenge_state(row));
    let key = row.id.to_string();
    State {
        partition_key: key.clone(),
        key,
        revision: row.revision.unsigned_abs(),
        value: Some(Parcel {
            r#type: plain.kind,
            schema_ver: plain.schema_ver,
            payload: plain.payload,
            sealed: Vec::new(),
            parcel_id: bytes::Bytes::copy_from_slice(Uuid::new_v4().as_bytes()),
        }),
        ..State::default()
    }
}

fn score_value((row, parcel): (&ScoreRow, Parcel)) -> State {
    State {
        key: score_key(row),
        partition_key: row.challenge.to_string(),
        revision: row.revision.unsigned_abs(),
        value: Some(parcel),
        ..State::default()
    }
}
