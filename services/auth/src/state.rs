//! The state topics that auth owns, from their tables: for siblings that begin anew.

use async_trait::async_trait;
use eventing::{Plain, StateTables, Topic};
use kernel::{Code, Refusal};
use proto::envelope;

use crate::{
    app::App,
    error::Error,
    key_store::{self, destroyed_topic},
    store::{revocations, standings},
};

#[async_trait]
impl StateTables for App {
    fn topics(&self) -> Vec<Topic> {
        vec![revocations::topic(), standings::topic(), destroyed_topic()]
    }

    async fn page(&self, topic: &str, after_key: &str, max: usize) -> Result<Vec<envelope::State>, Refusal> {
        if topic == revocations::topic().name {
            return Ok(revocations::page(&self.db, after_key, max).await.map_err(Error::from)?);
        }
        if topic == standings::topic().name {
            return Ok(standings::page(&self.db, after_key, max).await.map_err(Error::from)?);
        }
        if topic == destroyed_topic().name {
            let destroyed = self.keys.destroyed_page(after_key, max).await.map_err(Error::from)?;
            return Ok(destroyed.into_iter().map(key_state).collect());
        }
        Err(Refusal::new(Code::NotFound, format!("no state topic {topic} is kept here")))
    }
}

fn key_state(destroyed: proto::auth::DestroyedKey) -> envelope::State {
    let subject = uuid::Uuid::from_slice(&destroyed.subject).unwrap_or_default();
    envelope::State {
        key: key_store::destroyed_key(subject, destroyed.class()),
        partition_key: subject.to_string(),
        revision: destroyed.version.into(),
        value: Some(revocations::parcel(Plain::of(&destroyed))),
        ..envelope::State::default()
    }
}
