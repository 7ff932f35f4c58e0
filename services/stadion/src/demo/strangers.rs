//! A stranger, who sees only what he may.

use anyhow::ensure;
use serde_json::{Value, json};

use super::journey::Journey;

impl Journey {
    pub(super) async fn let_stranger_look(&mut self) -> anyhow::Result<String> {
        self.told.stranger = self.cast.sign_up("stranger", super::cast::ALMATY, &["terms"]).await?;
        let path = format!("/v1/activities/{}", self.told.activity_id);
        let hidden = self.cast.door.get(&path).with(&self.told.stranger.token).expect(404).await?;
        ensure!(hidden.text("/code")? == "not_found", "he is told more: {}", hidden.json);
        let token = self.told.athlete.token.clone();
        let privacy = self.cast.door.get("/v1/me/privacy").with(&token).expect(200).await?;
        let revision = privacy.headers.get("etag").and_then(|tag| tag.to_str().ok()).unwrap_or_default();
        let shown = json!({ "audiences": { "summary": ["everyone"], "heart_rate": [] } });
        let change = self.cast.door.put("/v1/me/privacy").with(&token).header("If-Match", revision);
        change.json(&shown).expect(200).await?;
        self.privacy_holds().await?;
        Ok("404 at first; the run once she shows it to everyone, and never her heart rate".to_owned())
    }

    /// The run's summary is shown, its heart rate is not.
    pub(super) async fn privacy_holds(&self) -> anyhow::Result<()> {
        let path = format!("/v1/activities/{}", self.told.activity_id);
        let stranger = &self.told.stranger.token;
        let run = self.cast.door.get(&path).with(stranger).expect(200).await?;
        ensure!(run.number("/distance_m")? > 0.0, "he sees nothing: {}", run.json);
        ensure!(run.json.get("heart_rate_avg_bpm").is_none(), "he sees her heart rate: {}", run.json);
        let columns = self
            .cast
            .door
            .get(&format!("{path}/streams?types=time,heart_rate"))
            .with(stranger)
            .send()
            .await?;
        let shown = columns.json.get("heart_rate").and_then(Value::as_array);
        ensure!(shown.is_none(), "he sees her heart rate: {}", columns.json);
        let own = self.cast.door.get(&path).with(&self.told.athlete.token).expect(200).await?;
        ensure!(own.number("/heart_rate_avg_bpm")? > 0.0, "she does not see her own: {}", own.json);
        Ok(())
    }
}
