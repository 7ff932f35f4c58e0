//! An account shows its activities to nobody, or to somebody again → those without a visibility of their own follow.

use async_trait::async_trait;
use eventing::{Command, Decision, Failure, Incoming, Journal, Reactor, Source, StreamId};
use kernel::AccountId;
use proto::auth::PrivacyChanged;

use crate::{domain::visibility::UsualVisibility, wire::id};

/// The data class that an activity's own visibility stands in for.
const SUMMARY: &str = "summary";

pub struct Privacy {
    journal: Journal,
}

impl Privacy {
    pub const fn new(journal: Journal) -> Self {
        Self { journal }
    }
}

#[async_trait]
impl Reactor for Privacy {
    fn name(&self) -> &'static str {
        "gamification-privacy"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Topic("auth")]
    }

    async fn react(&self, incoming: &Incoming) -> Result<(), Failure> {
        let Some(changed) = incoming.plain.decode::<PrivacyChanged>() else { return Ok(()) };
        let changed = changed?;
        let account: AccountId = id(&changed.account_id)?;
        // Classes that are not named follow their default, and that of summaries is not "only me".
        let only_me = changed.audiences.iter().any(|of| of.data_class == SUMMARY && of.members.is_empty());
        let stream = StreamId::of("visibility", account);
        let command = Command::reacting(self.name(), incoming, &stream, "usual");
        self.journal
            .execute::<UsualVisibility, _>(&command, &stream, &account.to_string(), |usual, _| {
                Ok(Decision::of(usual.set(account, only_me)))
            })
            .await?;
        Ok(())
    }
}
