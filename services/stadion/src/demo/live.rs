//! A live board as a client follows it: server-sent events, one frame at a time.

use std::time::Duration;

use anyhow::{Context, bail};
use futures::{Stream, StreamExt, stream::BoxStream};
use serde_json::Value;

use super::door::Ask;

const WITHIN: Duration = Duration::from_secs(60);
/// More than a board's snapshot takes; a stream that sends more without a line's end is not ours.
const LINE_BYTES_MAX: usize = 1 << 20;

/// One frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    pub event: String,
    pub id: Option<u64>,
    pub data: Value,
}

/// An open stream.
pub struct Live {
    frames: BoxStream<'static, anyhow::Result<Frame>>,
}

impl Live {
    /// # Errors
    /// The door answers with something else than a stream.
    pub async fn open(ask: Ask) -> anyhow::Result<Self> {
        let bytes = ask.header("Accept", "text/event-stream").stream().await?;
        Ok(Self { frames: frames(bytes).boxed() })
    }

    /// Reads on until a frame is the wanted one.
    ///
    /// # Errors
    /// None came in 60 s, or the stream ended.
    pub async fn until(&mut self, what: &str, wanted: impl Fn(&Frame) -> bool) -> anyhow::Result<Frame> {
        let mut seen = Vec::new();
        let reading = async {
            while let Some(frame) = self.frames.next().await {
                let frame = frame?;
                if wanted(&frame) {
                    return Ok(frame);
                }
                seen.push(frame.event);
            }
            bail!("the stream ended before {what}")
        };
        let read = tokio::time::timeout(WITHIN, reading).await;
        read.unwrap_or_else(|_| bail!("{what} did not come in {} s", WITHIN.as_secs()))
            .with_context(|| format!("frames before: {}", seen.join(" ")))
    }
}

/// Cuts bytes into frames, as the HTML standard has it; comments are passed over.
fn frames(
    bytes: impl Stream<Item = anyhow::Result<Vec<u8>>> + Send + 'static,
) -> impl Stream<Item = anyhow::Result<Frame>> + Send {
    let begin = (Box::pin(bytes), Vec::<u8>::new(), Frame::default());
    futures::stream::try_unfold(begin, |(mut bytes, mut waiting, mut frame)| async move {
        loop {
            while let Some(end) = waiting.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = waiting.drain(..=end).collect();
                let line = String::from_utf8(line).context("a frame is no UTF-8")?;
                let line = line.trim_end_matches(['\n', '\r']);
                if line.is_empty() && !frame.event.is_empty() {
                    return Ok(Some((std::mem::take(&mut frame), (bytes, waiting, frame))));
                }
                read_line(line, &mut frame)?;
            }
            if waiting.len() > LINE_BYTES_MAX {
                bail!("a line without an end");
            }
            match bytes.next().await {
                Some(more) => waiting.extend(more?),
                None => return Ok(None),
            }
        }
    })
}

fn read_line(line: &str, frame: &mut Frame) -> anyhow::Result<()> {
    let (field, value) = line.split_once(':').unwrap_or((line, ""));
    let value = value.strip_prefix(' ').unwrap_or(value);
    match field {
        "event" => value.clone_into(&mut frame.event),
        "id" => frame.id = Some(value.parse().with_context(|| format!("{value} is no sequence"))?),
        "data" => frame.data = serde_json::from_str(value).with_context(|| format!("{value} is no JSON"))?,
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_are_cut_where_they_end_however_the_bytes_arrive() {
        let text = ": hello\n\nevent: me\nid: 7\ndata: {\"rank\":1}\n\nevent: closed\ndata: {}\n\n";
        for size in [1, 3, 1_000] {
            let pieces: Vec<anyhow::Result<Vec<u8>>> =
                text.as_bytes().chunks(size).map(|piece| Ok(piece.to_vec())).collect();
            let read: Vec<Frame> = frames(futures::stream::iter(pieces)).map(Result::unwrap).collect().await;
            let me = Frame { event: "me".to_owned(), id: Some(7), data: serde_json::json!({ "rank": 1 }) };
            let closed = Frame { event: "closed".to_owned(), id: None, data: serde_json::json!({}) };
            assert_eq!(read, [me, closed]);
        }
    }
}
