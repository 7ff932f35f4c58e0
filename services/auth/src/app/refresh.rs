//! A refresh token for new tokens. Each is used once; one that comes twice was stolen, but for a retry of a moment.

use eventing::sql::{BoxFuture, DbError, Tx};
use kernel::{Code, Refusal, time::from_micros};
use proto::auth as p;

use super::App;
use crate::{
    domain::{email::Email, profile::Locale},
    error::Result,
    letters,
    store::{
        accounts,
        sessions::{self, Rotation, Session},
    },
    tokens::{self, REFRESH_PREFIX},
};

const TOKEN_BYTES_MAX: usize = 128;

impl App {
    pub async fn refresh(&self, request: p::RefreshRequest) -> Result<p::Session> {
        let token = request.refresh_token;
        if token.len() > TOKEN_BYTES_MAX || !token.starts_with(REFRESH_PREFIX) {
            return Err(refused().into());
        }
        let successor = tokens::next_refresh(&self.secrets, &token);
        let client = request.client_id.unwrap_or_else(|| sessions::APP.id.to_owned());
        let (hash, next, now_us) = (tokens::hash(&token), tokens::hash(&successor), self.now_us());
        fn work<'t>(
            tx: &'t mut dyn Tx,
            hash: Vec<u8>,
            next: Vec<u8>,
            client: String,
            now_us: i64,
        ) -> BoxFuture<'t, Result<Rotation, DbError>> {
            Box::pin(async move { sessions::rotate(tx, hash, next, &client, now_us).await })
        }
        let rotation = self.db.transact(move |tx| work(tx, hash, next, client, now_us)).await?;
        match rotation {
            Rotation::Next(session) | Rotation::Again(session) => {
                self.require_younger_than_password(&session).await?;
                self.metrics.refreshed.inc();
                self.tokens(&session, successor)
            }
            Rotation::Stolen(session) => {
                self.metrics.reused.inc();
                tracing::warn!(session = %session.id, "a refresh token came twice: the session has ended");
                self.tell_of_theft(&session).await?;
                Err(refused().into())
            }
            Rotation::Refused => Err(refused().into()),
        }
    }

    /// A new password ends older sessions at once, even before its reader has ended them.
    async fn require_younger_than_password(&self, session: &Session) -> Result<()> {
        let credential = accounts::credential(&self.db, session.account_id).await?;
        match credential {
            Some(credential) if credential.changed_us > session.created_us => Err(refused().into()),
            _ => Ok(()),
        }
    }

    async fn tell_of_theft(&self, session: &Session) -> Result<()> {
        let Some(row) = accounts::row(&self.db, session.account_id).await? else { return Ok(()) };
        let Some(email) = row.email.as_deref().and_then(Email::parse) else { return Ok(()) };
        if self.may_mail(email.as_str()).await? {
            let letter = letters::session_stolen(&email, &Locale::kept(row.standing.locale));
            self.mail.send(letter, from_micros(self.now_us())).await?;
        }
        Ok(())
    }
}

fn refused() -> Refusal {
    Refusal::new(Code::Unauthenticated, "the refresh token is not valid: log in again")
}
