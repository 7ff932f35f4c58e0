//! Query strings and path ids.

use std::collections::BTreeMap;

use axum::{
    extract::{FromRequestParts, Path, Query},
    response::Response,
};
use http::{Uri, request::Parts};
use kernel::{Code, Refusal};
use serde::{Deserialize, de::DeserializeOwned};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::{body::refuse, text, values::AnId};

/// Longer query strings than any client of ours makes.
const QUERY_BYTES_MAX: usize = 8 * 1024;

/// The parameters of a request; 400 `malformed_query` when they are not as they should be.
pub(crate) struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Response> {
        let malformed = |detail: String| refuse(Refusal::new(Code::MalformedQuery, detail));
        let query = parts.uri.query().unwrap_or_default();
        if query.len() > QUERY_BYTES_MAX {
            return Err(malformed(format!("at most {QUERY_BYTES_MAX} bytes of parameters are read")));
        }
        if text::hides_unwanted(query.as_bytes()) {
            return Err(malformed("a parameter holds a control character".to_owned()));
        }
        let once = once(query).and_then(|query| format!("/?{query}").parse::<Uri>().ok());
        match Query::<T>::try_from_uri(once.as_ref().unwrap_or(&parts.uri)) {
            Ok(Query(params)) => Ok(Self(params)),
            Err(error) => Err(malformed(said(&error.body_text()))),
        }
    }
}

/// What is wrong with which parameter, without the words that readers put around it.
fn said(error: &str) -> String {
    let error = error.strip_prefix("Failed to deserialize query string: ").unwrap_or(error);
    let (place, text) = error.split_once(": ").unwrap_or(("", error));
    let text = text.split_once('|').map_or(text, |(_, detail)| detail);
    let text = if place.is_empty() { text.to_owned() } else { format!("{place}: {text}") };
    text.chars().take(200).collect()
}

/// The query in which each parameter stands once: one that is repeated says what its values would with commas between
/// them, as some clients write lists. `None`: none is repeated.
fn once(query: &str) -> Option<String> {
    let mut pairs: BTreeMap<&str, String> = BTreeMap::new();
    let mut repeats = false;
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if let Some(values) = pairs.get_mut(name) {
            repeats = true;
            values.extend([",", value]);
        } else {
            pairs.insert(name, value.to_owned());
        }
    }
    let joined = || pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    repeats.then(joined)
}

/// What the path names; 404 `not_found` when it cannot be read.
pub(crate) struct Named<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        if text::hides_unwanted(parts.uri.path().as_bytes()) {
            return Err(refuse(Refusal::not_found()));
        }
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(named)) => Ok(Self(named)),
            Err(_) => Err(refuse(Refusal::not_found())),
        }
    }
}

/// A path's id as the 16 bytes that services speak.
pub(crate) type PathId = Named<Uuid>;

impl PathId {
    pub(crate) fn bytes(&self) -> bytes::Bytes {
        bytes::Bytes::copy_from_slice(self.0.as_bytes())
    }
}

/// A page of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// `next_cursor` of the page before; bound to its list and filters.
    pub cursor: Option<String>,
    /// How many at most, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    #[serde(default, deserialize_with = "limit")]
    pub limit: Option<u32>,
}

/// A number of things, 1 to 200.
pub(crate) fn limit<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    within(deserializer, 200)
}

/// A number of places of a board, 1 to 500.
pub(crate) fn places<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    within(deserializer, 500)
}

/// How many places on either side, 1 to 100.
pub(crate) fn span<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    within(deserializer, 100)
}

fn within<'de, D: serde::Deserializer<'de>>(deserializer: D, most: u32) -> Result<Option<u32>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<u32>() {
        Ok(number) if (1..=most).contains(&number) => Ok(Some(number)),
        _ => Err(serde::de::Error::custom(format!("a number from 1 to {most} is needed"))),
    }
}

/// Ids with commas between them, at most 200.
pub(crate) fn ids<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<AnId>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let ids: Option<Vec<_>> =
        text.split(',').map(|id| Uuid::try_parse(id.trim()).ok().map(AnId)).take(IDS_MAX + 1).collect();
    ids.filter(|ids| ids.len() <= IDS_MAX).ok_or_else(|| {
        serde::de::Error::custom(format!("1 to {IDS_MAX} ids with commas between them are needed"))
    })
}

const IDS_MAX: usize = 200;

/// An instant as a parameter that may be left out, RFC 3339.
pub(crate) fn time<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<crate::values::Time>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Ok(None) } else { instant(&text).map(Some) }
}

/// An instant as a parameter, RFC 3339.
pub(crate) fn moment<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<crate::values::Time, D::Error> {
    instant(&String::deserialize(deserializer)?)
}

fn instant<E: serde::de::Error>(text: &str) -> Result<crate::values::Time, E> {
    // A plus sign that was not escaped arrives as a space.
    crate::values::Time::parse(&text.replace(' ', "+"))
        .ok_or_else(|| E::custom("a time as RFC 3339 has it, with an offset, is needed"))
}

/// Yes or no: `true`, `1`, `false`, `0`.
pub(crate) fn flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    is_set(&String::deserialize(deserializer)?)
        .ok_or_else(|| serde::de::Error::custom("true or false is needed"))
}

/// What a flag says; empty: no. `None`: nothing that is understood.
pub(crate) fn is_set(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" | "" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{once, said};

    #[test]
    fn a_parameter_at_fault_is_named_in_plain_words() {
        for (error, told) in [
            (
                "Failed to deserialize query string: account: not_an_id|an id is needed",
                "account: an id is needed",
            ),
            ("Failed to deserialize query string: missing field `at`", "missing field `at`"),
        ] {
            assert_eq!(said(error), told);
        }
    }

    #[test]
    fn a_parameter_that_is_repeated_says_its_values_with_commas() {
        for (asked, read) in [
            ("accounts=a&limit=5&accounts=b,c", "accounts=a,b,c&limit=5"),
            ("limit=5&limit=6", "limit=5,6"),
            ("flag&cursor=a%3D=&flag=", "cursor=a%3D=&flag=,"),
        ] {
            assert_eq!(once(asked).as_deref(), Some(read), "{asked}");
        }
        for alone in ["", "limit=5", "cursor=a%3D=&limit=5"] {
            assert_eq!(once(alone), None, "{alone}");
        }
    }
}
