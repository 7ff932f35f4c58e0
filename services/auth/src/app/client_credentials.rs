//! A partner's own token (RFC 6749 § 4.4): its key id and secret.

use base64::{Engine, engine::general_purpose::STANDARD};
use proto::auth::{self as p, token_response::Outcome};

use super::{App, poll_device_token::error, same};
use crate::{
    app::verify_partner_key::about,
    error::Result,
    store::{partners, throttle::Throttle},
    tokens::{ACCESS_TYP, PARTNER_PREFIX},
};

/// What a partner's token permits.
const SCOPE: &str = "partner";

impl App {
    pub async fn client_credentials(
        &self,
        address: &str,
        request: p::ClientCredentialsRequest,
    ) -> Result<p::TokenResponse> {
        if request.scope.as_deref().is_some_and(|scope| !scope.is_empty() && scope != SCOPE) {
            return Ok(error("invalid_scope"));
        }
        let limit = self.config.failed_logins_per_hour;
        let throttle = Throttle { scope: "client_address", of: address, limit };
        self.check(throttle).await?;
        let partner = partners::by_key(&self.db, &request.client_id).await?;
        let given =
            request.client_secret.strip_prefix(PARTNER_PREFIX).and_then(|text| STANDARD.decode(text).ok());
        let known = match &partner {
            Some(partner) => Some(self.secrets.unwrap(&about(&partner.key_id), &partner.secret)?),
            None => None,
        };
        let right = known.zip(given).is_some_and(|(known, given)| same(&known, &given));
        let Some(partner) = partner.filter(|_| right) else {
            let _ = throttle.count(&self.db, &self.secrets, self.now_us()).await?;
            return Ok(error("invalid_client"));
        };
        let claims = self.claims(&partner.id.to_string(), &partner.key_id, SCOPE);
        let session = p::Session {
            access_token: self.signing.sign(ACCESS_TYP, &claims, self.now_us())?,
            token_type: "Bearer".to_owned(),
            expires_in: self.config.access_token_s,
            scope: SCOPE.to_owned(),
            ..p::Session::default()
        };
        Ok(p::TokenResponse { outcome: Some(Outcome::Session(session)) })
    }
}
