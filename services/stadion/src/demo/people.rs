//! Who takes part: operator, marketers, athlete.

use anyhow::ensure;

use super::{
    cast::ALMATY,
    journey::{Journey, REGION},
};

impl Journey {
    pub(super) async fn make_operator(&mut self) -> anyhow::Result<String> {
        self.told.operator = self.cast.make_operator().await?;
        self.operator_holds().await?;
        Ok(format!("{} set a password with a one-time code", self.told.operator.email))
    }

    pub(super) async fn operator_holds(&self) -> anyhow::Result<()> {
        self.cast.has_role(&self.told.operator, "operator").await
    }

    pub(super) async fn appoint_marketers(&mut self) -> anyhow::Result<String> {
        self.told.writer = self.cast.appoint_marketer("writer", &self.told.operator, REGION).await?;
        self.told.reviewer = self.cast.appoint_marketer("reviewer", &self.told.operator, REGION).await?;
        self.marketers_hold().await?;
        Ok(format!("two accounts signed up by mailed code, both marketers in {REGION}"))
    }

    pub(super) async fn marketers_hold(&self) -> anyhow::Result<()> {
        self.cast.has_role(&self.told.writer, "marketer").await?;
        self.cast.has_role(&self.told.reviewer, "marketer").await
    }

    pub(super) async fn sign_up_athlete(&mut self) -> anyhow::Result<String> {
        let consents = ["terms", "health_data", "promo", "recommendations"];
        self.told.athlete = self.cast.sign_up("aigerim", ALMATY, &consents).await?;
        self.athlete_holds().await?;
        Ok(format!("{} with consents {}", self.told.athlete.email, consents.join(", ")))
    }

    pub(super) async fn athlete_holds(&self) -> anyhow::Result<()> {
        let me = self.cast.door.get("/v1/me").with(&self.told.athlete.token).expect(200).await?;
        ensure!(me.text("/region")? == REGION, "she lives elsewhere: {}", me.json);
        Ok(())
    }
}
