//! Accounts by the hundred, without mails and passwords: for load tests and demonstrations. They are ordinary accounts,
//! made by the same decision as a sign-up, and can be entered by a password reset or with the tokens signed here.

use std::collections::HashSet;

use eventing::{Command, Journal, Loaded};
use kernel::{AccountId, time::micros};
use platform::{Resources, StartError};
use uuid::Uuid;

use crate::{
    app::App,
    config::Config,
    domain::{
        account::{self, Account, AccountEvent, Identity, NewAccount, Origin},
        consent::GivenBy,
        role::{Regions, Role},
        sign_up,
    },
    error::Result,
    store::{accounts, sessions},
    tokens::{ACCESS_TYP, AccessClaims},
};

pub use crate::domain::{profile::Said as ProfileSaid, sign_up::Said};

/// Who writes the accounts.
const ACTOR: &str = "service:seed";

/// Somebody who is to have an account.
#[derive(Clone, Debug)]
pub struct Newcomer {
    pub id: AccountId,
    /// As a sign-up would say it; it is held against the same rules.
    pub said: Said,
    /// May hold challenges.
    pub coach: bool,
}

/// What accounts are written with. Cheap to clone.
#[derive(Clone)]
pub struct Seeder(App);

impl Seeder {
    /// Beside a running service or without one: nothing is registered, no key is made that the service would not make.
    ///
    /// # Errors
    /// As [`crate::build`].
    pub async fn open(resources: &Resources, config: Config) -> Result<Self, StartError> {
        // Counted apart: the service's own figures tell of what came through its doors.
        let apart = platform::metrics::Metrics::new().of(crate::SERVICE);
        let resources = Resources { metrics: apart, ..resources.clone() };
        Ok(Self(Box::pin(crate::build(&resources, config)).await?))
    }

    /// Writes those who have no account yet in one append, their keys before it. How many were written.
    ///
    /// # Errors
    /// What no sign-up may say, an e-mail or handle that somebody else has, a store that cannot be written.
    pub async fn accounts(&self, newcomers: &[Newcomer]) -> Result<usize> {
        let app = &self.0;
        let ids: Vec<AccountId> = newcomers.iter().map(|one| one.id).collect();
        let known: HashSet<AccountId> = accounts::rows(&app.db, &ids).await?.into_keys().collect();
        let fresh: Vec<&Newcomer> = newcomers.iter().filter(|one| !known.contains(&one.id)).collect();
        if fresh.is_empty() {
            return Ok(0);
        }
        let subjects: Vec<Uuid> = fresh.iter().map(|one| one.id.uuid()).collect();
        app.keys.create_all(&subjects, app.now_us()).await?;
        let mut batch = Journal::batch(&app.journal, &Command::by(ACTOR));
        for newcomer in &fresh {
            let decision = self.decision(newcomer)?;
            let stream = accounts::stream(newcomer.id);
            let nobody = Loaded { state: Account::default(), version: 0, stream };
            batch.decided(&nobody, &newcomer.id.to_string(), decision);
        }
        batch.commit().await?;
        Ok(fresh.len())
    }

    fn decision(&self, newcomer: &Newcomer) -> Result<eventing::Decision<AccountEvent>> {
        let app = &self.0;
        let now = app.now();
        let mut sign_up = sign_up::parse(&newcomer.said, now)?;
        if !sign_up.handle_chosen {
            // Among thousands of them names repeat: none waits to learn that.
            sign_up.profile.handle =
                sign_up.profile.handle.suffixed(&newcomer.id.uuid().simple().to_string());
        }
        let consents = sign_up
            .agreements
            .iter()
            .map(|agreement| app.receipt(newcomer.id, agreement, &sign_up.profile.locale, GivenBy::Oneself));
        let new = NewAccount {
            id: newcomer.id,
            consents: consents.collect::<Result<_>>()?,
            identity: Identity { email: sign_up.email, profile: sign_up.profile },
            guardian: sign_up.guardian,
            origin: Origin::Seed,
            has_password: false,
        };
        let nobody = Account::default();
        let mut decision = app.first_decision(&nobody, &new, None, now)?;
        if newcomer.coach {
            let somebody = nobody.after(&decision.events);
            let granted = account::grant_role(&somebody, Role::Coach, &Regions::default(), ACTOR)?;
            decision.inline.push(accounts::put(newcomer.id, &somebody.after(&granted), now));
            decision.events.extend(granted);
        }
        Ok(decision)
    }

    /// An access token of an app's scope in a session of its own, signed with this installation's key. Whoever verifies
    /// refuses tokens that live longer than they think right.
    ///
    /// # Errors
    /// There is no signing key.
    pub fn token(&self, account: AccountId, life_s: i64) -> Result<String> {
        let claims = self.0.claims(&account.to_string(), sessions::APP.id, sessions::APP.scope);
        let exp = claims.iat + life_s;
        let claims = AccessClaims { sid: Some(Uuid::new_v4().to_string()), exp, ..claims };
        Ok(self.0.signing.sign(ACCESS_TYP, &claims, micros(self.0.now()))?)
    }
}
