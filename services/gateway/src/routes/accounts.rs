//! `/v1/accounts`: sign-up, and what operators do with accounts.

use axum::extract::State;
use proto::auth;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{me::Me, sessions::Session};
use crate::{
    answer::{self, Answer},
    caller::{Account, Anyone},
    json::{Json, MaybeJson},
    query::{Named, Params},
    routes::{Doors, Shared},
    values::{AnId, or_default},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new()
        .routes(routes!(find, sign_up))
        .routes(routes!(verify))
        .routes(routes!(grant_role, revoke_role))
}

/// What somebody signs up with.
#[derive(Debug, Deserialize, ToSchema)]
struct SignUp {
    #[schema(format = "email", max_length = 254, example = "aigerim@example.org")]
    email: String,
    /// 8 to 256 characters of any script.
    #[schema(min_length = 8, max_length = 256, example = "long walks by the Ile")]
    password: String,
    #[schema(min_length = 1, max_length = 64, example = "Aigerim")]
    display_name: String,
    #[schema(example = 1990)]
    birth_year: Option<i32>,
    /// `f`, `m` or `x`.
    #[schema(example = "f")]
    sex: Option<String>,
    /// ISO 3166-1.
    #[schema(example = "KZ")]
    country: Option<String>,
    /// ISO 3166-2.
    #[schema(example = "KZ-75")]
    region: Option<String>,
    /// IANA.
    #[schema(example = "Asia/Almaty")]
    time_zone: Option<String>,
    /// BCP 47.
    #[schema(example = "kk")]
    locale: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    consents: Vec<ConsentGrant>,
    /// Who agrees, for those under their country's age of consent.
    guardian_email: Option<String>,
    handle: Option<String>,
}

/// A purpose somebody consents to, and which text they read.
#[derive(Debug, Deserialize, ToSchema)]
struct ConsentGrant {
    #[schema(example = "terms")]
    purpose: String,
    #[schema(example = "1")]
    text_version: String,
}

/// A sign-up that waits for its mailed code.
#[derive(Debug, Serialize, ToSchema)]
struct Registration {
    registration_id: AnId,
    /// Seconds.
    expires_in: u32,
}

/// Signs up: a code is mailed, and `POST /accounts/verify` finishes it. Answers the same for known addresses.
#[utoipa::path(post, path = "/accounts", tag = "accounts", request_body = SignUp,
    responses((status = 202, body = Registration)), security(()))]
async fn sign_up(State(door): Shared, caller: Anyone, Json(body): Json<SignUp>) -> Answer {
    let request = auth::RegisterRequest {
        email: body.email,
        password: body.password,
        display_name: body.display_name,
        birth_year: body.birth_year,
        sex: body.sex,
        country: body.country,
        region: body.region,
        time_zone: body.time_zone,
        locale: body.locale,
        consents: body
            .consents
            .into_iter()
            .map(|grant| auth::ConsentGrant { purpose: grant.purpose, text_version: grant.text_version })
            .collect(),
        guardian_email: body.guardian_email,
        handle: body.handle,
    };
    let reply = caller.call(door.peers.auth().register(request)).await?;
    answer::accepted(&Registration {
        registration_id: AnId::must(&reply.registration_id),
        expires_in: reply.expires_in,
    })
}

/// The mailed code.
#[derive(Debug, Deserialize, ToSchema)]
struct Verification {
    registration_id: AnId,
    #[schema(example = "123456")]
    code: String,
    /// The code mailed to the guardian, where one was named.
    guardian_code: Option<String>,
    device_name: Option<String>,
}

/// A fresh account and its first session.
#[derive(Debug, Serialize, ToSchema)]
struct Verified {
    account: Me,
    session: Session,
}

/// Finishes a sign-up with the mailed code.
#[utoipa::path(post, path = "/accounts/verify", tag = "accounts", request_body = Verification,
    responses((status = 201, body = Verified)), security(()))]
async fn verify(State(door): Shared, caller: Anyone, Json(body): Json<Verification>) -> Answer {
    let request = auth::VerifyRegistrationRequest {
        registration_id: body.registration_id.bytes(),
        code: body.code,
        guardian_code: body.guardian_code,
        device_name: body.device_name,
    };
    let reply = caller.call(door.peers.auth().verify_registration(request)).await?;
    let account = Me::of(reply.account.unwrap_or_default());
    let session = Session::of(reply.session.unwrap_or_default());
    // What this account does next with its new token must find what was just written.
    door.remembered.remember(&format!("account:{}", account.id), &caller.exchange.answers().seen());
    answer::secret(answer::created("/v1/me", &Verified { account, session }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Search {
    email: String,
}

/// The account of an e-mail address, for operators.
#[utoipa::path(get, path = "/accounts", tag = "operators", params(Search), responses((status = 200, body = Me)))]
async fn find(State(door): Shared, caller: Account, Params(search): Params<Search>) -> Answer {
    let reply =
        caller.call(door.peers.auth().find_account(auth::FindAccountRequest { email: search.email })).await?;
    answer::ok(&Me::of(reply))
}

/// Where a role holds.
#[derive(Debug, Default, Deserialize, ToSchema)]
struct RoleGrant {
    /// ISO 3166-2; empty = everywhere.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(example = json!(["KZ-75"]))]
    regions: Vec<String>,
}

/// A role with the regions where it holds; none = everywhere.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Role {
    #[schema(example = "marketer")]
    role: String,
    regions: Vec<String>,
}

impl Role {
    pub(super) fn all(roles: Vec<auth::Role>) -> Vec<Self> {
        roles.into_iter().map(|role| Self { role: role.role, regions: role.regions }).collect()
    }
}

/// The roles of an account.
#[derive(Debug, Serialize, ToSchema)]
struct Roles {
    id: AnId,
    roles: Vec<Role>,
}

impl Roles {
    fn of(reply: auth::RoleResponse) -> Self {
        Self { id: AnId::must(&reply.account_id), roles: Role::all(reply.roles) }
    }
}

/// Gives an account a role, for operators.
#[utoipa::path(put, path = "/accounts/{id}/roles/{role}", tag = "operators", request_body = RoleGrant,
    params(("id" = AnId, Path), ("role" = String, Path)), responses((status = 200, body = Roles)))]
async fn grant_role(
    State(door): Shared,
    caller: Account,
    Named((id, role)): Named<(Uuid, String)>,
    MaybeJson(body): MaybeJson<RoleGrant>,
) -> Answer {
    let request = auth::GrantRoleRequest { account_id: AnId(id).bytes(), role, regions: body.regions };
    let reply = caller.call(door.peers.auth().grant_role(request)).await?;
    answer::ok(&Roles::of(reply))
}

/// Takes a role from an account, for operators.
#[utoipa::path(delete, path = "/accounts/{id}/roles/{role}", tag = "operators",
    params(("id" = AnId, Path), ("role" = String, Path)), responses((status = 204)))]
async fn revoke_role(
    State(door): Shared,
    caller: Account,
    Named((id, role)): Named<(Uuid, String)>,
) -> Answer {
    let request = auth::RevokeRoleRequest { account_id: AnId(id).bytes(), role };
    caller.call(door.peers.auth().revoke_role(request)).await?;
    answer::no_content()
}

/// The path parameter `id`, for documents.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "only read by the document")]
pub(super) struct IdParam {
    id: AnId,
}
