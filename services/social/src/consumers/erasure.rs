//! auth's AccountErased → no edge, seat, kudos, comment or post of it stays, and that is said.

use async_trait::async_trait;
use eventing::{Command, Failure, Incoming, Reactor, Source};
use kernel::{AccountId, ActivityId, Code, Id, Refusal};
use privacy::GroupId;
use proto::auth;
use uuid::Uuid;

use crate::{
    app::{App, erase, groups, items, pairs},
    domain::pair::Ends,
    wire::id_of,
};

/// Streams ended between two looks at the rows.
const PAGE: u32 = 200;

pub struct Erasure {
    app: App,
}

impl Erasure {
    pub fn new(app: App) -> Self {
        Self { app }
    }

    async fn leave_all(&self, incoming: &Incoming, account: AccountId, kind: &str) -> Result<(), Failure> {
        self.pairs(incoming, account, kind).await?;
        self.seats(incoming, account, kind).await?;
        self.items(incoming, account, kind).await
    }

    async fn pairs(&self, incoming: &Incoming, account: AccountId, kind: &str) -> Result<(), Failure> {
        let mut after = Id::new(Uuid::nil());
        loop {
            let others = self.app.store.connected(account, after, PAGE).await?;
            let Some(last) = others.last() else { return Ok(()) };
            after = *last;
            for other in others {
                let ends = Ends { actor: account, other };
                let command = Command::reacting(self.name(), incoming, &pairs::stream(ends), kind);
                self.app.erase_pair(&command, ends).await.map_err(failure)?;
            }
        }
    }

    async fn seats(&self, incoming: &Incoming, account: AccountId, kind: &str) -> Result<(), Failure> {
        let mut after: GroupId = Id::new(Uuid::nil());
        loop {
            let found = self.app.store.parts_of(account, after, PAGE).await?;
            let Some(last) = found.last() else { return Ok(()) };
            after = *last;
            for group in found {
                let command = Command::reacting(self.name(), incoming, &groups::stream(group), kind);
                self.app.erase_member(&command, group, account).await.map_err(failure)?;
            }
        }
    }

    async fn items(&self, incoming: &Incoming, account: AccountId, kind: &str) -> Result<(), Failure> {
        let mut after: ActivityId = Id::new(Uuid::nil());
        loop {
            let found = self.app.store.items_of(account, after, PAGE).await?;
            let Some(last) = found.last() else { return Ok(()) };
            after = *last;
            for activity in found {
                let command = Command::reacting(self.name(), incoming, &items::stream(activity), kind);
                self.app.erase_item(&command, activity, account).await.map_err(failure)?;
            }
        }
    }
}

#[async_trait]
impl Reactor for Erasure {
    fn name(&self) -> &'static str {
        "social-erasure"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Topic("auth")]
    }

    async fn react(&self, incoming: &Incoming) -> Result<(), Failure> {
        let Some(erased) = incoming.plain.decode::<auth::AccountErased>() else { return Ok(()) };
        let account =
            id_of(&erased?.account_id).ok_or_else(|| Failure::Poison("account_id is no uuid".to_owned()))?;
        self.leave_all(incoming, account, "erase").await?;
        let command = Command::reacting(self.name(), incoming, &erase::stream(account), "erase");
        self.app.subject_erased(&command, account).await.map_err(failure)?;
        // What began before that was said, and after the first look.
        self.leave_all(incoming, account, "erase again").await
    }
}

/// Streams that others write all the time are free again in a moment.
fn failure(refusal: Refusal) -> Failure {
    match refusal.code {
        Code::Conflict | Code::Internal => Failure::Retry(refusal.to_string()),
        _ => refusal.into(),
    }
}
