//! JSON bodies in: bounded before they are read, every fault named where it is.
//!
//! | fault | answer |
//! |---|---|
//! | another content type, or an encoded body | 415 `unsupported_media_type` |
//! | longer than the route takes | 413 `payload_too_large` |
//! | does not arrive in time | 408 `timeout` |
//! | not JSON, or nested too deep | 400 `malformed_json` |
//! | a field that is not as it should be | 422 `invalid_field` with its pointer |

use axum::{
    extract::{FromRequest, Request},
    response::Response,
};
use http::{HeaderMap, header};
use kernel::{Code, Refusal};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_path_to_error::Segment;

use crate::{body, exchange::Exchange, text};

/// What a body may be, unless its route says more.
pub(crate) const BODY_BYTES_MAX: usize = 256 * 1024;

/// Deeper nesting than any body of ours has.
const DEPTH_MAX: usize = 32;

/// A JSON body of at most `MAX` bytes. `APART`: what it is made of is parsed one by one, and refused one by one.
pub(crate) struct Json<T, const MAX: usize = BODY_BYTES_MAX, const APART: bool = false>(pub T);

impl<T, S, const MAX: usize, const APART: bool> FromRequest<S> for Json<T, MAX, APART>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Response;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Response> {
        let read = async {
            is_json(request.headers())?;
            let exchange = Exchange::of(&request)?;
            let bytes = body::read(request, MAX).await?;
            exchange.hash_body(&bytes);
            let read = if APART { parse_apart(&bytes) } else { parse(&bytes) };
            read.map(Self)
        };
        read.await.map_err(body::refuse)
    }
}

/// A JSON body that may be left out.
pub(crate) struct MaybeJson<T>(pub T);

impl<T, S> FromRequest<S> for MaybeJson<T>
where
    T: DeserializeOwned + Default,
    S: Send + Sync,
{
    type Rejection = Response;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Response> {
        let read = async {
            let exchange = Exchange::of(&request)?;
            let declared = is_json(request.headers());
            let bytes = body::read(request, BODY_BYTES_MAX).await?;
            exchange.hash_body(&bytes);
            if bytes.is_empty() {
                return Ok(Self(T::default()));
            }
            declared?;
            parse(&bytes).map(Self)
        };
        read.await.map_err(body::refuse)
    }
}

/// `application/json` or something `+json`, in UTF-8, not encoded.
fn is_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let refused = |detail: &str| Err(Refusal::new(Code::UnsupportedMediaType, detail));
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let structured = essence.starts_with("application/") && essence.ends_with("+json");
    if essence != "application/json" && !structured {
        return refused("the body must be application/json");
    }
    let charset = value.split(';').skip(1).find_map(|part| part.trim().strip_prefix("charset="));
    if charset.is_some_and(|charset| !charset.trim_matches('"').eq_ignore_ascii_case("utf-8")) {
        return refused("the body must be in UTF-8");
    }
    Ok(())
}

/// The value in `bytes`, or what is wrong with them.
///
/// # Errors
/// `malformed_json`, `invalid_field`.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    let is_clean = scan(bytes)?;
    read(bytes, is_clean)
}

/// As [`parse`], where the texts are looked at later, a part at a time.
fn parse_apart<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    scan(bytes)?;
    read(bytes, true)
}

fn read<T: DeserializeOwned>(bytes: &[u8], is_clean: bool) -> Result<T, Refusal> {
    // A field at fault in what is no JSON at all: the latter is what must be mended first.
    serde_json::from_slice::<IgnoredAny>(bytes).map_err(|error| malformed(&error))?;
    if !is_clean {
        let place = serde_json::from_slice(bytes).ok().and_then(|value| text::place_of_unwanted(&value));
        return Err(unwanted(&place.unwrap_or_default()));
    }
    // serde would read a list as the fields in their order: nobody means that.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(Refusal::field("", "invalid_type", "the body must be an object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut reader).map_err(fault)
}

/// Bounds the depth, and says whether all texts are free of what nobody wants in them, before anything is built.
fn scan(bytes: &[u8]) -> Result<bool, Refusal> {
    let (mut depth, mut in_text, mut at, mut is_clean) = (0_usize, false, 0_usize, true);
    while let Some(&byte) = bytes.get(at) {
        is_clean &= !in_text || !text::begins_unwanted(&bytes[at..]);
        match (in_text, byte) {
            (true, b'\\') => at += 1,
            (_, b'"') => in_text = !in_text,
            (false, b'{' | b'[') => depth += 1,
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return Err(Refusal::new(Code::MalformedJson, format!("nested deeper than {DEPTH_MAX}")));
        }
        at += 1;
    }
    Ok(is_clean)
}

/// A text at `pointer` holds what no field takes.
pub(crate) fn unwanted(pointer: &str) -> Refusal {
    Refusal::field(pointer, "invalid_character", "a text holds a control character")
}

fn malformed(error: &serde_json::Error) -> Refusal {
    Refusal::new(Code::MalformedJson, format!("not JSON at line {}, column {}", error.line(), error.column()))
}

