//! My consents with their receipts.

use eventing::{Command, Decision, Done, Loaded, sealing::SealingError};
use kernel::{AccountId, Refusal, time::micros};
use proto::auth as p;

use super::App;
use crate::{
    domain::{
        account::Account,
        consent::{self, Agreement, Consent, GivenBy, Purpose},
        profile::Locale,
    },
    error::{Error, Result},
    key_store::destroying,
    store::accounts,
};

impl App {
    /// Current and past, newest first.
    pub async fn consents(&self, account_id: AccountId) -> Result<p::ListConsentsResponse> {
        let account = self.load_account(account_id).await?;
        Ok(p::ListConsentsResponse { items: account.consents.iter().rev().map(out).collect() })
    }

    pub(crate) async fn load_account(&self, account_id: AccountId) -> Result<Account> {
        let loaded: Loaded<Account> = self.journal.load(&accounts::stream(account_id)).await?;
        loaded.state.alive()?;
        Ok(loaded.state)
    }

    pub async fn put_consent(
        &self,
        command: &Command,
        account_id: AccountId,
        request: &p::PutConsentRequest,
    ) -> Result<(Done, p::ConsentReceipt)> {
        if Purpose::parse(&request.purpose).is_none() {
            // It stands in the path: there is no such thing.
            return Err(Refusal::not_found().into());
        }
        let agreement = Agreement::parse("", &request.purpose, &request.text_version)
            .map_err(|fault| Refusal::fields(vec![fault]).err().unwrap_or_else(Refusal::not_found))?;
        let own = self.living(account_id).await?.standing.locale;
        let locale = request.locale.as_deref().and_then(Locale::parse).unwrap_or_else(|| Locale::kept(own));
        let consent = self.receipt(account_id, &agreement, &locale, GivenBy::Oneself)?;
        let done = match self.journal.replayed(command).await? {
            Some(done) => done,
            None => self.journal.retrying(|| self.give_consent(command, account_id, &consent)).await?,
        };
        let account = self.load_account(account_id).await?;
        let current = account.consent(agreement.purpose).or_else(|| account.consents.last());
        Ok((done, current.map(out).ok_or(Error::Corrupt("a consent without a receipt"))?))
    }

    /// A class that is sealed under this consent gets a new key with it, if the old one went with an earlier consent.
    async fn give_consent(
        &self,
        command: &Command,
        account_id: AccountId,
        consent: &Consent,
    ) -> Result<Done, eventing::Error> {
        let loaded: Loaded<Account> = self.journal.load(&accounts::stream(account_id)).await?;
        let events = consent::give(&loaded.state, consent.clone())?;
        let (after, now) = (loaded.state.after(&events), self.journal.now());
        let mut decision = Decision::of(events)
            .inline(accounts::put(account_id, &after, now))
            .answer(200, vec![account_id.to_string()]);
        if let Some(class) = consent.purpose.sealing_class() {
            // The stream's version guards it: a withdrawal between this look and the append makes it look again.
            let renewed = self.keys.renewing(account_id.uuid(), class, micros(now)).await;
            decision.inline.extend(renewed.map_err(SealingError::from)?);
        }
        let mut batch = self.journal.batch(command);
        batch.decided(&loaded, &account_id.to_string(), decision);
        batch.commit().await
    }

    /// What was sealed under this consent alone is shredded by the same append.
    pub async fn withdraw_consent(
        &self,
        command: &Command,
        account_id: AccountId,
        purpose: &str,
    ) -> Result<Done> {
        let purpose = Purpose::parse(purpose).ok_or_else(Refusal::not_found)?;
        let done = self
            .journal
            .execute(
                command,
                &accounts::stream(account_id),
                &account_id.to_string(),
                |account: &Account, now| {
                    let events = consent::withdraw(account, purpose, now)?;
                    let (after, ended) = (account.after(&events), !events.is_empty());
                    let mut decision = Decision::of(events)
                        .inline(accounts::put(account_id, &after, now))
                        .answer(204, vec![account_id.to_string()]);
                    if let Some(class) = purpose.sealing_class().filter(|_| ended) {
                        decision = decision.inline(destroying(account_id.uuid(), class, micros(now)));
                    }
                    Ok(decision)
                },
            )
            .await?;
        Ok(done)
    }
}

fn out(consent: &Consent) -> p::ConsentReceipt {
    p::ConsentReceipt {
        receipt_id: bytes::Bytes::copy_from_slice(consent.receipt_id.as_bytes()),
        purpose: consent.purpose.as_str().to_owned(),
        text_version: consent.text_version.clone(),
        text_hash: consent.text_hash.clone().into(),
        locale: consent.locale.as_str().to_owned(),
        given_by: consent.given_by.as_str().to_owned(),
        lawful_basis: consent.lawful_basis.clone(),
        given_us: consent.given_us,
        withdrawn_us: consent.withdrawn_us,
        receipt: consent.receipt.clone(),
    }
}
