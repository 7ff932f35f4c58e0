//! Makes an operator: of an account, or of an address that has none yet. For the command line only.

use eventing::Command;
use kernel::{AccountId, Refusal};
use proto::auth as p;

use super::App;
use crate::{
    domain::{
        account::{self, Identity, NewAccount, Origin},
        email::Email,
        names::{DisplayName, Handle},
        profile::{Locale, Profile, Zone},
        role::{Regions, Role},
    },
    error::Result,
    secrets::random,
    store::{
        accounts,
        codes::{self, ResetOrigin},
    },
    wire,
};

/// The one-time code is long: it needs no throttle, and lives a day.
const CODE_S: u32 = 24 * 3600;

impl App {
    pub async fn add_operator(&self, command: &Command, email: &str) -> Result<p::AddOperatorResponse> {
        let email = Email::parse_field("/email", email)
            .map_err(|fault| Refusal::fields(vec![fault]).err().unwrap_or_else(Refusal::not_found))?;
        let account_id = match self.holder_of(email.as_str()).await? {
            Some(known) => known,
            None => self.make_operators_account(&email).await?,
        };
        let command = Command::by(command.actor.clone());
        let by = command.actor.clone();
        let grant = |account: &account::Account| {
            account::grant_role(account, Role::Operator, &Regions::default(), &by)
        };
        self.change_roles(&command, account_id, grant).await?;
        let code = hex::encode(random::<10>()?);
        let email_key = accounts::email_key(&self.secrets, email.as_str());
        let expires_us = self.now_us() + i64::from(CODE_S) * 1_000_000;
        let hash = self.code_hash(&email_key, &code);
        codes::put_reset(&self.db, email_key, ResetOrigin::Tool, hash, expires_us).await?;
        Ok(p::AddOperatorResponse { account_id: wire::bytes(account_id), code, expires_in: CODE_S })
    }

    /// An account that can be entered after the reset only.
    async fn make_operators_account(&self, email: &Email) -> Result<AccountId> {
        let id = AccountId::random();
        self.keys.create(id.uuid(), self.now_us()).await?;
        let display_name = DisplayName::kept("Operator".to_owned());
        let suffix = id.uuid().simple().to_string();
        let profile = Profile {
            handle: Handle::derived(&display_name).suffixed(&suffix),
            display_name,
            birth_year: None,
            sex: None,
            country: None,
            region: None,
            time_zone: Zone::utc(),
            locale: Locale::english(),
        };
        let new = NewAccount {
            id,
            identity: Identity { email: email.clone(), profile },
            guardian: None,
            origin: Origin::OperatorTool,
            consents: Vec::new(),
            has_password: false,
        };
        self.append_account(&new, None).await?;
        Ok(id)
    }
}
