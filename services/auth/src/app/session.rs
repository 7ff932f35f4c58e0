//! Tokens for a session.

use eventing::sql::{BoxFuture, DbError, Tx};
use proto::auth as p;
use uuid::Uuid;

use super::App;
use crate::{
    domain::names::DisplayName,
    error::Result,
    store::sessions::{self, Client, Session},
    tokens::{self, ACCESS_TYP, AccessClaims},
    wire,
};

impl App {
    /// Begins a session of who knew the password as it was set then, unless it has been changed meanwhile.
    pub(crate) async fn begin_session_by_password(
        &self,
        account_id: kernel::AccountId,
        password_set_us: i64,
        device_name: Option<String>,
    ) -> Result<Option<p::Session>> {
        let session = sessions::begun(account_id, sessions::APP, device_name, self.now_us());
        let token = tokens::first_refresh()?;
        let (keeping, hash) = (session.clone(), tokens::hash(&token));
        let kept: Result<bool, DbError> = self
            .db
            .transact(move |tx| {
                Box::pin(async move { sessions::put_by_password(tx, &keeping, hash, password_set_us).await })
            })
            .await;
        if kept? { self.tokens(&session, token).map(Some) } else { Ok(None) }
    }

    /// Begins a session and keeps it.
    pub(crate) async fn begin_session(
        &self,
        account_id: kernel::AccountId,
        client: Client,
        device_name: Option<String>,
    ) -> Result<p::Session> {
        let session = sessions::begun(account_id, client, device_name, self.now_us());
        let token = tokens::first_refresh()?;
        let (kept, hash) = (session.clone(), tokens::hash(&token));
        fn work<'t>(tx: &'t mut dyn Tx, kept: Session, hash: Vec<u8>) -> BoxFuture<'t, Result<(), DbError>> {
            Box::pin(async move { sessions::put(tx, &kept, hash).await })
        }
        self.db.transact(move |tx| work(tx, kept, hash)).await?;
        self.tokens(&session, token)
    }

    /// The answer for a session with this refresh token.
    pub(crate) fn tokens(&self, session: &Session, refresh_token: String) -> Result<p::Session> {
        let claims = AccessClaims {
            sid: Some(session.id.to_string()),
            ..self.claims(&session.account_id.to_string(), &session.client_id, &session.scope)
        };
        Ok(p::Session {
            access_token: self.signing.sign(ACCESS_TYP, &claims, self.now_us())?,
            token_type: "Bearer".to_owned(),
            expires_in: self.config.access_token_s,
            refresh_token,
            account_id: wire::bytes(session.account_id),
            session_id: bytes::Bytes::copy_from_slice(session.id.as_bytes()),
            scope: session.scope.clone(),
        })
    }

    /// Claims of an access token that is issued now.
    pub(crate) fn claims(&self, sub: &str, client_id: &str, scope: &str) -> AccessClaims {
        let iat = self.now().as_second();
        AccessClaims {
            iss: self.config.token_issuer.clone(),
            aud: self.config.token_audience.clone(),
            sub: sub.to_owned(),
            client_id: client_id.to_owned(),
            sid: None,
            jti: Uuid::new_v4().to_string(),
            iat,
            exp: iat + i64::from(self.config.access_token_s),
            scope: scope.to_owned(),
        }
    }
}

/// A device's name as its owner will read it. One that cannot be shown is left out: it is no reason to refuse a login.
pub(crate) fn device_name(said: Option<&str>) -> Option<String> {
    DisplayName::parse("/device_name", said?).ok().map(|name| name.as_str().to_owned())
}
