//! An account: its state, what happened to it, and the decisions that concern it as a whole.

use jiff::Timestamp;
use kernel::{AccountId, Code, Refusal};
use privacy::Settings;

use super::{
    age,
    consent::{Consent, Purpose},
    email::Email,
    profile::{self, Profile},
    role::{Regions, Role, Roles},
};

/// What the class `identity` holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub email: Email,
    pub profile: Profile,
}

#[derive(Clone, Debug, PartialEq)]
pub enum AccountEvent {
    /// `identity` is `None` where its key was destroyed.
    Registered {
        account_id: AccountId,
        identity: Option<Identity>,
        home_cell: String,
        guardian: Option<Email>,
        origin: Origin,
    },
    ProfileChanged {
        account_id: AccountId,
        profile: Option<Profile>,
        place_changed_us: Option<i64>,
    },
    PasswordChanged {
        account_id: AccountId,
        reason: PasswordReason,
    },
    ConsentGiven {
        account_id: AccountId,
        consent: Consent,
    },
    ConsentWithdrawn {
        account_id: AccountId,
        receipt_id: uuid::Uuid,
        purpose: Purpose,
        withdrawn_us: i64,
    },
    /// Without zones where the key of `identity` was destroyed.
    PrivacyChanged {
        account_id: AccountId,
        settings: Settings,
        revision: u64,
    },
    RoleGranted {
        account_id: AccountId,
        role: Role,
        regions: Regions,
        granted_by: String,
    },
    RoleRevoked {
        account_id: AccountId,
        role: Role,
        revoked_by: String,
    },
    Erased {
        account_id: AccountId,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    SignUp,
    OperatorTool,
    Seed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordReason {
    SignUp,
    Reset,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    id: Option<AccountId>,
    identity: Option<Identity>,
    pub home_cell: String,
    pub has_guardian: bool,
    pub place_changes_us: Vec<i64>,
    /// Current and past, in the order in which they were given.
    pub consents: Vec<Consent>,
    pub privacy: Settings,
    pub privacy_revision: u64,
    pub roles: Roles,
}

impl Account {
    pub fn id(&self) -> Option<AccountId> {
        self.id
    }

    pub fn exists(&self) -> bool {
        self.id.is_some()
    }

    /// It was here, and nothing personal is left of it.
    pub fn is_erased(&self) -> bool {
        self.exists() && self.identity.is_none()
    }

    /// Who it is; an account that never was and one that is gone are refused alike.
    pub fn alive(&self) -> Result<(AccountId, &Identity), Refusal> {
        self.id.zip(self.identity.as_ref()).ok_or_else(Refusal::not_found)
    }

    pub fn consent(&self, purpose: Purpose) -> Option<&Consent> {
        self.consents
            .iter()
            .rev()
            .find(|consent| consent.purpose == purpose && consent.withdrawn_us.is_none())
    }

    pub fn is_minor(&self, now: Timestamp) -> bool {
        let birth_year = self.identity.as_ref().and_then(|identity| identity.profile.birth_year);
        birth_year.is_some_and(|year| age::is_minor(year, profile::year_of(now)))
    }

    /// The state after these events.
    pub fn after(&self, events: &[AccountEvent]) -> Self {
        let mut next = self.clone();
        events.iter().for_each(|event| next.apply(event));
        next
    }

    pub fn apply(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Registered { account_id, identity, home_cell, guardian, .. } => {
                self.id = Some(*account_id);
                self.identity.clone_from(identity);
                self.home_cell.clone_from(home_cell);
                self.has_guardian = guardian.is_some();
            }
            AccountEvent::ProfileChanged { profile, place_changed_us, .. } => {
                self.place_changes_us.extend(place_changed_us);
                match (profile, &mut self.identity) {
                    (Some(profile), Some(identity)) => identity.profile = profile.clone(),
                    _ => self.identity = None,
                }
            }
            AccountEvent::PasswordChanged { .. } => {}
            AccountEvent::ConsentGiven { consent, .. } => {
                self.end_consent(consent.purpose, consent.given_us);
                self.consents.push(consent.clone());
            }
            AccountEvent::ConsentWithdrawn { purpose, withdrawn_us, .. } => {
                self.end_consent(*purpose, *withdrawn_us)
            }
            AccountEvent::PrivacyChanged { settings, revision, .. } => {
                self.privacy = settings.clone();
                self.privacy_revision = *revision;
            }
            AccountEvent::RoleGranted { role, regions, .. } => {
                self.roles.insert(*role, regions.clone());
            }
            AccountEvent::RoleRevoked { role, .. } => {
                self.roles.remove(role);
            }
            AccountEvent::Erased { .. } => {
                self.identity = None;
                self.roles.clear();
            }
        }
    }

    /// A newer text of the same purpose ends the consent to the older one.
    fn end_consent(&mut self, purpose: Purpose, at_us: i64) {
        let current = self
            .consents
            .iter_mut()
            .filter(|consent| consent.purpose == purpose && consent.withdrawn_us.is_none());
        current.for_each(|consent| consent.withdrawn_us = Some(at_us));
    }
}

/// Everything that a new account begins with.
#[derive(Clone, Debug)]
pub struct NewAccount {
    pub id: AccountId,
    pub identity: Identity,
    pub guardian: Option<Email>,
    pub origin: Origin,
    pub consents: Vec<Consent>,
    /// Without one the account can only be entered after a reset.
    pub has_password: bool,
}

/// The one cell there is so far; the country at sign-up will choose.
const HOME_CELL: &str = "main";

pub fn register(account: &Account, new: NewAccount) -> Result<Vec<AccountEvent>, Refusal> {
    if account.exists() {
        return Err(Refusal::new(Code::Conflict, "this account exists"));
    }
    let NewAccount { id, identity, guardian, origin, consents, has_password } = new;
    let mut events = vec![AccountEvent::Registered {
        account_id: id,
        identity: Some(identity),
        home_cell: HOME_CELL.to_owned(),
        guardian,
        origin,
    }];
    if has_password {
        events.push(AccountEvent::PasswordChanged { account_id: id, reason: PasswordReason::SignUp });
    }
    events.extend(consents.into_iter().map(|consent| AccountEvent::ConsentGiven { account_id: id, consent }));
    Ok(events)
}

pub fn reset_password(account: &Account) -> Result<Vec<AccountEvent>, Refusal> {
    let (account_id, _) = account.alive()?;
    Ok(vec![AccountEvent::PasswordChanged { account_id, reason: PasswordReason::Reset }])
}

pub fn grant_role(
    account: &Account,
    role: Role,
    regions: &Regions,
    granted_by: &str,
) -> Result<Vec<AccountEvent>, Refusal> {
    let (account_id, _) = account.alive()?;
    if account.roles.get(&role) == Some(regions) {
        return Ok(Vec::new());
    }
    let granted_by = granted_by.to_owned();
    Ok(vec![AccountEvent::RoleGranted { account_id, role, regions: regions.clone(), granted_by }])
}

/// `revoked_by` is an actor, `account:{id}`. Operators do not revoke themselves: somebody must remain.
pub fn revoke_role(account: &Account, role: Role, revoked_by: &str) -> Result<Vec<AccountEvent>, Refusal> {
    let (account_id, _) = account.alive()?;
    if !account.roles.contains_key(&role) {
        return Ok(Vec::new());
    }
    if role == Role::Operator && revoked_by == format!("account:{account_id}") {
        return Err(Refusal::new(Code::Conflict, "an operator's own role is revoked by another operator"));
    }
    Ok(vec![AccountEvent::RoleRevoked { account_id, role, revoked_by: revoked_by.to_owned() }])
}

pub fn erase(account: &Account) -> Vec<AccountEvent> {
    match account.id {
        Some(account_id) if !account.is_erased() => vec![AccountEvent::Erased { account_id }],
        _ => Vec::new(),
    }
}
