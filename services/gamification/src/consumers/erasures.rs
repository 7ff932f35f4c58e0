//! An account is erased → nothing of it is shown in the challenges where it took part, nor in any league.

use async_trait::async_trait;
use eventing::{Failure, Incoming, Reactor, Source};
use proto::auth::AccountErased;

use crate::{
    app::{App, challenges::join, leagues},
    wire::id,
};

pub struct Erasures {
    app: App,
}

impl Erasures {
    pub const fn new(app: App) -> Self {
        Self { app }
    }
}

#[async_trait]
impl Reactor for Erasures {
    fn name(&self) -> &'static str {
        "gamification-erasures"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Topic("auth")]
    }

    async fn react(&self, incoming: &Incoming) -> Result<(), Failure> {
        let Some(erased) = incoming.plain.decode::<AccountErased>() else { return Ok(()) };
        let account = id(&erased?.account_id)?;
        leagues::erase(&self.app, incoming, account).await?;
        join::erase(&self.app, incoming, account).await
    }
}
