//! Whose keys a changeset's are when it names no source: those of the token's device, which is its session.
//!
//! Once all devices of an account shared the word `device`, so that two watches with equal keys overwrote each other. What was
//! kept under that word must stay within reach of new versions and deletions: the first device that comes with such keys,
//! or to an account that has such records, goes on with the word; every other has a source of its own.

use eventing::Error;
use kernel::Refusal;
use proto::activity::SyncRequest;

use crate::{
    app::{App, Sender, activity_stream},
    domain::{activity::Activity, facts::keyed_id},
    store::senders,
};

/// What all devices shared, and who has no session still does.
pub(super) const SHARED: &str = "device";
/// Keys that are looked up under the old word, the first time that a device is heard of.
const LOOKED_UP_MAX: usize = 100;

impl App {
    pub(super) async fn device_source(
        &self,
        sender: &Sender,
        request: &SyncRequest,
    ) -> Result<String, Refusal> {
        let Some(session) = sender.session else { return Ok(SHARED.to_owned()) };
        let known = senders::source(&self.db, sender.account, session).await.map_err(Error::from)?;
        if let Some(source) = known {
            return Ok(source);
        }
        let may_inherit = self.is_shared(sender, request).await?;
        let own = format!("{SHARED}:{session}");
        let named =
            senders::name(&self.db, sender.account, session, may_inherit.then_some(SHARED), own).await;
        Ok(named.map_err(Error::from)?)
    }

    /// Whether the account has anything under the old word, as far as can be told without reading all of it.
    async fn is_shared(&self, sender: &Sender, request: &SyncRequest) -> Result<bool, Error> {
        if senders::has_records(&self.db, sender.account, SHARED).await? {
            return Ok(true);
        }
        let upserts = request.upserts.iter().map(|record| &record.key);
        for key in upserts.chain(request.deletes.iter().map(|record| &record.key)).take(LOOKED_UP_MAX) {
            let stream = activity_stream(keyed_id("activity", sender.account, SHARED, key));
            if self.journal.load::<Activity>(&stream).await?.exists() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
