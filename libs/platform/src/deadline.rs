//! Deadlines, the same in process and over the wire: the header `grpc-timeout`, and DEADLINE_EXCEEDED when it is past.

use std::time::Duration;

use http::HeaderValue;
use tokio::time::Instant;

/// The gRPC header.
pub(crate) const HEADER: &str = "grpc-timeout";

/// Nobody waits longer than this for a call, whatever it asks for.
pub const LONGEST: Duration = Duration::from_secs(60);

/// How long a call may take when neither it nor its caller says.
pub const USUAL: Duration = Duration::from_secs(10);

/// Reads `10S`, `250m`, …; `None` for what the format does not allow.
pub(crate) fn parse(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if number.is_empty() || number.len() > 8 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// The time left as a header: milliseconds, rounded up so that it never says nothing.
pub(crate) fn header(left: Duration) -> HeaderValue {
    let ms = left.min(LONGEST).as_micros().div_ceil(1000).max(1);
    HeaderValue::from_str(&format!("{ms}m")).unwrap_or(HeaderValue::from_static("1m"))
}

/// The earlier of what the request's own header and the caller's deadline say, and without both of them `usual`; never
/// later than [`LONGEST`].
pub(crate) fn earliest(own: Option<&HeaderValue>, ambient: Option<Instant>, usual: Duration) -> Instant {
    let now = Instant::now();
    let asked = own.and_then(parse);
    let asked = match (asked, ambient) {
        (Some(asked), _) => asked,
        (None, Some(_)) => LONGEST,
        (None, None) => usual,
    };
    let own = now + asked.min(LONGEST);
    ambient.map_or(own, |ambient| ambient.min(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_and_nonsense_is_not() {
        let read = |text: &'static str| parse(&HeaderValue::from_static(text));
        assert_eq!(read("3S"), Some(Duration::from_secs(3)));
        assert_eq!(read("250m"), Some(Duration::from_millis(250)));
        assert_eq!(read("1H"), Some(Duration::from_secs(3600)));
        for text in ["", "S", "1", "1x", "-1S", "123456789S", "1é"] {
            assert_eq!(HeaderValue::from_str(text).ok().as_ref().and_then(parse), None, "{text}");
        }
    }

    #[test]
    fn what_is_left_is_never_written_as_nothing() {
        assert_eq!(header(Duration::ZERO), "1m");
        assert_eq!(parse(&header(Duration::from_micros(1500))), Some(Duration::from_millis(2)));
    }
}
