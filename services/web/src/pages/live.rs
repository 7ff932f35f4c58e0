//! `/live/{challenge_id}`: a public challenge's board. Complete as it is served; scripts keep it moving.

use std::{borrow::Cow, collections::BTreeMap};

use askama::Template;
use axum::{
    extract::{Path, RawQuery, Request, State, rejection::PathRejection},
    response::Response,
};
use http::header;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{Frame, problem};
use crate::{
    api::{Api, Board, Challenge, Missing, Visit},
    assets,
    dates::{self, Zone},
    document,
    language::Language,
    numbers::{self, Measure, Separators},
    phrases::Phrases,
};

/// Places on the page, and in the stream that moves it.
const PLACES: u32 = 100;

pub(super) async fn live(
    State(api): State<Api>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let accepted = parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let language = Language::chosen(query.as_deref(), accepted);
    let id = id.ok().and_then(|Path(text)| Uuid::try_parse(&text).ok());
    match fetch(&api, &Visit::of(&parts), language, id).await {
        Ok((id, challenge, board)) => {
            document::page(&View::of(id, challenge, board, language), language, &parts.headers)
        }
        Err(missing) => problem::answer(missing, language),
    }
}

async fn fetch(
    api: &Api,
    visit: &Visit,
    language: Language,
    id: Option<Uuid>,
) -> Result<(Uuid, Challenge, Board), Missing> {
    let id = id.ok_or(Missing::NotFound)?;
    let challenge = api.challenge(visit, language, id).await?;
    match api.top(visit, language, id, PLACES).await {
        Ok(board) => Ok((id, challenge, board)),
        // Nobody has a place yet.
        Err(Missing::NotFound) => Ok((id, challenge, Board::default())),
        Err(unavailable) => Err(unavailable),
    }
}

#[derive(Template)]
#[template(path = "live.html")]
struct View {
    frame: Frame,
    script: String,
    modules: Vec<String>,
    settings: String,
    title: Title,
    metric: Cow<'static, str>,
    state: String,
    state_text: String,
    window: Option<String>,
    participants: Option<String>,
    as_of: Option<Moment>,
    rows: Vec<Row>,
    /// Nothing moves here any more.
    closed: bool,
}

/// A name and the language it is in.
struct Title {
    text: String,
    tag: String,
}

/// A moment for machines and for people.
struct Moment {
    exact: String,
    shown: String,
}

struct Row {
    rank: u64,
    member: String,
    /// None: nobody whom we may name.
    name: Option<String>,
    score: f64,
    written: String,
}

/// What the script needs to go on where the server stopped.
#[derive(Serialize)]
struct Settings<'a> {
    live: String,
    top: String,
    places: u32,
    closed: bool,
    /// When its state turns, in milliseconds since 1970.
    turns: Vec<i64>,
    language: &'a str,
    separators: Separators,
    time_zone: &'a str,
    measure: &'a str,
    unit: Option<Cow<'a, str>>,
    phrases: BTreeMap<&'static str, Cow<'a, str>>,
    plurals: BTreeMap<&'static str, BTreeMap<&'static str, Cow<'a, str>>>,
}

/// Phrases that the script says; those with a count stand in [`SCRIPT_PLURALS`].
const SCRIPT_PHRASES: [&str; 9] = [
    "anonymous",
    "link-live",
    "link-connecting",
    "link-lost",
    "link-closed",
    "link-paused",
    "pause",
    "resume",
    "leads",
];
const SCRIPT_PLURALS: [&str; 2] = ["participants", "held"];