fn fault(error: serde_path_to_error::Error<serde_json::Error>) -> Refusal {
    let mut pointer = pointer(error.path());
    let inner = error.inner();
    let said = inner.to_string();
    let said = said.split(" at line ").next().unwrap_or_default();
    let number = said.starts_with("number out of range");
    // So a list of a certain length says that it is longer.
    let long = said.starts_with("trailing characters");
    if !number && !long && inner.classify() != serde_json::error::Category::Data {
        return malformed(inner);
    }
    if let Some(field) = said.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        pointer = format!("{pointer}/{}", escape(field));
        return Refusal::field(&pointer, "required", "this field is needed");
    }
    let (code, detail) = match said.split_once('|') {
        Some((code, detail)) if code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') => {
            (code, detail)
        }
        _ if number || said.starts_with("invalid value: integer") => ("out_of_range", said),
        _ if long => ("too_long", "more parts than belong here"),
        _ if said.starts_with("invalid type") => ("invalid_type", said),
        _ if said.starts_with("unknown variant") => ("unknown_value", said),
        _ if said.starts_with("duplicate field") => ("duplicate", said),
        _ => ("invalid", said),
    };
    Refusal::field(&pointer, code, detail.chars().take(200).collect::<String>())
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", escape(key))),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// RFC 6901 §3.
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::values::{Real, Time};

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only read by serde")]
    struct Run {
        sport: String,
        distance_m: Option<Real>,
        start_at: Option<Time>,
        #[serde(default)]
        laps: Vec<Lap>,
    }
    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only read by serde")]
    struct Lap {
        count: u32,
    }

    fn refused(text: &str) -> (Code, String, String) {
        let refusal = parse::<Run>(text.as_bytes()).expect_err(text);
        let field = refusal.fields.first().cloned();
        let (pointer, code) = field.map(|field| (field.pointer, field.code)).unwrap_or_default();
        (refusal.code, pointer, code)
    }

    #[test]
    fn each_fault_says_where_it_is() {
        let field = |pointer: &str, code: &str| (Code::InvalidField, pointer.to_owned(), code.to_owned());
        assert_eq!(refused("{}"), field("/sport", "required"));
        assert_eq!(refused(r#"{"sport":1}"#), field("/sport", "invalid_type"));
        assert_eq!(
            refused(r#"{"sport":"running","distance_m":1e300}"#),
            field("/distance_m", "out_of_range")
        );
        assert_eq!(
            refused(r#"{"sport":"running","distance_m":1e999}"#),
            field("/distance_m", "out_of_range")
        );
        assert_eq!(refused(r#"{"sport":"running","start_at":"now"}"#), field("/start_at", "not_a_time"));
        assert_eq!(refused(r#"{"sport":"a","laps":[{"count":1},{}]}"#), field("/laps/1/count", "required"));
        assert_eq!(refused(r#"{"sport":"a","laps":[{"count":-1}]}"#), field("/laps/0/count", "out_of_range"));
        assert_eq!(refused(r#"{"sport":"a","sport":"b"}"#), field("", "duplicate"));
        assert_eq!(refused(r#"["running"]"#), field("", "invalid_type"));
    }

    #[test]
    fn control_characters_are_found_where_they_are() {
        let unwanted =
            |pointer: &str| (Code::InvalidField, pointer.to_owned(), "invalid_character".to_owned());
        for text in ["a\\u0000b", "\\b", "\\f", "\\u001B[0m", "\\u007f", "\u{7f}", "\\u0085", "\u{85}"] {
            assert_eq!(refused(&format!(r#"{{"sport":"{text}"}}"#)), unwanted("/sport"), "{text:?}");
        }
        assert_eq!(
            refused(r#"{"sport":"a","laps":[{"count":1},{"no/te":"\u0001"}]}"#),
            unwanted("/laps/1/no~1te")
        );
        assert_eq!(refused(r#"{"sport":"a","\u0002":1}"#), unwanted(""));
        for text in ["two\\nlines\\r\\n\\tof it", "\\\\u0000", "Алматы", "\u{a0}", "\\\\b"] {
            assert!(parse::<Run>(format!(r#"{{"sport":"{text}"}}"#).as_bytes()).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_not_json_is_called_so() {
        for text in
            ["", "{", "nul", "{\"sport\":\"a\"} x", "{\"sport\":NaN}", "\u{feff}{}", "{\"sport\":\"a\",}"]
        {
            assert_eq!(refused(text).0, Code::MalformedJson, "{text}");
        }
        assert_eq!(refused(&"[".repeat(100_000)).0, Code::MalformedJson);
        assert_eq!(parse::<Run>(b"{\"sport\":\"\xff\"}").expect_err("no UTF-8").code, Code::MalformedJson);
    }

    #[test]
    fn unknown_fields_are_ignored() {
        let run = parse::<Run>(br#"{"sport":"running","mood":{"deep":[1,2,{"x":null}]}}"#).expect("a run");
        assert_eq!(run.sport, "running");
    }
}
