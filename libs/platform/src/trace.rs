//! W3C trace context: one identity from the public request to the last consumer of what it caused.

use std::{fmt, str::FromStr};

use uuid::Uuid;

/// The metadata key and HTTP header.
pub const HEADER: &str = "traceparent";

/// `00-{trace_id}-{span_id}-{flags}`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    trace_id: u128,
    span_id: u64,
    /// Of which step this is a part; 0: none that is known here.
    parent_id: u64,
    sampled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a W3C traceparent")]
pub struct NotATrace;

impl Trace {
    /// A trace that begins here.
    pub fn begin() -> Self {
        // A v4 UUID is never zero, which the format forbids.
        Self { trace_id: Uuid::new_v4().as_u128(), span_id: span_id(), parent_id: 0, sampled: true }
    }

    /// The caller's trace, if it sent a readable one, else a new one.
    pub fn continue_or_begin(header: Option<&str>) -> Self {
        header.and_then(|text| text.parse::<Self>().ok()).map_or_else(Self::begin, Self::child)
    }

    /// The same trace, one step further.
    pub fn child(self) -> Self {
        Self { span_id: span_id(), parent_id: self.span_id, ..self }
    }

    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// Whether somebody wishes that its steps are kept.
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// What of the trace's id is random, whoever made it: below 2^56.
    pub(crate) fn randomness(&self) -> u64 {
        let [.., a, b, c, d, e, f, g] = self.trace_id.to_be_bytes();
        u64::from_be_bytes([0, a, b, c, d, e, f, g])
    }

    pub(crate) fn trace_bytes(&self) -> [u8; 16] {
        self.trace_id.to_be_bytes()
    }

    pub(crate) fn span_bytes(&self) -> [u8; 8] {
        self.span_id.to_be_bytes()
    }

    pub(crate) fn parent_bytes(&self) -> Option<[u8; 8]> {
        (self.parent_id != 0).then(|| self.parent_id.to_be_bytes())
    }
}

fn span_id() -> u64 {
    let (high, low) = Uuid::new_v4().as_u64_pair();
    // The version and variant bits would stand at fixed places: folding hides them.
    (high ^ low.rotate_left(17)).max(1)
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}
impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Trace {
    type Err = NotATrace;

    fn from_str(text: &str) -> Result<Self, NotATrace> {
        let mut parts = text.split('-');
        let mut hex = |digits: usize| {
            parts.next().filter(|part| {
                part.len() == digits && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            })
        };
        let (Some(version), Some(trace), Some(span), Some(flags)) = (hex(2), hex(32), hex(16), hex(2)) else {
            return Err(NotATrace);
        };
        // Version 00 has exactly four parts; later versions may append more.
        if version == "ff" || (version == "00" && parts.next().is_some()) {
            return Err(NotATrace);
        }
        let trace_id = u128::from_str_radix(trace, 16).map_err(|_| NotATrace)?;
        let span_id = u64::from_str_radix(span, 16).map_err(|_| NotATrace)?;
        let flags = u8::from_str_radix(flags, 16).map_err(|_| NotATrace)?;
        if trace_id == 0 || span_id == 0 {
            return Err(NotATrace);
        }
        Ok(Self { trace_id, span_id, parent_id: 0, sampled: flags & 1 == 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_read_back_from_its_text() {
        let trace = Trace::begin();
        assert_eq!(trace.to_string().parse(), Ok(trace));
    }

    #[test]
    fn a_child_keeps_the_trace_and_changes_the_span() {
        let trace = Trace::begin();
        assert_eq!(trace.child().trace_id(), trace.trace_id());
        assert_ne!(trace.child(), trace);
    }

    #[test]
    fn what_the_format_forbids_is_refused() {
        for text in [
            "",
            "00",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_eq!(text.parse::<Trace>(), Err(NotATrace), "{text}");
        }
        assert!("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more".parse::<Trace>().is_ok());
    }
}
