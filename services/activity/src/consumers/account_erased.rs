//! auth.AccountErased → rows and blobs go, and `SubjectErased` says so. The journal's keys are gone already.

use std::sync::Arc;

use async_trait::async_trait;
use eventing::{
    Aggregate, Command, DecodeError, DomainEvent, Failure, Incoming, Journal, Plain, Reactor, Source,
    StreamId,
    sql::{Db, Tx, hold},
};
use kernel::{AccountId, ActivityId};
use tracing::warn;

use crate::{
    app::across::settle_clones,
    blobs::Blobs,
    store::{ActivityStore, contributions, imports, live, resumables, samples, starts, taken, uploads},
    wire,
};

pub struct AccountErased {
    pub journal: Journal,
    pub db: Db,
    pub activities: Arc<dyn ActivityStore>,
    pub blobs: Blobs,
}

#[async_trait]
impl Reactor for AccountErased {
    fn name(&self) -> &'static str {
        "activity.erasures"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Topic("auth")]
    }

    async fn react(&self, event: &Incoming) -> Result<(), Failure> {
        let Some(erased) = event.plain.decode::<proto::auth::AccountErased>() else { return Ok(()) };
        let account: AccountId = wire::id(&erased?.account_id, "account_id")?;
        self.blobs.erase(account).await.map_err(|error| Failure::Retry(error.to_string()))?;
        self.release_clones(event, account).await?;
        let (activities, uploads) = self.erase_rows(account).await?;
        let stream = StreamId::of("erasure", account);
        let command = Command::reacting(self.name(), event, &stream, "erase");
        let said = Erased { account, activities, uploads };
        self.journal
            .execute::<Erasure, _>(&command, &stream, &account.to_string(), |erasure, _| {
                Ok(if erasure.done { Vec::new() } else { vec![said.clone()] }.into())
            })
            .await?;
        Ok(())
    }
}

impl AccountErased {
    /// What was held against others because it was there before is not any more. First it is gone for whoever looks. The rows
    /// by which copies are known go afterwards, so that a process that dies between comes back to them; they go also where a
    /// copy cannot be released: that one is released by the next look at it.
    async fn release_clones(&self, event: &Incoming, account: AccountId) -> Result<(), Failure> {
        let copies = starts::copies(&self.db, account).await?;
        starts::let_go(&self.db, account).await?;
        for copy in copies {
            if let Err(failure) = self.release(event, copy).await {
                warn!(activity = %copy, ?failure, "a copy of what was erased is held until it is looked at again");
            }
        }
        Ok(())
    }

    async fn release(&self, event: &Incoming, copy: ActivityId) -> Result<(), Failure> {
        let (_, alike) = starts::alike(&self.db, copy).await?;
        let command = Command::after("service:activity", &event.event);
        Ok(settle_clones(&self.journal, &command, alike).await?)
    }

    async fn erase_rows(&self, account: AccountId) -> Result<(u64, u64), Failure> {
        let activities = self.activities.clone();
        self.db
            .transact(move |tx| {
                Box::pin(async move {
                    hold(tx, vec![account.uuid()]).await?;
                    taken::erase(tx, account).await?;
                    let erased = activities.erase(tx, account).await?;
                    let uploads = uploads::erase(tx, account).await?;
                    starts::erase(tx, account).await?;
                    samples::erase(tx, account).await?;
                    live::erase(tx, account).await?;
                    imports::erase(tx, account).await?;
                    contributions::erase(tx, account).await?;
                    resumables::erase(tx, account).await?;
                    Ok::<_, Failure>((erased, uploads))
                })
            })
            .await
    }
}

/// Our own word that an account's rows are gone: by then they are, but not where they are being made anew.
pub(super) async fn forget(
    activities: &dyn ActivityStore,
    tx: &mut dyn Tx,
    incoming: &Incoming,
) -> Result<(), Failure> {
    let account = Erased::decode(&incoming.plain)?.account;
    activities.erase(tx, account).await?;
    uploads::erase(tx, account).await?;
    imports::erase(tx, account).await?;
    starts::erase(tx, account).await?;
    Ok(samples::erase(tx, account).await?)
}

#[derive(Clone, Default)]
pub(super) struct Erasure {
    done: bool,
}

/// An account's rows and blobs are gone.
#[derive(Clone, Debug, PartialEq)]
pub struct Erased {
    pub account: AccountId,
    pub activities: u64,
    pub uploads: u64,
}

impl Aggregate for Erasure {
    type Event = Erased;
    const KIND: &'static str = "erasure";

    fn evolve(&mut self, _: &Erased) {
        self.done = true;
    }
}

impl DomainEvent for Erased {
    fn encode(&self) -> Plain {
        Plain::of(&proto::activity::SubjectErased {
            account_id: wire::bytes(self.account),
            activities: self.activities.cast_signed(),
            uploads: self.uploads.cast_signed(),
        })
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        let message: proto::activity::SubjectErased = plain.expect()?;
        Ok(Self {
            account: wire::id(&message.account_id, "account_id")?,
            activities: message.activities.unsigned_abs(),
            uploads: message.uploads.unsigned_abs(),
        })
    }
}
