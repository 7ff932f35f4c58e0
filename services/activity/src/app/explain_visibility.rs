//! Why another account sees, or does not see, each class of one's own activity.

use kernel::{AccountId, ActivityId, Code, Refusal};
use platform::{Caller, Look};
use privacy::visibility::Explained;
use proto::social;

use super::App;
use crate::wire;

impl App {
    pub async fn explain_visibility(
        &self,
        caller: &Caller,
        id: ActivityId,
        other: AccountId,
    ) -> Result<Vec<Explained>, Refusal> {
        let account = caller.viewer().ok_or_else(Refusal::not_found)?;
        let row = self.activities.get(id).await.map_err(eventing::Error::from)?;
        let row = row.filter(|row| row.live && row.account_id == account).ok_or_else(Refusal::not_found)?;
        let look = self.look_of(caller, other, account).await?;
        let own = wire::visibility_of(&row.whole);
        Ok(privacy::explain(&look.owner(), own.as_ref(), &look.relation))
    }

    /// How `other` stands to `owner`, to be told to the owner: what cannot be known is not told as if it were hidden.
    pub(super) async fn look_of(
        &self,
        caller: &Caller,
        other: AccountId,
        owner: AccountId,
    ) -> Result<Look, Refusal> {
        let (accounts, owners) = ([owner, other], [owner]);
        let (standings, mut relations) =
            tokio::join!(self.sight.standings(&accounts), self.sight.relations(Some(other), &owners));
        let mut standings = standings?;
        let known = standings.get(&other).is_some_and(|other| other.is_present());
        let person = standings.remove(&owner).filter(|_| known).ok_or_else(Refusal::not_found)?;
        let relation = relations.remove(&owner).ok_or_else(|| {
            Refusal::new(Code::Unavailable, "relations cannot be asked at the moment").retry_after_s(1)
        })?;
        if relation.blocked {
            // Which of the two blocks the other, and whether the caller may know, is social's to say.
            let asked = social::ViewAsRequest { account_id: wire::bytes(other) };
            let told = self.peers.social().view_as(caller.forward(asked)).await;
            told.map_err(|status| platform::refusal(&status))?;
        }
        Ok(Look::new(person, relation))
    }
}
