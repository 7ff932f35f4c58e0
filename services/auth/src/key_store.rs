//! Data keys per (subject, class): made at sign-up, served to siblings, destroyed for ever.

mod consented;

pub use consented::{destroying, tell_destroyed};

use std::collections::HashMap;

use async_trait::async_trait;
use eventing::{
    Db, Plain, Topic, args, outbox,
    sealing::{Class, DataKey, KeyAnswer, KeyRing, KeyWanted, SealingError},
    sql::{DbError, Value},
};
use proto::auth as p;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::secrets::{Secrets, SecretsError, random};

/// The classes of which every account has a key.
pub const CLASSES: [Class; 5] =
    [Class::Identity, Class::Activity, Class::Health, Class::Content, Class::Device];

/// Subjects asked for in one statement.
const SUBJECTS_MAX: usize = 200;

/// State topic of destroyed keys: whoever keeps a key near forgets it.
pub fn destroyed_topic() -> Topic {
    Topic::state("auth", "destroyed_keys")
}

#[derive(Debug, thiserror::Error)]
pub enum KeyStoreError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Secrets(#[from] SecretsError),
}

impl From<KeyStoreError> for SealingError {
    fn from(error: KeyStoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// One version of a key as the store holds it; `key` is `None` once it was destroyed.
#[derive(Clone)]
pub struct Kept {
    pub subject: Uuid,
    pub class: Class,
    pub version: u32,
    pub key: Option<Zeroizing<[u8; 32]>>,
}

/// The store; cheap to clone.
#[derive(Clone)]
pub struct KeyStore {
    db: Db,
    secrets: Secrets,
}

impl KeyStore {
    pub fn new(db: Db, secrets: Secrets) -> Self {
        Self { db, secrets }
    }

    /// Keys of all classes for a new subject. One that has keys already, even destroyed ones, keeps them.
    pub async fn create(&self, subject: Uuid, now_us: i64) -> Result<(), KeyStoreError> {
        self.create_all(&[subject], now_us).await
    }

    /// As [`KeyStore::create`], for many new subjects in one transaction.
    pub async fn create_all(&self, subjects: &[Uuid], now_us: i64) -> Result<(), KeyStoreError> {
        let mut rows = Vec::with_capacity(subjects.len() * CLASSES.len());
        for subject in subjects {
            for class in CLASSES {
                let key = Zeroizing::new(random::<32>()?);
                let wrapped = self.secrets.wrap(&about(*subject, class, 1), key.as_slice())?;
                rows.push((*subject, class, wrapped));
            }
        }
        self.db
            .transact(move |tx| {
                Box::pin(async move {
                    for (subject, class, wrapped) in rows {
                        tx.execute(
                            "INSERT INTO subject_key (subject, class, version, wrapped, created_us)
                             VALUES ($1, $2, 1, $3, $4) ON CONFLICT DO NOTHING",
                            args![subject, class as i32, wrapped, now_us],
                        )
                        .await?;
                    }
                    Ok::<_, DbError>(())
                })
            })
            .await?;
        Ok(())
    }

    /// Destroys every version of the subject's keys of these classes and tells everybody. Doing it again changes
    /// nothing; a key that is gone never comes back.
    pub async fn destroy(&self, subject: Uuid, classes: &[Class], now_us: i64) -> Result<(), KeyStoreError> {
        let classes = classes.to_vec();
        self.db
            .transact(move |tx| {
                Box::pin(async move {
                    for class in classes {
                        let rows = tx
                            .fetch(
                                "UPDATE subject_key SET wrapped = NULL, destroyed_us = $3
                                 WHERE subject = $1 AND class = $2 AND destroyed_us IS NULL RETURNING version",
                                args![subject, class as i32, now_us],
                            )
                            .await?;
                        let versions = rows.iter().map(|row| row.get::<i64>(0)).collect::<Result<Vec<_>, _>>()?;
                        if let Some(version) = versions.into_iter().max() {
                            let value = Plain::of(&destroyed(subject, class, version));
                            let key = destroyed_key(subject, class);
                            outbox::put(tx, &destroyed_topic(), &key, &subject.to_string(), version, &value).await?;
                        }
                    }
                    Ok::<_, DbError>(())
                })
            })
            .await?;
        Ok(())
    }

    /// Every version of the keys of these subjects, ascending.
    pub async fn read(&self, subjects: &[Uuid]) -> Result<Vec<Kept>, KeyStoreError> {
        let mut kept = Vec::new();
        for some in subjects.chunks(SUBJECTS_MAX) {
            let places: Vec<String> = (1..=some.len()).map(|place| format!("${place}")).collect();
            let sql = format!(
                "SELECT subject, class, version, wrapped FROM subject_key WHERE subject IN ({})
                 ORDER BY subject, class, version",
                places.join(", ")
            );
            let subjects: Vec<Value> = some.iter().map(|subject| Value::from(*subject)).collect();
            for row in self.db.fetch(&sql, subjects).await? {
                kept.push(self.open(row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)?);
            }
        }
        Ok(kept)
    }

    fn open(
        &self,
        subject: Uuid,
        class: i64,
        version: u32,
        wrapped: Option<Vec<u8>>,
    ) -> Result<Kept, KeyStoreError> {
        let class =
            i32::try_from(class).ok().and_then(|class| Class::try_from(class).ok()).unwrap_or_default();
        let key = wrapped.map(|wrapped| {
            let bytes = self.secrets.unwrap(&about(subject, class, version), &wrapped)?;
            <[u8; 32]>::try_from(bytes.as_slice()).map(Zeroizing::new).map_err(|_| SecretsError::DoesNotOpen)
        });
        Ok(Kept { subject, class, version, key: key.transpose()? })
    }

    /// Destroyed keys after a key of the state topic, in its order, for siblings that begin anew.
    pub async fn destroyed_page(
        &self,
        after_key: &str,
        max: usize,
    ) -> Result<Vec<p::DestroyedKey>, KeyStoreError> {
        let (subject, class) = parse_destroyed_key(after_key);
        let rows = self
            .db
            .fetch(
                "SELECT subject, class, MAX(version) FROM subject_key
                 WHERE destroyed_us IS NOT NULL AND (subject, class) > ($1, $2)
                 GROUP BY subject, class ORDER BY subject, class LIMIT $3",
                args![subject, class, i64::try_from(max).unwrap_or(i64::MAX)],
            )
            .await?;
        let read = |row: &eventing::Row| {
            let class =
                Class::try_from(i32::try_from(row.get::<i64>(1)?).unwrap_or_default()).unwrap_or_default();
            Ok::<_, DbError>(destroyed(row.get(0)?, class, row.get(2)?))
        };
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }
}

fn destroyed(subject: Uuid, class: Class, version: i64) -> p::DestroyedKey {
    p::DestroyedKey {
        subject: bytes::Bytes::copy_from_slice(subject.as_bytes()),
        class: class.into(),
        version: u32::try_from(version).unwrap_or(u32::MAX),
    }
}

pub(crate) fn destroyed_key(subject: Uuid, class: Class) -> String {
    format!("{subject}/{}", class as i32)
}

/// The beginning, where the text is no such key.
fn parse_destroyed_key(key: &str) -> (Uuid, i32) {
    let parsed =
        key.split_once('/').and_then(|(subject, class)| Some((subject.parse().ok()?, class.parse().ok()?)));
    parsed.unwrap_or_default()
}

/// Where a wrapped key belongs: it opens in no other row.
fn about(subject: Uuid, class: Class, version: u32) -> Vec<u8> {
    let class = class as i32;
    [b"data-key".as_slice(), subject.as_bytes(), &class.to_be_bytes(), &version.to_be_bytes()].concat()
}

#[async_trait]
impl KeyRing for KeyStore {
    async fn keys(&self, wanted: &[KeyWanted]) -> Result<Vec<KeyAnswer>, SealingError> {
        let mut subjects: Vec<Uuid> = wanted.iter().map(|wanted| wanted.subject).collect();
        subjects.sort_unstable();
        subjects.dedup();
        let mut by_name: HashMap<(Uuid, Class), Vec<Kept>> = HashMap::new();
        for kept in self.read(&subjects).await? {
            by_name.entry((kept.subject, kept.class)).or_default().push(kept);
        }
        let answer = |wanted: &KeyWanted| {
            let versions =
                by_name.get(&(wanted.subject, wanted.class)).map(Vec::as_slice).unwrap_or_default();
            let found = match wanted.version {
                Some(version) => versions.iter().find(|kept| kept.version == version),
                None => versions.last(),
            };
            match found {
                None => KeyAnswer::Unknown,
                Some(Kept { key: None, .. }) => KeyAnswer::Destroyed,
                Some(Kept { key: Some(key), version, .. }) => {
                    KeyAnswer::Key(DataKey { version: *version, key: key.clone() })
                }
            }
        };
        Ok(wanted.iter().map(answer).collect())
    }
}
