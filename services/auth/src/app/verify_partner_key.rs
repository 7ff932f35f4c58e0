//! A partner's signature (Standard Webhooks v1): `HMAC-SHA256(secret, "{id}.{timestamp}.{body}")`.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::{Code, Refusal};
use proto::auth as p;

use super::{App, same};
use crate::{error::Result, store::partners, wire};

/// How far the partner's clock may be from ours.
const WINDOW_S: i64 = 5 * 60;
/// Signatures looked at: a partner that changes its secret sends two.
const SIGNATURES_MAX: usize = 8;
const ID_BYTES_MAX: usize = 256;

/// Where a partner's wrapped secret belongs.
pub(crate) fn about(key_id: &str) -> Vec<u8> {
    [b"partner".as_slice(), key_id.as_bytes()].concat()
}

impl App {
    /// `bad_signature` for everything that is wrong with it: an unknown key is not told from a wrong signature.
    pub async fn verify_partner_key(
        &self,
        request: &p::VerifyPartnerKeyRequest,
    ) -> Result<p::VerifyPartnerKeyResponse> {
        let timestamp: i64 = request.webhook_timestamp.parse().map_err(|_| refused())?;
        let fresh = (timestamp.saturating_sub(self.now().as_second())).abs() <= WINDOW_S;
        let id_fits = (1..=ID_BYTES_MAX).contains(&request.webhook_id.len());
        let partner = partners::by_key(&self.db, &request.key_id).await?;
        let partner = partner.filter(|_| fresh && id_fits).ok_or_else(refused)?;
        let secret = self.secrets.unwrap(&about(&partner.key_id), &partner.secret)?;
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &secret));
        context.update(format!("{}.{}.", request.webhook_id, request.webhook_timestamp).as_bytes());
        context.update(&request.body);
        let expected = context.sign();
        let signatures = request.webhook_signature.split(' ').take(SIGNATURES_MAX);
        let given = signatures.filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok());
        let right = given.fold(false, |right, given| right | same(expected.as_ref(), &given));
        if !right {
            return Err(refused().into());
        }
        Ok(p::VerifyPartnerKeyResponse {
            partner_id: wire::bytes(partner.id),
            name: partner.name,
            regions: partner.regions,
        })
    }
}

fn refused() -> Refusal {
    Refusal::new(Code::BadSignature, "the signature, its time or its key is not right")
}
