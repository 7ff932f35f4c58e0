//! One activity, as far as the viewer may see it.

use kernel::{AccountId, ActivityId, Refusal};

use super::{App, Seen};

impl App {
    pub async fn get_activity(&self, viewer: AccountId, id: ActivityId) -> Result<Seen, Refusal> {
        self.look(id, viewer).await
    }
}
