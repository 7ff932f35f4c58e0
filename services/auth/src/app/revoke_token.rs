//! Ends the session of a token (RFC 7009). A token that is none of ours is no error.

use eventing::sql::{BoxFuture, DbError, Tx};
use proto::auth as p;
use uuid::Uuid;

use super::App;
use crate::{
    error::Result,
    store::sessions,
    tokens::{self, ACCESS_TYP, AccessClaims, REFRESH_PREFIX},
};

impl App {
    pub async fn revoke_token(&self, request: p::RevokeTokenRequest) -> Result<p::RevokeTokenResponse> {
        let client = request.client_id;
        let fits = |of: &str| client.as_deref().is_none_or(|client| client == of);
        let now_us = self.now_us();
        let ended = if request.token.starts_with(REFRESH_PREFIX) {
            let (hash, client) = (tokens::hash(&request.token), client.clone());
            self.db.transact(move |tx| by_refresh(tx, hash, client, now_us)).await?
        } else {
            let claims: Option<AccessClaims> = self.signing.opened(&request.token, ACCESS_TYP);
            let claims = claims.filter(|claims| fits(&claims.client_id));
            match claims.and_then(|claims| Uuid::try_parse(&claims.sid?).ok()) {
                Some(session_id) => self.db.transact(move |tx| by_id(tx, session_id, now_us)).await?,
                None => None,
            }
        };
        let session_ids = ended.iter().map(|id| bytes::Bytes::copy_from_slice(id.as_bytes())).collect();
        Ok(p::RevokeTokenResponse { session_ids })
    }
}

fn by_refresh<'t>(
    tx: &'t mut dyn Tx,
    hash: Vec<u8>,
    client: Option<String>,
    now_us: i64,
) -> BoxFuture<'t, Result<Option<Uuid>, DbError>> {
    Box::pin(async move {
        let Some(session) = sessions::by_token(tx, &hash).await? else { return Ok(None) };
        if client.is_some_and(|client| client != session.client_id) {
            return Ok(None);
        }
        Ok(sessions::end(tx, session.id, now_us).await?.then_some(session.id))
    })
}

fn by_id<'t>(
    tx: &'t mut dyn Tx,
    session_id: Uuid,
    now_us: i64,
) -> BoxFuture<'t, Result<Option<Uuid>, DbError>> {
    Box::pin(async move { Ok(sessions::end(tx, session_id, now_us).await?.then_some(session_id)) })
}
