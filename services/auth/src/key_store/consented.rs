//! Keys that live as long as a consent: destroyed and made anew by the very appends that say so.

use eventing::{
    Statement, args, outbox,
    sealing::Class,
    sql::{DbError, Tx},
};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{KeyStore, KeyStoreError, about, destroyed, destroyed_key, destroyed_topic};
use crate::secrets::random;

/// Destroys every version of a key. Those who keep it near are told by [`tell_destroyed`].
pub fn destroying(subject: Uuid, class: Class, now_us: i64) -> Statement {
    Statement::new(
        "UPDATE subject_key SET wrapped = NULL, destroyed_us = $3
         WHERE subject = $1 AND class = $2 AND destroyed_us IS NULL",
        args![subject, class as i32, now_us],
    )
}

impl KeyStore {
    /// A new version, where the newest is destroyed. The append it goes into must be guarded against a withdrawal that
    /// comes between.
    pub async fn renewing(
        &self,
        subject: Uuid,
        class: Class,
        now_us: i64,
    ) -> Result<Option<Statement>, KeyStoreError> {
        let kept = self.read(&[subject]).await?;
        let newest = kept.into_iter().rev().find(|kept| kept.class == class);
        let Some(gone) = newest.filter(|newest| newest.key.is_none()) else { return Ok(None) };
        let version = gone.version + 1;
        let key = Zeroizing::new(random::<32>()?);
        let wrapped = self.secrets.wrap(&about(subject, class, version), key.as_slice())?;
        Ok(Some(Statement::new(
            "INSERT INTO subject_key (subject, class, version, wrapped, created_us)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            args![subject, class as i32, version, wrapped, now_us],
        )))
    }
}

/// Says on the state topic which version of a key, and all before it, is gone.
pub async fn tell_destroyed(tx: &mut dyn Tx, subject: Uuid, class: Class) -> Result<(), DbError> {
    let row = tx
        .fetch_one(
            "SELECT MAX(version) FROM subject_key
             WHERE subject = $1 AND class = $2 AND destroyed_us IS NOT NULL",
            args![subject, class as i32],
        )
        .await?;
    let Some(version) = row.and_then(|row| row.get::<i64>(0).ok()) else { return Ok(()) };
    let value = eventing::Plain::of(&destroyed(subject, class, version));
    let key = destroyed_key(subject, class);
    outbox::put(tx, &destroyed_topic(), &key, &subject.to_string(), version, &value).await
}
