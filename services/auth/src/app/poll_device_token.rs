//! A watch asks whether it was paired (RFC 8628 § 3.4).

use eventing::sql::{BoxFuture, DbError, Tx};
use proto::auth::{self as p, token_response::Outcome};

use super::App;
use crate::{
    error::Result,
    store::{
        devices::{self, Poll},
        sessions::{self, DEVICE, Session},
    },
    tokens,
};

/// What the poll found, and the session that it began.
type Polled = (Poll, Option<Session>);

impl App {
    pub async fn poll_device_token(&self, request: p::PollDeviceTokenRequest) -> Result<p::TokenResponse> {
        if request.client_id != DEVICE.id {
            return Ok(error("invalid_client"));
        }
        let token = tokens::first_refresh()?;
        let (device, hash, now_us) =
            (tokens::hash(&request.device_code), tokens::hash(&token), self.now_us());
        let (poll, session) = self.db.transact(move |tx| work(tx, device, hash, now_us)).await?;
        Ok(match (poll, session) {
            (Poll::Granted { .. }, Some(session)) => {
                self.metrics.paired.inc();
                p::TokenResponse { outcome: Some(Outcome::Session(self.tokens(&session, token)?)) }
            }
            (Poll::Pending, _) => error("authorization_pending"),
            (Poll::TooFast, _) => error("slow_down"),
            (Poll::Expired, _) => error("expired_token"),
            (Poll::Granted { .. } | Poll::Unknown, _) => error("invalid_grant"),
        })
    }
}

/// Grant and session in one transaction: no crash uses up the one without making the other.
fn work<'t>(
    tx: &'t mut dyn Tx,
    device: Vec<u8>,
    hash: Vec<u8>,
    now_us: i64,
) -> BoxFuture<'t, Result<Polled, DbError>> {
    Box::pin(async move {
        let poll = devices::poll(tx, &device, DEVICE.id, now_us).await?;
        let Poll::Granted { account_id, device_name } = &poll else { return Ok((poll, None)) };
        let session = sessions::begun(*account_id, DEVICE, device_name.clone(), now_us);
        sessions::put(tx, &session, hash).await?;
        Ok((poll, Some(session)))
    })
}

pub(crate) fn error(code: &str) -> p::TokenResponse {
    p::TokenResponse { outcome: Some(Outcome::Error(code.to_owned())) }
}
