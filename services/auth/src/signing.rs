//! The keys that sign access tokens and receipts: kept wrapped, published ahead of their use, changed monthly.

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use eventing::{Db, args, sql::DbError};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    jws,
    secrets::{Secrets, SecretsError, random},
};

/// How long a key signs before the next one does.
const SIGNS_US: i64 = 30 * 24 * 3600 * 1_000_000;
/// How long a key is published before it signs.
const AHEAD_US: i64 = 24 * 3600 * 1_000_000;

#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    #[error("a signing key is not usable")]
    BadKey,
    #[error("there is no signing key")]
    NoKey,
    #[error("the claims cannot be written: {0}")]
    Claims(#[from] serde_json::Error),
}

/// A published key.
#[derive(Clone)]
pub struct Published {
    pub kid: String,
    pub public: Vec<u8>,
    pub active_us: i64,
}

struct Key {
    published: Published,
    /// Gone once a newer key has taken over.
    pair: Option<Ed25519KeyPair>,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Signing {
    db: Db,
    secrets: Secrets,
    /// By the time from which they sign, ascending.
    keys: Arc<RwLock<Vec<Key>>>,
}

impl Signing {
    /// Reads the keys, and makes the first one in a new installation.
    pub async fn open(db: Db, secrets: Secrets, now_us: i64) -> Result<Self, SigningError> {
        let signing = Self { db, secrets, keys: Arc::default() };
        signing.maintain(now_us).await?;
        Ok(signing)
    }

    /// Takes over what other nodes made, publishes the next key a day ahead, and forgets the secret of those that sign
    /// no more; their public halves stay, since receipts are for long.
    pub async fn maintain(&self, now_us: i64) -> Result<(), SigningError> {
        let newest_us = self.newest_us().await?;
        match newest_us {
            None => self.make(now_us, i64::MIN).await?,
            Some(newest_us) if newest_us + SIGNS_US - AHEAD_US <= now_us => {
                self.make((newest_us + SIGNS_US).max(now_us + AHEAD_US), newest_us).await?;
            }
            Some(_) => {}
        }
        self.db
            .execute(
                "UPDATE signing_key SET wrapped = NULL WHERE wrapped IS NOT NULL AND active_us <
                 (SELECT MAX(active_us) FROM signing_key WHERE active_us <= $1)",
                args![now_us - AHEAD_US],
            )
            .await?;
        let keys = self.read().await?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    async fn newest_us(&self) -> Result<Option<i64>, SigningError> {
        let row = self.db.fetch_one("SELECT MAX(active_us) FROM signing_key", vec![]).await?;
        Ok(row.map(|row| row.get(0)).transpose()?.flatten())
    }

    /// Makes the key that follows `newest_us`, unless somebody else has just made it.
    async fn make(&self, active_us: i64, newest_us: i64) -> Result<(), SigningError> {
        let kid = hex::encode(random::<8>()?);
        let pair = Ed25519KeyPair::generate().map_err(|_| SigningError::BadKey)?;
        let pkcs8 = pair.to_pkcs8().map_err(|_| SigningError::BadKey)?;
        let wrapped = self.secrets.wrap(kid.as_bytes(), pkcs8.as_ref())?;
        self.db
            .execute(
                "INSERT INTO signing_key (kid, public, wrapped, active_us) SELECT $1, $2, $3, $4
                 WHERE NOT EXISTS (SELECT 1 FROM signing_key WHERE active_us > $5)",
                args![kid, pair.public_key().as_ref(), wrapped, active_us, newest_us],
            )
            .await?;
        Ok(())
    }

    async fn read(&self) -> Result<Vec<Key>, SigningError> {
        let rows = self
            .db
            .fetch("SELECT kid, public, wrapped, active_us FROM signing_key ORDER BY active_us, kid", vec![])
            .await?;
        let mut keys = Vec::with_capacity(rows.len());
        for row in rows {
            let published = Published { kid: row.get(0)?, public: row.get(1)?, active_us: row.get(3)? };
            let wrapped: Option<Vec<u8>> = row.get(2)?;
            let pair = wrapped.map(|wrapped| {
                let pkcs8 = self.secrets.unwrap(published.kid.as_bytes(), &wrapped)?;
                Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(|_| SigningError::BadKey)
            });
            keys.push(Key { pair: pair.transpose()?, published });
        }
        Ok(keys)
    }

    /// Everything that may have signed something, or soon will.
    pub fn published(&self) -> Vec<Published> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.iter().map(|key| key.published.clone()).collect()
    }

    /// Signs with the newest key whose time has come; with the first of all when the clock was set back behind that one's.
    pub fn sign<C: Serialize>(&self, typ: &str, claims: &C, now_us: i64) -> Result<String, SigningError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let (come, to_come): (Vec<&Key>, Vec<&Key>) =
            keys.iter().partition(|key| key.published.active_us <= now_us);
        let mut usable = come.into_iter().rev().chain(to_come);
        let key = usable.find_map(|key| Some((key.pair.as_ref()?, &key.published.kid)));
        let (pair, kid) = key.ok_or(SigningError::NoKey)?;
        Ok(jws::sign(pair, kid, typ, claims)?)
    }

    /// The claims of what one of these keys signed.
    pub fn opened<C: DeserializeOwned>(&self, token: &str, typ: &str) -> Option<C> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let public = |kid: &str| {
            keys.iter().find(|key| key.published.kid == kid).map(|key| key.published.public.clone())
        };
        jws::open(token, typ, public)
    }
}
