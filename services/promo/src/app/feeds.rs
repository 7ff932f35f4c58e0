//! A partner's feed: read whole, then only what differs is written.

use bytes::Bytes;
use eventing::{Command, Done, Error, Loaded, StreamId};
use kernel::{Code, Refusal};

use super::App;
use crate::domain::{
    catalogue::{Feed, Reading, tsv, xml},
    ids::{self, FeedId, PartnerId},
};

/// Events an append: bounds its size. A put that dies half-way is finished by putting the feed again.
const EVENTS_PER_APPEND: usize = 20;

#[derive(Debug)]
pub struct Imported {
    pub done: Option<Done>,
    pub reading: Reading,
    pub products: usize,
}

pub async fn put(
    app: &App,
    command: &Command,
    partner: PartnerId,
    name: &str,
    content_type: &str,
    body: Bytes,
) -> Result<Imported, Refusal> {
    let known = (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if !known {
        return Err(Refusal::field(
            "/feed",
            "out_of_range",
            "1 to 64 letters, digits, dots, dashes or underscores",
        ));
    }
    if body.len() as u64 > app.config.feed_bytes_max {
        let detail = format!("a feed has at most {} bytes", app.config.feed_bytes_max);
        return Err(Refusal::new(Code::PayloadTooLarge, detail));
    }
    let reading = read(content_type, body).await?;
    let id = ids::feed_of(partner, name);
    let (reading_ref, stream) = (&reading, StreamId::of("feed", id));
    let (stream, key) = (&stream, partner.to_string());
    let key = &key;
    let (done, products) =
        app.journal.retrying(|| write(app, command, stream, key, partner, name, reading_ref, id)).await?;
    Ok(Imported { done, reading, products })
}

/// Reading is arithmetic over bytes: it has a thread of its own, so that others are not kept waiting.
async fn read(content_type: &str, body: Bytes) -> Result<Reading, Refusal> {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let reader: fn(&[u8]) -> Result<Reading, Refusal> = match kind.as_str() {
        "application/xml" | "text/xml" | "application/rss+xml" | "application/atom+xml" => xml::read,
        "text/tab-separated-values" => tsv::read,
        _ => {
            let detail = "application/xml or text/tab-separated-values";
            return Err(Refusal::new(Code::UnsupportedMediaType, detail));
        }
    };
    tokio::task::spawn_blocking(move || reader(&body))
        .await
        .map_err(|_| Refusal::new(Code::FileUnreadable, "the feed cannot be read"))?
}

#[expect(clippy::too_many_arguments, reason = "one attempt of `put`, which has checked them all")]
async fn write(
    app: &App,
    command: &Command,
    stream: &StreamId,
    key: &str,
    partner: PartnerId,
    name: &str,
    reading: &Reading,
    id: FeedId,
) -> Result<(Option<Done>, usize), Error> {
    let mut feed: Loaded<Feed> = app.journal.load(stream).await?;
    if let Some(done) = app.journal.replayed(command).await? {
        return Ok((Some(done), feed.state.len()));
    }
    let events = feed.state.import(partner, name, reading);
    let keyless = Command { key: None, ..command.clone() };
    let appends = events.chunks(EVENTS_PER_APPEND).count();
    let mut done = None;
    for (index, chunk) in events.chunks(EVENTS_PER_APPEND).enumerate() {
        // The caller's key is answered by the last append: a put cut short is done again, not replayed.
        let command = if index + 1 == appends { command } else { &keyless };
        let mut batch = app.journal.batch(command);
        batch.write(&feed, key, chunk.to_vec());
        batch.answer(200, vec![id.to_string()]);
        done = Some(batch.commit().await?);
        chunk.iter().for_each(|event| feed.state.evolve(event));
        feed.version += i64::try_from(chunk.len()).unwrap_or(0);
    }
    Ok((done, feed.state.len()))
}
