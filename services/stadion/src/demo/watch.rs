//! The watch: paired by RFC 8628, it can ingest and nothing else.

use anyhow::ensure;
use serde_json::json;

use super::journey::Journey;

const CLIENT: &str = "stadion-device";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

impl Journey {
    pub(super) async fn pair_watch(&mut self) -> anyhow::Result<String> {
        let wanted = [("client_id", CLIENT), ("scope", "activity:ingest"), ("device_name", "Synth")];
        let pairing = self.cast.door.post("/oauth/device_authorization").form(&wanted).expect(200).await?;
        let user_code = pairing.text("/user_code")?;
        let approval = json!({ "user_code": user_code });
        let approve = self.cast.door.post("/v1/me/device-approvals").with(&self.told.athlete.token);
        approve.json(&approval).expect(204).await?;
        let device_code = pairing.text("/device_code")?;
        let polled = [("grant_type", GRANT), ("device_code", device_code.as_str()), ("client_id", CLIENT)];
        let token = self.cast.door.post("/oauth/token").form(&polled).expect(200).await?;
        self.told.watch_token = token.text("/access_token")?;
        self.watch_holds().await?;
        Ok(format!("she approved the code {user_code}; its token may ingest and is refused to read"))
    }

    /// The ingest token reads nothing.
    pub(super) async fn watch_holds(&self) -> anyhow::Result<()> {
        for path in ["/v1/activities", "/v1/me"] {
            let refused = self.cast.door.get(path).with(&self.told.watch_token).expect(403).await?;
            ensure!(refused.text("/code")? == "insufficient_scope", "{path}: {}", refused.json);
        }
        Ok(())
    }
}
