//! What readers could not take, and what becomes of it: the owner's side of `stadion replay`.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{anyhow, bail, ensure};
use eventing::{Parked, ParkedKey, Spine};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Keys listed and records shown at once.
const KEYS_MAX: u32 = 1_000;
const RECORDS_MAX: u32 = 100;
/// Of an error, in a list; of bytes that are no event.
const ERROR_CHARS_MAX: usize = 300;
const BYTES_MAX: usize = 64;

/// What is wished for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    List { reader: Option<String> },
    Show { id: String },
    Release { reader: Option<String>, key: Option<String> },
    Drop { id: String, first: bool, yes: bool },
}

pub(super) type Spines = BTreeMap<&'static str, Arc<Spine>>;

pub(super) async fn answer(spines: &Spines, wish: Wish) -> anyhow::Result<Value> {
    match wish {
        Wish::List { reader } => list(spines, reader.as_deref()).await,
        Wish::Show { id } => show(spines, &id).await,
        Wish::Release { reader, key } => release(spines, reader.as_deref(), key.as_deref()).await,
        Wish::Drop { id, first, yes } => give_up(spines, &id, first, yes).await,
    }
}

async fn list(spines: &Spines, reader: Option<&str>) -> anyhow::Result<Value> {
    let mut keys = Vec::new();
    for (service, spine) in spines {
        let waiting = spine.parked(KEYS_MAX).await?;
        let meant = waiting.iter().filter(|key| reader.is_none_or(|name| name == key.consumer));
        keys.extend(meant.map(|key| key_said(service, key)));
    }
    Ok(Value::Array(keys))
}

async fn show(spines: &Spines, id: &str) -> anyhow::Result<Value> {
    let (service, spine, key) = found(spines, id).await?;
    let records = spine.parked_of(&key, RECORDS_MAX).await?;
    let records: Vec<Value> = records.iter().map(record_said).collect();
    let mut answer = key_said(service, &key);
    answer["details"] = Value::Array(records);
    Ok(answer)
}

async fn release(spines: &Spines, reader: Option<&str>, key: Option<&str>) -> anyhow::Result<Value> {
    let mut reports = Vec::new();
    let mut known = false;
    for (service, spine) in spines {
        for one in spine.readers().into_iter().filter(|one| reader.is_none_or(|name| name == *one)) {
            known = true;
            let done = spine.replay(Some(one), key).await;
            let done = done.map_err(|error| anyhow!("{service}, {one}: {error}"))?;
            if done.released + done.still_parked > 0 {
                reports.push(json!({
                    "reader": one,
                    "released": done.released,
                    "still_parked": done.still_parked,
                }));
            }
        }
    }
    ensure!(known, "no reader is called {}", reader.unwrap_or_default());
    Ok(Value::Array(reports))
}

async fn give_up(spines: &Spines, id: &str, first: bool, yes: bool) -> anyhow::Result<Value> {
    let (service, spine, key) = found(spines, id).await?;
    let lost = if first { 1 } else { RECORDS_MAX };
    let records: Vec<Value> = spine.parked_of(&key, lost).await?.iter().map(record_said).collect();
    let dropped = if yes { spine.drop_parked(&key, first).await? } else { 0 };
    let mut answer = key_said(service, &key);
    if first {
        answer["records"] = json!(1);
    }
    answer["details"] = Value::Array(records);
    answer["dropped"] = json!(dropped);
    Ok(answer)
}

async fn found<'s>(
    spines: &'s Spines,
    id: &str,
) -> anyhow::Result<(&'static str, &'s Arc<Spine>, ParkedKey)> {
    for (service, spine) in spines {
        let keys = spine.parked(u32::MAX).await?;
        if let Some(key) = keys.into_iter().find(|key| key.id(service) == id) {
            return Ok((service, spine, key));
        }
    }
    bail!("no parked key has the id {id}: see `stadion replay list`")
}

fn key_said(service: &str, key: &ParkedKey) -> Value {
    let error: String = key.error.chars().take(ERROR_CHARS_MAX).collect();
    json!({
        "id": key.id(service),
        "service": service,
        "reader": key.consumer,
        "source": key.source,
        "key": key.key,
        "records": key.records,
        "since": (key.since_us > 0).then(|| time(key.since_us)),
        "attempts": key.attempts,
        "error": error,
    })
}

/// Nothing of a payload: what is personal in it is sealed, the rest is for its reader.
fn record_said(record: &Parked) -> Value {
    match record.event() {
        Some(event) => json!({
            "source": record.source,
            "position": event.position,
            "type": event.kind,
            "stream": event.stream.as_str(),
            "version": event.version,
            "event_id": event.event_id.to_string(),
            "at": time(event.at_us),
            "bytes": record.record.len(),
            "attempts": record.attempts,
            "error": record.error,
        }),
        None => json!({
            "source": record.source,
            "partition": record.part,
            "offset": record.pos.abs(),
            "bytes": record.record.len(),
            "begins": format!("{:02x?}", record.record.get(..BYTES_MAX).unwrap_or(&record.record)),
            "attempts": record.attempts,
            "error": record.error,
        }),
    }
}

fn time(us: i64) -> String {
    kernel::time::from_micros(us).to_string()
}
