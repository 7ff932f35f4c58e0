//! A stage for tests in a browser: the real pages over a made-up public API that plays what a test tells it to.
//!
//! | route | does |
//! |---|---|
//! | `PUT /stage/{id}` | sets a challenge up: `{"challenge":…, "top":…, "opening":"event: …", "status":200}` |
//! | `POST /stage/{id}/frames` | sends the body, ready-made SSE text, to every open stream of it |
//! | `POST /stage/{id}/cut` | ends them all without a word |
//! | `GET /stage/{id}` | `{"streams": open now, "opened": ever}` |
//!
//! `status` other than 200 is what the API answers with to everything about that challenge. Prints `ready http://…`.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::broadcast};

/// More than any test sends before the browser has read.
const FRAMES_MAX: usize = 4096;

#[derive(Clone)]
enum Cue {
    Frames(Bytes),
    Cut,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Script {
    challenge: Value,
    top: Value,
    opening: String,
    status: Option<u16>,
}

struct Play {
    script: Script,
    cues: broadcast::Sender<Cue>,
    opened: u64,
}

/// All plays, by challenge.
#[derive(Clone, Default)]
struct Stage(Arc<Mutex<HashMap<String, Play>>>);

impl Stage {
    fn with<T>(&self, id: &str, act: impl FnOnce(&mut Play) -> T) -> T {
        let mut plays = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Play {
            script: Script { status: Some(404), ..Script::default() },
            cues: broadcast::channel(FRAMES_MAX).0,
            opened: 0,
        };
        act(plays.entry(id.to_owned()).or_insert_with(fresh))
    }

    /// The script, or the failure that it plays.
    fn script(&self, id: &str) -> Result<Script, StatusCode> {
        let script = self.with(id, |play| play.script.clone());
        let status = script.status.and_then(|status| StatusCode::from_u16(status).ok());
        match status.unwrap_or(StatusCode::OK) {
            StatusCode::OK => Ok(script),
            failure => Err(failure),
        }
    }
}

fn public_api(stage: Stage) -> Router {
    Router::new()
        .route("/v1/challenges/{id}", get(challenge))
        .route("/v1/boards/{id}/top", get(top))
        .route("/v1/boards/{id}/live", get(live))
        .with_state(stage)
}

fn failed(status: StatusCode) -> Response {
    (status, [("x-request-id", "stage-request")]).into_response()
}

async fn challenge(State(stage): State<Stage>, Path(id): Path<String>) -> Response {
    stage.script(&id).map_or_else(failed, |script| Json(script.challenge).into_response())
}

async fn top(State(stage): State<Stage>, Path(id): Path<String>) -> Response {
    stage.script(&id).map_or_else(failed, |script| Json(script.top).into_response())
}

async fn live(State(stage): State<Stage>, Path(id): Path<String>) -> Response {
    let script = match stage.script(&id) {
        Ok(script) => script,
        Err(failure) => return failed(failure),
    };
    let cues = stage.with(&id, |play| {
        play.opened += 1;
        play.cues.subscribe()
    });
    let opening = stream::once(async move { Ok::<_, Infallible>(Bytes::from(script.opening)) });
    let kind = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (kind, Body::from_stream(opening.chain(played(cues)))).into_response()
}

fn played(cues: broadcast::Receiver<Cue>) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(cues, |mut cues| async move {
        match cues.recv().await {
            Ok(Cue::Frames(frames)) => Some((Ok(frames), cues)),
            Ok(Cue::Cut) | Err(_) => None,
        }
    })
}

async fn set(State(stage): State<Stage>, Path(id): Path<String>, Json(script): Json<Script>) {
    stage.with(&id, |play| play.script = script);
}

async fn send(State(stage): State<Stage>, Path(id): Path<String>, frames: Bytes) {
    // Nobody listening is no fault: the test looks at `streams` when it matters.
    let _ = stage.with(&id, |play| play.cues.send(Cue::Frames(frames)));
}

async fn cut(State(stage): State<Stage>, Path(id): Path<String>) {
    let _ = stage.with(&id, |play| play.cues.send(Cue::Cut));
}

async fn audience(State(stage): State<Stage>, Path(id): Path<String>) -> Json<Value> {
    Json(stage.with(&id, |play| json!({"streams": play.cues.receiver_count(), "opened": play.opened})))
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let stage = Stage::default();
    let directed = Router::new()
        .route("/stage/{id}", put(set).get(audience))
        .route("/stage/{id}/frames", post(send))
        .route("/stage/{id}/cut", post(cut))
        .with_state(stage.clone());
    let api = public_api(stage);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("ready http://{}", listener.local_addr()?);
    axum::serve(listener, web::routes(api.clone()).merge(api).merge(directed)).await
}
