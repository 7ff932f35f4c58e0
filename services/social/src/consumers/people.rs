//! auth's events → whom search may find.

use async_trait::async_trait;
use eventing::{
    Failure, Incoming, Keeps, Projection, Source, Tx,
    sql::{DbError, hold},
};
use kernel::AccountId;
use proto::auth;
use uuid::Uuid;

use crate::{
    domain::fold,
    store::{people, posts},
    wire::id_of,
};

/// Stands for what concerns everybody: words that several people may bear, and results, of which one event names too
/// many people to hold each.
pub(super) const EVERYBODY: Uuid = Uuid::nil();

pub struct People;

#[async_trait]
impl Projection for People {
    fn name(&self) -> &'static str {
        "social-people"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Topic("auth")]
    }

    fn keeps(&self) -> Keeps {
        Keeps::tables(&[
            "person",
            "person_token",
            "name_word",
            "word_gram",
            "person_sport",
            "activity_sport",
            "post",
        ])
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        // People against the reader of their activities; words against the same reader in another process: who is the
        // last to bear one takes it along.
        let people = events.iter().filter_map(|incoming| incoming.event.partition_key.parse().ok());
        let held: Vec<Uuid> = people.chain([EVERYBODY]).collect();
        hold(tx, held).await?;
        for incoming in events {
            let plain = &incoming.plain;
            if let Some(event) = plain.decode::<auth::AccountRegistered>() {
                let event = event?;
                named(tx, &event.account_id, event.profile).await?;
            } else if let Some(event) = plain.decode::<auth::ProfileChanged>() {
                let event = event?;
                named(tx, &event.account_id, event.profile).await?;
            } else if let Some(event) = plain.decode::<auth::PrivacyChanged>() {
                let event = event?;
                people::put_searchable(tx, account(&event.account_id)?, event.searchable).await?;
            } else if let Some(event) = plain.decode::<auth::AccountErased>() {
                forget(tx, account(&event?.account_id)?).await?;
            }
        }
        Ok(())
    }
}

/// A profile that cannot be read any more is that of an erased account.
async fn named(tx: &mut dyn Tx, id: &[u8], profile: Option<auth::Profile>) -> Result<(), Failure> {
    let account = account(id)?;
    let Some(profile) = profile else { return Ok(forget(tx, account).await?) };
    let mut words = fold::words(&profile.display_name);
    words.extend(fold::words(&profile.handle));
    Ok(people::put_name(tx, account, &words, profile.region.as_deref()).await?)
}

/// Posts too: what was written of the person until now, after the append that erased it took away what it saw.
async fn forget(tx: &mut dyn Tx, account: AccountId) -> Result<(), DbError> {
    people::forget(tx, account).await?;
    posts::forget(tx, account).await
}

fn account(bytes: &[u8]) -> Result<AccountId, Failure> {
    id_of(bytes).ok_or_else(|| Failure::Poison("account_id is no uuid".to_owned()))
}
