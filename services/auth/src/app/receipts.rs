//! Signed receipts of consents (in the terms of ISO/IEC TS 27560).

use kernel::{AccountId, time::micros};
use serde::Serialize;
use uuid::Uuid;

use super::App;
use crate::{
    domain::{
        consent::{Agreement, Consent, GivenBy},
        profile::Locale,
    },
    error::Result,
    secrets::sha256,
    tokens::RECEIPT_TYP,
};

#[derive(Serialize)]
struct Receipt<'a> {
    iss: &'a str,
    sub: String,
    jti: String,
    iat: i64,
    purpose: &'a str,
    text_version: &'a str,
    text_hash: String,
    locale: &'a str,
    given_by: &'a str,
    lawful_basis: &'a str,
    data_classes: &'a [&'a str],
}

impl App {
    /// A consent given now, with its receipt.
    pub(crate) fn receipt(
        &self,
        account_id: AccountId,
        agreement: &Agreement,
        locale: &Locale,
        given_by: GivenBy,
    ) -> Result<Consent> {
        let now = self.now();
        let receipt_id = Uuid::new_v4();
        let purpose = agreement.purpose;
        let text = format!("{}/{}/{}", purpose.as_str(), agreement.text_version, locale.as_str());
        let text_hash = sha256(text.as_bytes());
        let claims = Receipt {
            iss: &self.config.token_issuer,
            sub: account_id.to_string(),
            jti: receipt_id.to_string(),
            iat: now.as_second(),
            purpose: purpose.as_str(),
            text_version: &agreement.text_version,
            text_hash: hex::encode(text_hash),
            locale: locale.as_str(),
            given_by: given_by.as_str(),
            lawful_basis: purpose.lawful_basis(),
            data_classes: purpose.data_classes(),
        };
        Ok(Consent {
            receipt_id,
            purpose,
            text_version: agreement.text_version.clone(),
            text_hash: text_hash.to_vec(),
            locale: locale.clone(),
            given_by,
            lawful_basis: purpose.lawful_basis().to_owned(),
            receipt: self.signing.sign(RECEIPT_TYP, &claims, micros(now))?,
            given_us: micros(now),
            withdrawn_us: None,
        })
    }
}
