//! `/v1/sessions`: password login, rotation, my devices, logout.

use axum::extract::State;
use proto::auth;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::accounts::IdParam;
use crate::{
    answer::{self, Answer, List},
    caller::{Account, Anyone},
    gate,
    json::Json,
    query::{Page, Params, PathId},
    routes::{Doors, Shared},
    values::{AnId, Instant, known},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new()
        .routes(routes!(list, log_in))
        .routes(routes!(refresh))
        .routes(routes!(log_out))
        .routes(routes!(end))
}

/// A session's tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Session {
    pub(super) access_token: String,
    #[schema(example = "Bearer")]
    pub(super) token_type: String,
    /// Seconds that the access token lives.
    pub(super) expires_in: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) account_id: Option<AnId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session_id: Option<AnId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scope: Option<String>,
}

impl Session {
    pub(super) fn of(session: auth::Session) -> Self {
        Self {
            access_token: session.access_token,
            token_type: session.token_type,
            expires_in: session.expires_in,
            refresh_token: known(session.refresh_token),
            account_id: AnId::of(&session.account_id),
            session_id: AnId::of(&session.session_id),
            scope: known(session.scope),
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
struct Login {
    #[schema(format = "email", example = "aigerim@example.org")]
    email: String,
    password: String,
    #[schema(example = "phone")]
    device_name: Option<String>,
}

/// Logs in with a password.
#[utoipa::path(post, path = "/sessions", tag = "sessions", request_body = Login,
    responses((status = 201, body = Session)), security(()))]
async fn log_in(State(door): Shared, caller: Anyone, Json(body): Json<Login>) -> Answer {
    let request =
        auth::LoginRequest { email: body.email, password: body.password, device_name: body.device_name };
    let reply = caller.call(door.peers.auth().login(request)).await?;
    answer::secret(answer::created("/v1/sessions/current", &Session::of(reply)))
}

#[derive(Debug, Deserialize, ToSchema)]
struct Rotation {
    refresh_token: String,
}

/// Rotates a refresh token. A retry within 30 s gets the same successor; any other reuse ends the session.
#[utoipa::path(post, path = "/sessions/refresh", tag = "sessions", request_body = Rotation,
    responses((status = 200, body = Session)), security(()))]
async fn refresh(State(door): Shared, caller: Anyone, Json(body): Json<Rotation>) -> Answer {
    let request = auth::RefreshRequest { refresh_token: body.refresh_token, client_id: None };
    let reply = caller.call(door.peers.auth().refresh(request)).await?;
    answer::secret(answer::ok(&Session::of(reply)))
}

/// One of my signed-in devices.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignedInDevice)]
struct Device {
    session_id: AnId,
    client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_name: Option<String>,
    scope: String,
    created_at: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    seen_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Instant>,
    /// The one that asks.
    current: bool,
}

impl Device {
    fn of(session: auth::SessionInfo) -> Self {
        Self {
            session_id: AnId::must(&session.session_id),
            client_id: session.client_id,
            device_name: session.device_name,
            scope: session.scope,
            created_at: Instant(session.created_us),
            seen_at: Instant::known(session.seen_us),
            expires_at: Instant::known(session.expires_us),
            current: session.current,
        }
    }
}

/// My signed-in devices.
#[utoipa::path(get, path = "/sessions", tag = "sessions", params(Page), responses((status = 200, body = List<Device>)))]
async fn list(State(door): Shared, caller: Account, Params(page): Params<Page>) -> Answer {
    let request =
        auth::ListSessionsRequest { cursor: caller.cursor(&page)?, limit: page.limit.unwrap_or_default() };
    let reply = caller.call(door.peers.auth().list_sessions(request)).await?;
    answer::ok(&List {
        next_cursor: caller.next_cursor(&reply.next_cursor),
        items: reply.items.into_iter().map(Device::of).collect(),
    })
}

/// Logs another device out.
#[utoipa::path(delete, path = "/sessions/{id}", tag = "sessions", params(IdParam), responses((status = 204)))]
async fn end(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = auth::EndSessionRequest { session_id: id.bytes() };
    let reply = caller.call(door.peers.auth().end_session(request)).await?;
    drop_sessions(&door.gate, &reply.session_ids);
    answer::no_content()
}

/// Logs this device out.
#[utoipa::path(delete, path = "/sessions/current", tag = "sessions", responses((status = 204)))]
async fn log_out(State(door): Shared, caller: Account) -> Answer {
    let reply = caller.call(door.peers.auth().end_current_session(auth::EndCurrentSessionRequest {})).await?;
    door.gate.end_session(caller.session());
    drop_sessions(&door.gate, &reply.session_ids);
    answer::no_content()
}

/// Their tokens end here before the answer is out.
pub(super) fn drop_sessions(gate: &gate::Gate, ids: &[bytes::Bytes]) {
    for session in ids.iter().filter_map(|id| gate::session(id)) {
        gate.end_session(session);
    }
}
