//! `/oauth/…` and `/.well-known/…`, at the root: RFC 8628 pairing, RFC 6749 tokens, RFC 7009 revocation, RFC 8414.
//!
//! Bodies are forms and errors are `{"error": "…"}`, as these RFCs have it; what is not OAuth's (limits, an
//! unavailable service) stays a problem.

use axum::{extract::State, response::Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, StatusCode, header};
use kernel::{Code, Refusal};
use proto::auth::{self, token_response::Outcome};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::sessions::{Session, drop_sessions};
use crate::{
    answer::{self, Answer},
    caller::Anyone,
    form::Form,
    problem::Problem,
    routes::{Doors, Shared},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new()
        .routes(routes!(device_authorization))
        .routes(routes!(token))
        .routes(routes!(revoke))
        .routes(routes!(jwks))
        .routes(routes!(metadata))
}

/// What OAuth calls an error.
#[derive(Debug, Serialize, ToSchema)]
struct OAuthError {
    #[schema(example = "authorization_pending")]
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_description: Option<String>,
}

fn error(code: &str, description: Option<String>) -> Answer {
    let status = if code == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
    let body = OAuthError { error: code.to_owned(), error_description: description };
    answer::secret(answer::with(status, &body))
}

/// A refusal in OAuth's words where it has some, else as it is.
fn refused(problem: Problem) -> Answer {
    let Refusal { code, detail, .. } = &problem.0;
    match code {
        Code::InvalidField => error("invalid_request", Some(detail.clone())),
        Code::Unauthenticated | Code::TokenExpired | Code::NotFound | Code::CodeRefused => {
            error("invalid_grant", Some(detail.clone()))
        }
        Code::InsufficientScope => error("invalid_scope", Some(detail.clone())),
        _ => Err(problem),
    }
}

/// A watch asks to be paired.
#[derive(Debug, Deserialize, ToSchema)]
struct DeviceAuthorizationRequest {
    #[schema(example = "stadion-device")]
    client_id: Option<String>,
    #[schema(example = "activity:ingest")]
    scope: Option<String>,
    /// What the owner will see in the list of devices.
    device_name: Option<String>,
}

/// RFC 8628 §3.2.
#[derive(Debug, Serialize, ToSchema)]
struct DeviceAuthorization {
    device_code: String,
    #[schema(example = "WDJB-MJHT")]
    user_code: String,
    verification_uri: String,
    verification_uri_complete: String,
    expires_in: u32,
    /// Seconds between polls.
    interval: u32,
}

/// Begins a pairing: show `user_code`, then poll `/oauth/token`.
#[utoipa::path(post, path = "/oauth/device_authorization", tag = "oauth",
    request_body(content = DeviceAuthorizationRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = DeviceAuthorization), (status = 400, body = OAuthError),
        (status = 401, body = OAuthError)), security(()))]
async fn device_authorization(
    State(door): Shared,
    caller: Anyone,
    headers: HeaderMap,
    Form(form): Form<DeviceAuthorizationRequest>,
) -> Answer {
    let Some(client_id) = form.client_id.or_else(|| basic(&headers).map(|(id, _)| id)) else {
        return error("invalid_request", Some("client_id is needed".to_owned()));
    };
    let request =
        auth::StartDeviceAuthorizationRequest { client_id, scope: form.scope, device_name: form.device_name };
    let reply = match caller.call(door.peers.auth().start_device_authorization(request)).await {
        Ok(reply) => reply,
        Err(problem) => return refused(problem),
    };
    if !reply.error.is_empty() {
        return error(&reply.error, None);
    }
    let uri = format!("{}/app/pair", door.config.public_url);
    answer::secret(answer::ok(&DeviceAuthorization {
        verification_uri_complete: format!("{uri}?user_code={}", reply.user_code),
        verification_uri: uri,
        device_code: reply.device_code,
        user_code: reply.user_code,
        expires_in: reply.expires_in,
        interval: reply.interval,
    }))
}

/// RFC 6749 §4.4, §6; RFC 8628 §3.4.
#[derive(Debug, Deserialize, ToSchema)]
struct TokenRequest {
    #[schema(example = "urn:ietf:params:oauth:grant-type:device_code")]
    grant_type: Option<String>,
    device_code: Option<String>,
    refresh_token: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    scope: Option<String>,
}

const GRANT_DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A token for a device code, a refresh token or a client's own credentials.
#[utoipa::path(post, path = "/oauth/token", tag = "oauth",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Session), (status = 400, body = OAuthError), (status = 401, body = OAuthError)),
    security(()))]
