//! A watch asks to be paired (RFC 8628 § 3.1).

use proto::auth as p;

use super::App;
use crate::{
    app::session::device_name,
    error::Result,
    store::{
        devices::{self, Grant},
        sessions::DEVICE,
        throttle::Throttle,
    },
    tokens,
};

const GRANT_S: u32 = 15 * 60;
const INTERVAL_S: u32 = 5;
/// Pairings begun from one address in an hour: a household has few watches, a race office some.
const STARTS_PER_HOUR: u32 = 200;

impl App {
    pub async fn start_device_authorization(
        &self,
        address: &str,
        request: p::StartDeviceAuthorizationRequest,
    ) -> Result<p::StartDeviceAuthorizationResponse> {
        let error = |error: &str| p::StartDeviceAuthorizationResponse {
            error: error.to_owned(),
            ..Default::default()
        };
        if request.client_id != DEVICE.id {
            return Ok(error("invalid_client"));
        }
        if request.scope.as_deref().is_some_and(|scope| !scope.is_empty() && scope != DEVICE.scope) {
            return Ok(error("invalid_scope"));
        }
        self.count(Throttle { scope: "device_start", of: address, limit: STARTS_PER_HOUR }).await?;
        let (device_code, user_code) = (tokens::device_code()?, tokens::user_code()?);
        let typed = tokens::typed_user_code(&user_code).unwrap_or_default();
        let grant = Grant {
            device_hash: tokens::hash(&device_code),
            user_hash: self.code_hash(b"user_code", &typed),
            client_id: request.client_id,
            device_name: device_name(request.device_name.as_deref()),
            interval_s: i64::from(INTERVAL_S),
            expires_us: self.now_us() + i64::from(GRANT_S) * 1_000_000,
        };
        devices::put(&self.db, grant, DEVICE.scope).await?;
        Ok(p::StartDeviceAuthorizationResponse {
            device_code,
            user_code,
            expires_in: GRANT_S,
            interval: INTERVAL_S,
            error: String::new(),
        })
    }
}
