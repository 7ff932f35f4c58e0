//! Accounts as inline rows, and their passwords.

use std::collections::HashMap;

use eventing::{
    Claim, Db, Row, Statement, StreamId, args,
    sql::{DbError, Value},
};
use kernel::{AccountId, time::micros};
use prost::Message;
use proto::auth as p;

use crate::{
    domain::{account::Account, consent::Consent, email::Email, names::Handle, role::Role},
    secrets::{Purpose, Secrets},
    wire,
};

/// Scopes of the claims that accounts hold.
pub const EMAIL: &str = "email";
pub const HANDLE: &str = "handle";

pub fn stream(id: AccountId) -> StreamId {
    StreamId::of("account", id)
}

/// The blind index of an address: what is claimed, and what throttles and resets are kept under.
pub fn email_key(secrets: &Secrets, email: &str) -> [u8; 32] {
    secrets.index(Purpose::Email, &[email.as_bytes()])
}

pub fn take_email(secrets: &Secrets, email: &Email, id: AccountId) -> Claim {
    let key = hex::encode(email_key(secrets, email.as_str()));
    Claim::Take { scope: EMAIL.to_owned(), key, stream: stream(id) }
}

pub fn take_handle(handle: &Handle, id: AccountId) -> Claim {
    Claim::Take { scope: HANDLE.to_owned(), key: handle.skeleton(), stream: stream(id) }
}

/// From one handle to another. Two spellings of one skeleton need no move.
pub fn move_handle(from: &Handle, to: &Handle, id: AccountId) -> Option<Claim> {
    let (from, to) = (from.skeleton(), to.skeleton());
    (from != to).then(|| Claim::Move { scope: HANDLE.to_owned(), from, to, stream: stream(id) })
}

/// An account as its row says.
#[derive(Clone, Debug)]
pub struct AccountRow {
    pub email: Option<String>,
    pub standing: p::AccountStanding,
}

impl AccountRow {
    pub fn has_role(&self, role: Role) -> bool {
        self.standing.roles.iter().any(|held| held.role == role.as_str())
    }

    pub fn me(&self) -> p::Me {
        let standing = self.standing.clone();
        p::Me {
            account_id: standing.account_id,
            email: self.email.clone().unwrap_or_default(),
            display_name: standing.display_name,
            handle: standing.handle,
            birth_year: standing.birth_year,
            sex: standing.sex,
            country: standing.country,
            region: standing.region,
            time_zone: standing.time_zone,
            locale: standing.locale,
            roles: standing.roles,
        }
    }
}

/// The row of an account in this state: goes into the append that brought the state about.
pub fn put(id: AccountId, account: &Account, now: jiff::Timestamp) -> Statement {
    let email = account.alive().ok().map(|(_, identity)| identity.email.as_str().to_owned());
    Statement::new(
        "INSERT INTO account (account_id, email, standing, created_us) VALUES ($1, $2, $3, $4)
         ON CONFLICT (account_id) DO UPDATE SET email = excluded.email, standing = excluded.standing",
        args![id, email, standing(id, account).encode_to_vec(), micros(now)],
    )
}

/// All that others may know, but for what depends on the day (`minor`).
fn standing(id: AccountId, account: &Account) -> p::AccountStanding {
    let mut standing = p::AccountStanding {
        account_id: wire::bytes(id),
        known: account.exists(),
        erased: account.is_erased(),
        home_cell: account.home_cell.clone(),
        ..p::AccountStanding::default()
    };
    let Ok((_, identity)) = account.alive() else { return standing };
    let profile = &identity.profile;
    profile.display_name.as_str().clone_into(&mut standing.display_name);
    profile.handle.as_str().clone_into(&mut standing.handle);
    standing.birth_year = profile.birth_year;
    standing.sex = profile.sex.map(|sex| sex.as_str().to_owned());
    standing.country = profile.country.as_ref().map(|country| country.as_str().to_owned());
    standing.region = profile.region.as_ref().map(|region| region.as_str().to_owned());
    profile.time_zone.as_str().clone_into(&mut standing.time_zone);
    profile.locale.as_str().clone_into(&mut standing.locale);
    let current = account.consents.iter().filter(|consent: &&Consent| consent.withdrawn_us.is_none());
    standing.consents = current.map(|consent| consent.purpose.as_str().to_owned()).collect();
    standing.roles = roles(account);
    standing.privacy = Some(p::Privacy {
        audiences: wire::audiences_out(&account.privacy.audiences),
        searchable: account.privacy.searchable,
        board_name: account.privacy.board_name.as_str().to_owned(),
        follow_approval: account.privacy.follow_approval,
        zones: account.privacy.zones.iter().map(wire::zone_out).collect(),
        revision: account.privacy_revision,
    });
    standing
}

pub fn roles(account: &Account) -> Vec<p::Role> {
    let out = |(role, regions): (&Role, &crate::domain::role::Regions)| p::Role {
        role: role.as_str().to_owned(),
        regions: regions.texts(),
    };
    account.roles.iter().map(out).collect()
}

/// The rows of these accounts, as they are at the store's head; unknown ones are absent.
pub async fn rows(db: &Db, ids: &[AccountId]) -> Result<HashMap<AccountId, AccountRow>, DbError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let places: Vec<String> = (1..=ids.len()).map(|place| format!("${place}")).collect();
    let sql = format!(
        "SELECT account_id, email, standing FROM account WHERE account_id IN ({})",
        places.join(", ")
    );
    let rows = db.fetch(&sql, ids.iter().map(|id| Value::from(*id)).collect()).await?;
    rows.iter().map(read).collect()
}

pub async fn row(db: &Db, id: AccountId) -> Result<Option<AccountRow>, DbError> {
    Ok(rows(db, &[id]).await?.remove(&id))
}

fn read(row: &Row) -> Result<(AccountId, AccountRow), DbError> {
    let bytes: bytes::Bytes = row.get(2)?;
    let standing = p::AccountStanding::decode(bytes).map_err(|error| DbError::Column {
        index: 2,
        wanted: "AccountStanding",
        found: error.to_string(),
    })?;
    Ok((row.get(0)?, AccountRow { email: row.get(1)?, standing }))
}

/// A password's hash and since when it holds.
#[derive(Clone, Debug)]
pub struct Credential {
    pub hash: String,
    pub changed_us: i64,
}

pub fn put_credential(id: AccountId, hash: &str, now: jiff::Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO credential (account_id, hash, changed_us) VALUES ($1, $2, $3)
         ON CONFLICT (account_id) DO UPDATE SET hash = excluded.hash, changed_us = excluded.changed_us",
        args![id, hash, micros(now)],
    )
}

pub async fn credential(db: &Db, id: AccountId) -> Result<Option<Credential>, DbError> {
    let row =
        db.fetch_one("SELECT hash, changed_us FROM credential WHERE account_id = $1", args![id]).await?;
    row.map(|row| Ok(Credential { hash: row.get(0)?, changed_us: row.get(1)? })).transpose()
}

/// The same password under newer parameters; a password changed meanwhile stays.
pub async fn rehash(db: &Db, id: AccountId, old: &str, new: &str) -> Result<(), DbError> {
    db.execute("UPDATE credential SET hash = $3 WHERE account_id = $1 AND hash = $2", args![id, old, new])
        .await?;
    Ok(())
}
