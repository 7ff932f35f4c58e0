//! `/v1/password-resets`.

use axum::extract::State;
use proto::auth;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    answer::{self, Answer},
    caller::Anyone,
    json::Json,
    routes::{Doors, Shared},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(request)).routes(routes!(confirm))
}

#[derive(Debug, Deserialize, ToSchema)]
struct Forgotten {
    #[schema(format = "email")]
    email: String,
}

/// A code was mailed, if there is such an account.
#[derive(Debug, Serialize, ToSchema)]
struct Mailed {
    /// Seconds.
    expires_in: u32,
}

/// Mails a code to whoever forgot their password. Answers the same for unknown addresses.
#[utoipa::path(post, path = "/password-resets", tag = "sessions", request_body = Forgotten,
    responses((status = 202, body = Mailed)), security(()))]
async fn request(State(door): Shared, caller: Anyone, Json(body): Json<Forgotten>) -> Answer {
    let request = auth::RequestPasswordResetRequest { email: body.email };
    let reply = caller.call(door.peers.auth().request_password_reset(request)).await?;
    answer::accepted(&Mailed { expires_in: reply.expires_in })
}

#[derive(Debug, Deserialize, ToSchema)]
struct Confirmation {
    #[schema(format = "email")]
    email: String,
    code: String,
    #[schema(min_length = 8, max_length = 256)]
    password: String,
}

/// Sets a new password with the mailed code; every session of the account ends.
#[utoipa::path(post, path = "/password-resets/confirm", tag = "sessions", request_body = Confirmation,
    responses((status = 204)), security(()))]
async fn confirm(State(door): Shared, caller: Anyone, Json(body): Json<Confirmation>) -> Answer {
    let request =
        auth::ConfirmPasswordResetRequest { email: body.email, code: body.code, password: body.password };
    let reply = caller.call(door.peers.auth().confirm_password_reset(request)).await?;
    if let Ok(account) = Uuid::from_slice(&reply.account_id) {
        door.gate.end_account(kernel::Id::new(account));
    }
    answer::no_content()
}
