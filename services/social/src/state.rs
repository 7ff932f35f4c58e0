//! The state topic that social owns, from its table: for siblings that begin anew.

use async_trait::async_trait;
use eventing::{StateTables, Topic};
use kernel::{Code, Refusal};
use proto::envelope;

use crate::{
    app::{App, fault},
    store::relation_state,
};

#[async_trait]
impl StateTables for App {
    fn topics(&self) -> Vec<Topic> {
        vec![relation_state::topic()]
    }

    async fn page(&self, topic: &str, after_key: &str, max: usize) -> Result<Vec<envelope::State>, Refusal> {
        if topic == relation_state::topic().name {
            return relation_state::page(self.store.db(), after_key, max).await.map_err(fault);
        }
        Err(Refusal::new(Code::NotFound, format!("no state topic {topic} is kept here")))
    }
}
