//! My devices, and signing them out.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use eventing::sql::{BoxFuture, DbError, Tx};
use kernel::{AccountId, Code, Refusal};
use proto::auth as p;
use uuid::Uuid;

use super::App;
use crate::{
    error::Result,
    store::sessions::{self, Session},
};

const LIMIT_MAX: u32 = 100;

impl App {
    pub async fn list_sessions(
        &self,
        account_id: AccountId,
        current: Uuid,
        request: &p::ListSessionsRequest,
    ) -> Result<p::ListSessionsResponse> {
        let after = if request.cursor.is_empty() { None } else { Some(parse_cursor(&request.cursor)?) };
        let limit = page_size(request.limit);
        let found = sessions::list(&self.db, account_id, after, self.now_us(), i64::from(limit) + 1).await?;
        let more = found.len() > limit as usize;
        let items: Vec<Session> = found.into_iter().take(limit as usize).collect();
        let next_cursor = items.last().filter(|_| more).map(cursor).unwrap_or_default();
        let items = items.into_iter().map(|session| info(session, current)).collect();
        Ok(p::ListSessionsResponse { items, next_cursor })
    }

    /// Ends one of the account's own sessions.
    pub async fn end_session(
        &self,
        account_id: AccountId,
        session_id: Uuid,
    ) -> Result<p::EndSessionResponse> {
        fn work<'t>(
            tx: &'t mut dyn Tx,
            account_id: AccountId,
            session_id: Uuid,
            now_us: i64,
        ) -> BoxFuture<'t, Result<bool, DbError>> {
            Box::pin(async move { sessions::end_own(tx, account_id, session_id, now_us).await })
        }
        let now_us = self.now_us();
        if !self.db.transact(move |tx| work(tx, account_id, session_id, now_us)).await? {
            return Err(Refusal::not_found().into());
        }
        Ok(p::EndSessionResponse { session_ids: vec![bytes::Bytes::copy_from_slice(session_id.as_bytes())] })
    }
}

pub(crate) fn page_size(asked: u32) -> u32 {
    if asked == 0 { 50 } else { asked.min(LIMIT_MAX) }
}

fn cursor(last: &Session) -> String {
    BASE64.encode([last.created_us.to_be_bytes().as_slice(), last.id.as_bytes()].concat())
}

fn parse_cursor(text: &str) -> Result<(i64, Uuid), Refusal> {
    let read = || {
        let bytes = BASE64.decode(text).ok()?;
        let (created_us, id) = bytes.split_at_checked(8)?;
        Some((i64::from_be_bytes(created_us.try_into().ok()?), Uuid::from_slice(id).ok()?))
    };
    read().ok_or_else(bad_cursor)
}

pub(crate) fn bad_cursor() -> Refusal {
    Refusal::new(Code::BadCursor, "the cursor is not one of this list")
}

fn info(session: Session, current: Uuid) -> p::SessionInfo {
    p::SessionInfo {
        session_id: bytes::Bytes::copy_from_slice(session.id.as_bytes()),
        client_id: session.client_id,
        device_name: session.device_name,
        scope: session.scope,
        created_us: session.created_us,
        seen_us: session.seen_us,
        expires_us: session.expires_us,
        current: session.id == current,
    }
}