async fn token(
    State(door): Shared,
    caller: Anyone,
    headers: HeaderMap,
    Form(form): Form<TokenRequest>,
) -> Answer {
    let credentials = basic(&headers);
    let client_id = form.client_id.clone().or_else(|| credentials.as_ref().map(|(id, _)| id.clone()));
    let missing = |name: &str| error("invalid_request", Some(format!("{name} is needed")));
    let mut peer = door.peers.auth();
    let outcome = match form.grant_type.as_deref() {
        Some(GRANT_DEVICE) => {
            let Some(device_code) = form.device_code else { return missing("device_code") };
            let Some(client_id) = client_id else { return missing("client_id") };
            caller.call(peer.poll_device_token(auth::PollDeviceTokenRequest { device_code, client_id })).await
        }
        Some("refresh_token") => {
            let Some(refresh_token) = form.refresh_token else { return missing("refresh_token") };
            let refreshed =
                caller.call(peer.refresh(auth::RefreshRequest { refresh_token, client_id })).await;
            refreshed.map(|session| auth::TokenResponse { outcome: Some(Outcome::Session(session)) })
        }
        Some("client_credentials") => {
            let Some(client_id) = client_id else { return missing("client_id") };
            let client_secret =
                form.client_secret.or(credentials.map(|(_, secret)| secret)).unwrap_or_default();
            let request = auth::ClientCredentialsRequest { client_id, client_secret, scope: form.scope };
            caller.call(peer.client_credentials(request)).await
        }
        Some(_) => return error("unsupported_grant_type", None),
        None => return missing("grant_type"),
    };
    match outcome.map(|reply| reply.outcome) {
        Ok(Some(Outcome::Session(session))) => answer::secret(answer::ok(&Session::of(session))),
        Ok(Some(Outcome::Error(code))) => error(&code, None),
        Ok(None) => Err(Problem::new(Code::Internal, "a token answer without an outcome")),
        Err(problem) => refused(problem),
    }
}

/// RFC 7009 §2.1.
#[derive(Debug, Deserialize, ToSchema)]
struct RevocationRequest {
    token: Option<String>,
    client_id: Option<String>,
    #[allow(dead_code, reason = "RFC 7009: a hint that we may ignore")]
    token_type_hint: Option<String>,
}

/// Ends a token's session. An unknown token is no error.
#[utoipa::path(post, path = "/oauth/revoke", tag = "oauth",
    request_body(content = RevocationRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200), (status = 400, body = OAuthError), (status = 401, body = OAuthError)), security(()))]
async fn revoke(
    State(door): Shared,
    caller: Anyone,
    headers: HeaderMap,
    Form(form): Form<RevocationRequest>,
) -> Answer {
    let Some(token) = form.token else {
        return error("invalid_request", Some("token is needed".to_owned()));
    };
    let client_id = form.client_id.or_else(|| basic(&headers).map(|(id, _)| id));
    let request = auth::RevokeTokenRequest { token, client_id };
    match caller.call(door.peers.auth().revoke_token(request)).await {
        Ok(reply) => {
            drop_sessions(&door.gate, &reply.session_ids);
            Ok(Response::default())
        }
        Err(problem) => refused(problem),
    }
}

/// `Authorization: Basic` (RFC 6749 §2.3.1): client id and secret.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > 2048 {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// RFC 7517, RFC 8037.
#[derive(Debug, Serialize, ToSchema)]
struct Jwks {
    keys: Vec<Jwk>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Jwk {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    kid: String,
    x: String,
}

/// The keys that access tokens and receipts are signed with.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "oauth", responses((status = 200, body = Jwks)), security(()))]
async fn jwks(State(door): Shared, caller: Anyone) -> Answer {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let reply = caller.call(door.peers.auth().jwks(auth::JwksRequest {})).await?;
    let key = |key: auth::Jwk| Jwk {
        kty: "OKP",
        crv: "Ed25519",
        alg: "EdDSA",
        usage: "sig",
        kid: key.kid,
        x: URL_SAFE_NO_PAD.encode(&key.x),
    };
    answer::ok(&Jwks { keys: reply.keys.into_iter().map(key).collect() })
}

/// RFC 8414.
#[derive(Debug, Serialize, ToSchema)]
struct Metadata {
    issuer: String,
    device_authorization_endpoint: String,
    token_endpoint: String,
    revocation_endpoint: String,
    jwks_uri: String,
    scopes_supported: [&'static str; 1],
    grant_types_supported: [&'static str; 3],
    response_types_supported: [&'static str; 0],
    token_endpoint_auth_methods_supported: [&'static str; 3],
    service_documentation: String,
}

/// What OAuth clients need to know of us.
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", tag = "oauth",
    responses((status = 200, body = Metadata)), security(()))]
async fn metadata(State(door): Shared, _caller: Anyone) -> Answer {
    let at = |path: &str| format!("{}{path}", door.config.public_url);
    answer::ok(&Metadata {
        issuer: door.config.public_url.clone(),
        device_authorization_endpoint: at("/oauth/device_authorization"),
        token_endpoint: at("/oauth/token"),
        revocation_endpoint: at("/oauth/revoke"),
        jwks_uri: at("/.well-known/jwks.json"),
        scopes_supported: [crate::token::SCOPE_INGEST],
        grant_types_supported: [GRANT_DEVICE, "refresh_token", "client_credentials"],
        response_types_supported: [],
        token_endpoint_auth_methods_supported: ["none", "client_secret_basic", "client_secret_post"],
        service_documentation: at("/v1/docs"),
    })
}