impl View {
    fn of(id: Uuid, challenge: Challenge, board: Board, language: Language) -> Self {
        let frame = Frame::of(language);
        let t = frame.t;
        let measure = Measure::of(&challenge.metric);
        let zone = Zone::named(&challenge.window.time_zone);
        // Before its window begins, nobody has a place yet: told is how many wait for it.
        let joined = challenge.participants.filter(|_| challenge.state == "scheduled");
        let count = joined.or(board.participants).or(challenge.participants);
        let metric_phrase = format!("metric-{}", challenge.metric.replace('_', "-"));
        Self {
            script: assets::address("board.js"),
            modules: assets::modules(),
            settings: settings(id, &challenge, t, measure, &zone),
            title: title(&challenge.name, language).unwrap_or_else(|| untitled(t)),
            metric: Cow::Owned(t.say_or(&metric_phrase, &challenge.metric).into_owned()),
            state_text: t.say_or(&format!("state-{}", challenge.state), &challenge.state).into_owned(),
            state: challenge.state.clone(),
            window: window(&challenge, t),
            participants: count.map(|n| t.count("participants", n, numbers::whole(language, n)).into_owned()),
            as_of: board.as_of.map(|at| Moment { exact: at.to_string(), shown: zone.clock(at) }),
            rows: rows(board, measure, t),
            closed: challenge.is_closed(),
            frame,
        }
    }
}

fn rows(board: Board, measure: Measure, t: &Phrases) -> Vec<Row> {
    let row = |entry: crate::api::Entry| Row {
        rank: entry.rank,
        member: entry.member,
        name: entry.display_name.filter(|name| is_visible(name)),
        score: entry.score,
        written: measure.write(entry.score, t),
    };
    board.entries.into_iter().map(row).collect()
}

fn settings(id: Uuid, challenge: &Challenge, t: &Phrases, measure: Measure, zone: &Zone) -> String {
    let turns = [challenge.window.starts_at, challenge.window.ends_at];
    let settings = Settings {
        live: format!("/v1/boards/{id}/live?limit={PLACES}"),
        top: format!("/v1/boards/{id}/top?limit=1"),
        places: PLACES,
        closed: challenge.is_closed(),
        turns: turns.into_iter().flatten().map(Timestamp::as_millisecond).collect(),
        language: t.language().tag(),
        separators: Separators::of(t.language()),
        time_zone: &zone.name,
        measure: measure.name(),
        unit: measure.unit().map(|unit| t.fill(unit, &[("n", "{n}".into())])),
        phrases: SCRIPT_PHRASES
            .iter()
            .map(|id| (*id, t.fill(id, &[("name", "{name}".into()), ("score", "{score}".into())])))
            .collect(),
        plurals: SCRIPT_PLURALS.iter().map(|id| (*id, t.forms(id))).collect(),
    };
    // Text and numbers alone: this cannot fail.
    serde_json::to_string(&settings).unwrap_or_default()
}

/// The name in the page's language, else in English, else in any.
fn title(names: &BTreeMap<String, String>, language: Language) -> Option<Title> {
    let of = |wanted: Language| names.iter().find(|(tag, _)| Language::of_tag(tag) == Some(wanted));
    let found = of(language).or_else(|| of(Language::En)).or_else(|| names.iter().next());
    let (tag, text) = found.filter(|(_, text)| is_visible(text))?;
    Some(Title { text: text.clone(), tag: tag.clone() })
}

fn untitled(t: &Phrases) -> Title {
    Title { text: t.say("untitled").into_owned(), tag: t.language().tag().to_owned() }
}

/// The window as its clock has it: one place's time, or everybody's own.
fn window(challenge: &Challenge, t: &Phrases) -> Option<String> {
    let window = &challenge.window;
    let (start, end) = (window.start.as_deref()?, window.end.as_deref()?);
    let zone = match window.clock.as_str() {
        "local" => t.say("clock-local").into_owned(),
        _ if window.time_zone.is_empty() => "UTC".to_owned(),
        _ => window.time_zone.clone(),
    };
    let values =
        [("start", dates::wall(start, t).into()), ("end", dates::wall(end, t).into()), ("zone", zone.into())];
    Some(t.fill("window", &values).into_owned())
}

/// Whether a name shows anything at all: not only spaces, marks of direction and letters without width.
fn is_visible(name: &str) -> bool {
    name.chars().any(|letter| {
        !letter.is_whitespace()
            && !letter.is_control()
            && !matches!(letter, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
                | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{e0000}'..='\u{e0fff}')
    })
}
