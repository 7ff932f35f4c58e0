//! Scores and challenges as state values: on their way to the log, and for `State.ReadAll`.

use std::collections::HashMap;

use bytes::Bytes;
use eventing::{
    Failure, Plain, Sealer, Topic, Tx,
    outbox::{self, Sealed},
    sealing::SealingError,
    sql::DbError,
};
use proto::{envelope::Parcel, gamification as wire};
use uuid::Uuid;

use crate::{
    store::scores::{ContestRow, Part, ScoreRow},
    wire::{bytes_of, challenge::terms_to_wire},
};

/// Where everybody stands. Partition key: the challenge.
pub fn scores_topic() -> Topic {
    Topic::state("gamification", "scores")
}

/// What challenges there are. Partition key: the challenge.
pub fn challenges_topic() -> Topic {
    Topic::state("gamification", "challenges")
}

pub fn score_key(row: &ScoreRow) -> String {
    format!("{}/{}", row.challenge, row.account)
}

/// `traces`: of the last event of each account.
pub(super) async fn scores(
    tx: &mut dyn Tx,
    sealer: &Sealer,
    rows: &[ScoreRow],
    traces: &HashMap<&str, &str>,
) -> Result<(), Failure> {
    let topic = scores_topic();
    let keys: Vec<(String, String)> =
        rows.iter().map(|row| (score_key(row), row.challenge.to_string())).collect();
    let sealed = rows.iter().zip(&keys).zip(parcels(sealer, rows).await?);
    let sealed: Vec<Sealed<'_>> = sealed
        .map(|((row, (key, partition_key)), value)| {
            let trace_parent = traces.get(row.account.to_string().as_str()).copied().unwrap_or_default();
            Sealed { key, partition_key, revision: row.revision, value, trace_parent }
        })
        .collect();
    if sealed.is_empty() {
        return Ok(());
    }
    Ok(outbox::put_all(tx, &topic, sealed).await?)
}

pub(super) async fn challenges(tx: &mut dyn Tx, rows: &[ContestRow]) -> Result<(), DbError> {
    let topic = challenges_topic();
    for row in rows {
        let key = row.id.to_string();
        outbox::put(tx, &topic, &key, &key, row.revision, &Plain::of(&challenge_state(row))).await?;
    }
    Ok(())
}

/// Sealed values, in the rows' order. Whose key is gone is shown as erased.
pub async fn parcels(sealer: &Sealer, rows: &[ScoreRow]) -> Result<Vec<Parcel>, eventing::Error> {
    let plains: Vec<Plain> = rows.iter().map(|row| Plain::of(&score_state(row))).collect();
    match sealed(sealer, &plains).await {
        Err(SealingError::Destroyed { .. }) => {}
        all => return Ok(all?),
    }
    let mut parcels = Vec::with_capacity(rows.len());
    for (row, plain) in rows.iter().zip(&plains) {
        let one = match sealed(sealer, std::slice::from_ref(plain)).await {
            Err(SealingError::Destroyed { .. }) => {
                let erased = ScoreRow { part: Part::Erased, ..row.clone() };
                sealed(sealer, &[Plain::of(&score_state(&erased))]).await
            }
            one => one,
        };
        parcels.extend(one?);
    }
    Ok(parcels)
}

async fn sealed(sealer: &Sealer, plains: &[Plain]) -> Result<Vec<Parcel>, SealingError> {
    let messages: Vec<(Uuid, &Plain)> = plains.iter().map(|plain| (Uuid::new_v4(), plain)).collect();
    let parts = sealer.seal(&messages).await?;
    let parcel = |((id, plain), (payload, sealed)): ((Uuid, &Plain), _)| Parcel {
        r#type: plain.kind.clone(),
        schema_ver: plain.schema_ver,
        payload,
        sealed,
        parcel_id: Bytes::copy_from_slice(id.as_bytes()),
    };
    Ok(messages.into_iter().zip(parts).map(parcel).collect())
}

/// A participant who has left or is erased keeps a value, without a score: leaving is no absence.
fn score_state(row: &ScoreRow) -> wire::ScoreState {
    let score = wire::Score {
        segments: row.segments.clone(),
        scored: row.score.is_some() && row.part == Part::Active,
        value: row.score.filter(|_| row.part == Part::Active).map_or(0, |score| score.value),
        reached_us: row.score.filter(|_| row.part == Part::Active).map_or(0, |score| score.reached_us),
    };
    wire::ScoreState {
        challenge_id: bytes_of(row.challenge),
        account_id: bytes_of(row.account),
        member: row.member,
        state: row.part.as_str().to_owned(),
        show_as: row.show_as.as_str().to_owned(),
        score: (row.part != Part::Erased).then_some(score),
    }
}

/// As of the challenge's last event: that time has come to its window, whoever has a clock sees by themselves.
pub fn challenge_state(row: &ContestRow) -> wire::ChallengeState {
    wire::ChallengeState {
        challenge_id: bytes_of(row.id),
        author_id: bytes_of(row.author),
        terms: Some(terms_to_wire(&row.terms)),
        state: row.state().as_str().to_owned(),
        ascending: row.terms.metric.ascending(),
        participants: u32::try_from(row.participants).unwrap_or_default(),
        never_opened: row.opened_us.is_none(),
    }
}
