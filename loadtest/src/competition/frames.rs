//! Server-sent events, read without making anything of what nobody asks for: tens of thousands of them a second arrive on
//! the machine that also serves them.

use anyhow::{Context, ensure};

/// More than any frame of ours.
const PARTIAL_BYTES_MAX: usize = 1 << 20;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Event {
    #[default]
    Other,
    Snapshot,
    Delta,
    Me,
    Closed,
}

/// What is left of a stream between two of its chunks.
#[derive(Default)]
pub(super) struct Events {
    partial: Vec<u8>,
    event: Event,
    /// The newest `id`: where the stream goes on when it is opened again.
    pub(super) id: u64,
}

impl Events {
    /// The stream begins anew: what was left of the one before belongs to nothing.
    pub(super) fn again(&mut self) {
        self.partial.clear();
        self.event = Event::Other;
    }

    /// Takes a chunk; `each` hears every event with its data.
    ///
    /// # Errors
    /// A line without an end; what `each` says.
    pub(super) fn take(
        &mut self,
        chunk: &[u8],
        mut each: impl FnMut(Event, &[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        if self.partial.is_empty() {
            let rest = self.lines(chunk, &mut each)?;
            self.partial.extend_from_slice(rest);
            return Ok(());
        }
        let mut whole = std::mem::take(&mut self.partial);
        whole.extend_from_slice(chunk);
        ensure!(whole.len() <= PARTIAL_BYTES_MAX, "a line without an end");
        let rest = self.lines(&whole, &mut each)?.len();
        whole.drain(..whole.len() - rest);
        self.partial = whole;
        Ok(())
    }

    /// What is behind the last whole line.
    fn lines<'a>(
        &mut self,
        mut text: &'a [u8],
        each: &mut impl FnMut(Event, &[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<&'a [u8]> {
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = (&text[..end], &text[end + 1..]);
            if let Some(data) = line.strip_prefix(b"data: ") {
                each(self.event, data)?;
            } else if let Some(event) = line.strip_prefix(b"event: ") {
                self.event = match event {
                    b"snapshot" => Event::Snapshot,
                    b"delta" => Event::Delta,
                    b"me" => Event::Me,
                    b"closed" => Event::Closed,
                    _ => Event::Other,
                };
            } else if let Some(id) = line.strip_prefix(b"id: ") {
                self.id = whole(id).context("an id")?.0;
            }
            text = rest;
        }
        Ok(text)
    }
}

/// Rank and score, in thousandths, of a `me` frame; `None`: there is no place any more.
///
/// # Errors
/// A rank without a score.
pub(super) fn me(data: &[u8]) -> anyhow::Result<Option<(u32, i64)>> {
    let Some(rank) = after(data, b"\"rank\":") else { return Ok(None) };
    let read = || Some((u32::try_from(whole(rank)?.0).ok()?, score(after(data, b"\"score\":")?)?));
    read().map(Some).with_context(|| format!("a place: {}", String::from_utf8_lossy(data)))
}

/// Why a stream was closed, and when to come back.
pub(super) fn closed(data: &[u8]) -> (String, u64) {
    let code = after(data, b"\"code\":\"").and_then(|rest| rest.split(|byte| *byte == b'"').next());
    let code = String::from_utf8_lossy(code.unwrap_or_default()).into_owned();
    let retry_ms = after(data, b"\"retry_ms\":").and_then(whole).map_or(0, |(number, _)| number);
    (code, retry_ms)
}

fn after<'a>(data: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let at = data.windows(key.len()).position(|window| window == key)?;
    Some(&data[at + key.len()..])
}

/// A number without a fraction, and what is behind it.
fn whole(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(&text[..digits]).ok()?.parse().ok()?;
    Some((number, &text[digits..]))
}

/// A number that is not negative, in thousandths.
fn score(text: &[u8]) -> Option<i64> {
    let (units, rest) = whole(text)?;
    let mut thousandths = 0;
    if let Some(rest) = rest.strip_prefix(b".") {
        let mut worth = 100;
        for digit in rest.iter().take_while(|byte| byte.is_ascii_digit()) {
            thousandths += i64::from(digit - b'0') * worth;
            worth /= 10;
        }
    }
    Some(i64::try_from(units).ok()?.checked_mul(1_000)? + thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] = b"event: snapshot\nid: 5\ndata: {\"a\":1}\n\n: \n\nevent: me\nid: 8130\n\
        data: {\"sequence\":8130,\"rank\":812,\"member\":\"m44\",\"score\":5012.3,\"as_of\":\"2026-05-01T00:00:00Z\"}\n\n";

    fn heard(chunks: &[&[u8]]) -> (Vec<(Event, String)>, u64) {
        let (mut events, mut all) = (Events::default(), Vec::new());
        for chunk in chunks {
            events
                .take(chunk, |event, data| {
                    all.push((event, String::from_utf8_lossy(data).into_owned()));
                    Ok(())
                })
                .unwrap();
        }
        (all, events.id)
    }

    #[test]
    fn events_are_the_same_wherever_the_chunks_break() {
        let whole = heard(&[STREAM]);
        assert_eq!(whole.0.iter().map(|one| one.0).collect::<Vec<_>>(), [Event::Snapshot, Event::Me]);
        assert_eq!(whole.1, 8_130);
        for at in 0..STREAM.len() {
            assert_eq!(heard(&[&STREAM[..at], &STREAM[at..]]), whole, "broken at {at}");
        }
        let bytes: Vec<&[u8]> = STREAM.chunks(1).collect();
        assert_eq!(heard(&bytes), whole);
    }

    #[test]
    fn a_place_is_read_to_the_thousandth() {
        let of = |score: &str| me(format!("{{\"rank\":3,\"member\":\"m1\",\"score\":{score}}}").as_bytes());
        for (text, thousandths) in [("5012.3", 5_012_300), ("7", 7_000), ("0.001", 1), ("12.3456", 12_345)] {
            assert_eq!(of(text).unwrap(), Some((3, thousandths)), "{text}");
        }
        assert!(me(b"{\"rank\":3}").is_err() && of("null").is_err());
    }

    #[test]
    fn a_closed_stream_says_why_and_when_to_come_back() {
        assert_eq!(closed(b"{\"code\":\"shutdown\",\"retry_ms\":3000}"), ("shutdown".to_owned(), 3_000));
        assert_eq!(closed(b"{}"), (String::new(), 0));
    }

    #[test]
    fn a_line_without_an_end_is_a_fault() {
        let mut events = Events::default();
        let chunk = vec![b'x'; PARTIAL_BYTES_MAX];
        events.take(&chunk, |_, _| Ok(())).unwrap();
        assert!(events.take(&chunk, |_, _| Ok(())).is_err());
    }
}
