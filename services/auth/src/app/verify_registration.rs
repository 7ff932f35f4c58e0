//! Sign-up, second half: the mailed code makes the account.

use eventing::{Batch, Command, Decision, Error as SpineError, Journal, Loaded};
use jiff::Timestamp;
use kernel::{AccountId, Code, Refusal, time::from_micros};
use prost::Message;
use proto::auth as p;
use uuid::Uuid;

use super::{App, code_refused, register, same};
use crate::{
    app::session::device_name,
    domain::{
        account::{self, Account, Identity, NewAccount, Origin},
        consent::{Consent, GivenBy},
        names::Handle,
        sign_up::{self, SignUp},
    },
    error::{Error, Result},
    store::{
        accounts,
        codes::{self, Registration},
        sessions,
    },
};

/// Handles tried before giving up.
const HANDLES_MAX: usize = 6;

/// A sign-up whose code was right.
struct Proven {
    sign_up: SignUp,
    password_hash: String,
    account_id: AccountId,
}

impl App {
    pub async fn verify_registration(
        &self,
        request: p::VerifyRegistrationRequest,
    ) -> Result<(eventing::Done, p::VerifyRegistrationResponse)> {
        let id = Uuid::from_slice(&request.registration_id).map_err(|_| code_refused())?;
        let registration =
            codes::try_registration(&self.db, id, self.now_us()).await?.ok_or_else(code_refused)?;
        self.prove(&registration, &request).await?;
        let proven = self.read_waiting(&registration)?;
        let account_id = proven.account_id;
        let done = self.make_account(proven).await?;
        if !codes::take_registration(&self.db, id).await? {
            return Err(code_refused().into());
        }
        self.metrics.registered.inc();
        let device = device_name(request.device_name.as_deref());
        let session = self.begin_session(account_id, sessions::APP, device).await?;
        let row =
            accounts::row(&self.db, account_id).await?.ok_or(Error::Corrupt("an account without its row"))?;
        Ok((done, p::VerifyRegistrationResponse { account: Some(row.me()), session: Some(session) }))
    }

    /// The code, and the guardian's where one must agree.
    async fn prove(&self, registration: &Registration, request: &p::VerifyRegistrationRequest) -> Result<()> {
        let id = registration.id;
        let code = request.code.trim();
        if !same(&self.code_hash(id.as_bytes(), code), &registration.code_hash) {
            return Err(code_refused().into());
        }
        let Some(expected) = &registration.guardian_code_hash else { return Ok(()) };
        let Some(code) = request.guardian_code.as_deref().map(str::trim).filter(|code| !code.is_empty())
        else {
            codes::give_try_back(&self.db, id).await?;
            let mut refusal = Refusal::new(
                Code::GuardianRequired,
                "the code that was mailed to the guardian is needed too",
            );
            refusal.fields = Refusal::field("/guardian_code", "required", refusal.detail.clone()).fields;
            return Err(refusal.into());
        };
        let about = [id.as_bytes().as_slice(), b"guardian"].concat();
        if same(&self.code_hash(&about, code), expected) { Ok(()) } else { Err(code_refused().into()) }
    }

    fn read_waiting(&self, registration: &Registration) -> Result<Proven> {
        let opened = self.secrets.unwrap(&register::about(registration.id), &registration.sealed)?;
        let waiting = p::RegisterRequest::decode(opened.as_slice())
            .map_err(|_| Error::Corrupt("a waiting sign-up is not readable"))?;
        // By the rules of the moment in which it was said: a new year must not refuse it now.
        let sign_up = sign_up::parse(&register::said(&waiting), from_micros(registration.created_us))?;
        let account_id = AccountId::derived(&[b"account", registration.id.as_bytes()]);
        Ok(Proven { sign_up, password_hash: waiting.password, account_id })
    }

    async fn make_account(&self, proven: Proven) -> Result<eventing::Done> {
        let Proven { sign_up, password_hash, account_id } = proven;
        self.keys.create(account_id.uuid(), self.now_us()).await?;
        let consents = self.consents_of(&sign_up, account_id)?;
        let mut handle = sign_up.profile.handle.clone();
        for attempt in 1..=HANDLES_MAX {
            let mut profile = sign_up.profile.clone();
            profile.handle = handle.clone();
            let new = NewAccount {
                id: account_id,
                identity: Identity { email: sign_up.email.clone(), profile },
                guardian: sign_up.guardian.clone(),
                origin: Origin::SignUp,
                consents: consents.clone(),
                has_password: true,
            };
            match self.append_account(&new, Some(&password_hash)).await {
                Err(SpineError::Claimed { scope, .. })
                    if scope == accounts::HANDLE && !sign_up.handle_chosen =>
                {
                    handle = next_handle(&sign_up.profile.handle, account_id, attempt);
                }
                Err(SpineError::Claimed { scope, .. }) if scope == accounts::HANDLE => {
                    return Err(register::handle_taken().into());
                }
                Err(SpineError::Claimed { .. }) => {
                    let detail = "this address has an account already: log in, or ask for a new password";
                    return Err(Refusal::new(Code::Conflict, detail).into());
                }
                other => return Ok(other?),
            }
        }
        Err(register::handle_taken().into())
    }

    /// The account with its claims and rows, in one append. One that this registration made before (a crash came
    /// between) is left as it is.
    pub(crate) async fn append_account(
        &self,
        new: &NewAccount,
        password_hash: Option<&str>,
    ) -> Result<eventing::Done, SpineError> {
        let stream = accounts::stream(new.id);
        let partition_key = new.id.to_string();
        let command = Command::by(format!("account:{}", new.id));
        let (stream, partition_key, command) = (&stream, &partition_key, &command);
        self.journal
            .retrying(|| async move {
                let loaded: Loaded<Account> = self.journal.load(stream).await?;
                let mut batch: Batch = Journal::batch(&self.journal, command);
                if loaded.exists() {
                    batch.write(&loaded, partition_key, Vec::new());
                } else {
                    let decision = self.first_decision(&loaded.state, new, password_hash, self.now())?;
                    batch.decided(&loaded, partition_key, decision);
                }
                batch.commit().await
            })
            .await
    }

    /// What the first append of an account holds.
    pub(crate) fn first_decision(
        &self,
        nobody: &Account,
        new: &NewAccount,
        password_hash: Option<&str>,
        now: Timestamp,
    ) -> Result<Decision<account::AccountEvent>, Refusal> {
        let events = account::register(nobody, new.clone())?;
        let after = nobody.after(&events);
        let identity = &new.identity;
        let mut decision = Decision::of(events)
            .claim(accounts::take_email(&self.secrets, &identity.email, new.id))
            .claim(accounts::take_handle(&identity.profile.handle, new.id))
            .inline(accounts::put(new.id, &after, now));
        if let Some(hash) = password_hash {
            decision = decision.inline(accounts::put_credential(new.id, hash, now));
        }
        Ok(decision)
    }

    fn consents_of(&self, sign_up: &SignUp, account_id: AccountId) -> Result<Vec<Consent>> {
        let given_by = if sign_up.guardian.is_some() { GivenBy::Guardian } else { GivenBy::Oneself };
        let locale = &sign_up.profile.locale;
        let receipt = |agreement| self.receipt(account_id, agreement, locale, given_by);
        sign_up.agreements.iter().map(receipt).collect()
    }
}

/// The same handle with a little of the account's id behind it; more of it at each attempt.
fn next_handle(wanted: &Handle, account_id: AccountId, attempt: usize) -> Handle {
    let id = account_id.uuid().simple().to_string();
    wanted.suffixed(&id[..(attempt + 2).min(8)])
}
