//! Sign-up, first half: what was said is kept until the mailed code comes back.
//!
//! A known address gets the same answer after the same work; its owner gets another mail.

use kernel::{Code, FieldError, Refusal};
use prost::Message;
use proto::auth as p;
use uuid::Uuid;

use super::{App, CODE_S};
use crate::{
    domain::{
        profile,
        sign_up::{self, SignUp},
    },
    error::Result,
    letters,
    secrets::{random, six_digits},
    store::{
        accounts,
        codes::{self, Registration},
        throttle::Throttle,
    },
};

/// The sign-up as the domain reads it.
pub(crate) fn said(request: &p::RegisterRequest) -> sign_up::Said {
    sign_up::Said {
        email: request.email.clone(),
        profile: profile::Said {
            display_name: Some(request.display_name.clone()).filter(|name| !name.is_empty()),
            handle: request.handle.clone(),
            birth_year: request.birth_year,
            sex: request.sex.clone(),
            country: request.country.clone(),
            region: request.region.clone(),
            time_zone: request.time_zone.clone(),
            locale: request.locale.clone(),
        },
        consents: request
            .consents
            .iter()
            .map(|consent| (consent.purpose.clone(), consent.text_version.clone()))
            .collect(),
        guardian_email: request.guardian_email.clone(),
    }
}

/// Where a waiting sign-up belongs: it opens in no other row.
pub(crate) fn about(registration_id: Uuid) -> Vec<u8> {
    [b"registration".as_slice(), registration_id.as_bytes()].concat()
}

impl App {
    pub async fn register(&self, address: &str, request: p::RegisterRequest) -> Result<p::RegisterResponse> {
        let sign_up = sign_up::parse(&said(&request), self.now())?;
        self.require_free_handle(&sign_up).await?;
        let turn = self.passwords.turn().await?;
        let throttle = Throttle { scope: "sign_up", of: address, limit: self.config.sign_ups_per_hour };
        self.check(throttle).await?;
        let checked = sign_up.clone();
        let hash =
            turn.hash(&request.password, move |password| sign_up::check_password(&checked, password)).await?;
        // Within the turn, so that few can pass the check together; a sign-up that is refused does not count.
        self.count(throttle).await?;
        drop(turn);
        let registration_id = Uuid::new_v4();
        // What waits is the request itself with the hash in the password's place: it is read again by the same rules.
        let waiting = p::RegisterRequest { password: hash, ..request };
        self.wait_for_code(registration_id, &sign_up, &waiting).await?;
        let registration_id = bytes::Bytes::copy_from_slice(registration_id.as_bytes());
        Ok(p::RegisterResponse { registration_id, expires_in: CODE_S })
    }

    /// Handles are public: that one is taken may be told at once.
    async fn require_free_handle(&self, sign_up: &SignUp) -> Result<()> {
        if !sign_up.handle_chosen {
            return Ok(());
        }
        let key = sign_up.profile.handle.skeleton();
        let holder =
            self.journal.store().claimed_by(accounts::HANDLE, &key).await.map_err(eventing::Error::from)?;
        if holder.is_some() { Err(handle_taken().into()) } else { Ok(()) }
    }

    async fn wait_for_code(&self, id: Uuid, sign_up: &SignUp, waiting: &p::RegisterRequest) -> Result<()> {
        let now = self.now();
        let known = self.holder_of(sign_up.email.as_str()).await?.is_some();
        let code = six_digits()?;
        let guardian_code = six_digits()?;
        // No code fits a known address: what is kept is the hash of something else.
        let expected = if known { hex::encode(random::<16>()?) } else { code.clone() };
        let guardian_hash =
            || self.code_hash(&[id.as_bytes().as_slice(), b"guardian"].concat(), &guardian_code);
        let now_us = self.now_us();
        let registration = Registration {
            id,
            code_hash: self.code_hash(id.as_bytes(), &expected),
            guardian_code_hash: sign_up.guardian.as_ref().map(|_| guardian_hash()),
            sealed: self.secrets.wrap(&about(id), &waiting.encode_to_vec())?,
            created_us: now_us,
            expires_us: now_us + i64::from(CODE_S) * 1_000_000,
        };
        codes::put_registration(&self.db, registration).await?;
        let locale = &sign_up.profile.locale;
        let name = id.to_string();
        let letter = if known {
            letters::known_already(&sign_up.email, locale)
        } else {
            letters::sign_up(&sign_up.email, locale, &code, &name)
        };
        if self.may_mail(sign_up.email.as_str()).await? {
            self.mail.send(letter, now).await?;
        } else {
            self.mail.pretend(letter, now).await?;
        }
        if let Some(guardian) = &sign_up.guardian {
            let letter = letters::guardian(guardian, locale, &guardian_code, &name);
            if !known && self.may_mail(guardian.as_str()).await? {
                self.mail.send(letter, now).await?;
            } else {
                self.mail.pretend(letter, now).await?;
            }
        }
        Ok(())
    }

    /// Nobody's mailbox is flooded in our name. Refused silently: the limit would tell who was mailed.
    pub(crate) async fn may_mail(&self, email: &str) -> Result<bool> {
        let throttle = Throttle { scope: "mail", of: email, limit: self.config.mails_per_hour };
        Ok(throttle.count(&self.db, &self.secrets, self.now_us()).await?.is_ok())
    }
}

pub(crate) fn handle_taken() -> Refusal {
    let mut refusal = Refusal::new(Code::InvalidField, "this handle, or one that looks like it, is taken");
    refusal.fields.push(FieldError {
        pointer: "/handle".to_owned(),
        code: "taken".to_owned(),
        detail: refusal.detail.clone(),
    });
    refusal
}
