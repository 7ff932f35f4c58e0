//! What the run earns: XP, a level, a badge that explains itself, and an offer.

use anyhow::{Context, ensure};
use serde_json::Value;

use super::{
    door::until,
    journey::{Journey, only, text},
};

const FIRST_RUN: &str = "first_run";

impl Journey {
    pub(super) async fn earn_badge(&mut self) -> anyhow::Result<String> {
        let token = self.told.athlete.token.clone();
        let has_badge = |badge: &str, items: &[Value]| items.iter().any(|one| text(one, "badge") == badge);
        let earned = until(
            || self.cast.door.get("/v1/me/achievements").with(&token),
            |answer| has_badge(FIRST_RUN, answer.items()),
        );
        let earned = earned.await?;
        let progress = until(
            || self.cast.door.get("/v1/me/progress").with(&token),
            |answer| answer.number("/xp").is_ok_and(|xp| xp > 0.0),
        );
        let progress = progress.await?;
        self.told.xp = progress.number("/xp")?;
        self.told.achievement_ids = earned.items().iter().map(|one| text(one, "id").to_owned()).collect();
        let first = earned.items().iter().find(|one| text(one, "badge") == FIRST_RUN).context("no badge")?;
        self.explained(text(first, "id")).await?;
        let level = progress.number("/level")?;
        Ok(format!("{} XP, level {level}, badge {FIRST_RUN}, explained by the run", self.told.xp))
    }

    async fn explained(&self, achievement_id: &str) -> anyhow::Result<()> {
        let path = format!("/v1/achievements/{achievement_id}/explanation");
        let why = self.cast.door.get(&path).with(&self.told.athlete.token).expect(200).await?;
        ensure!(why.text("/because/0/activity_id")? == self.told.activity_id, "another cause: {}", why.json);
        Ok(())
    }

    /// The same XP and the same badges, each once.
    pub(super) async fn badge_holds(&self) -> anyhow::Result<()> {
        let token = &self.told.athlete.token;
        let progress = self.cast.door.get("/v1/me/progress").with(token).expect(200).await?;
        let difference = (progress.number("/xp")? - self.told.xp).abs();
        ensure!(difference < f64::EPSILON, "other XP: {}", progress.json);
        let badges = self.cast.door.get("/v1/me/achievements").with(token).expect(200).await?;
        let ids: Vec<&str> = badges.items().iter().map(|one| text(one, "id")).collect();
        ensure!(ids == self.told.achievement_ids, "other badges: {}", badges.json);
        Ok(())
    }

    pub(super) async fn earn_offer(&mut self) -> anyhow::Result<String> {
        let token = self.told.athlete.token.clone();
        let held =
            until(|| self.cast.door.get("/v1/me/offers").with(&token), |answer| !answer.items().is_empty());
        self.told.offer_id = held.await?.text("/items/0/id")?;
        let offer = only(self.cast.door.get("/v1/me/offers").with(&token)).await?;
        ensure!(text(&offer, "promo_id") == self.told.promo_id, "of another promo: {offer}");
        Ok(format!("{} % off, because {}", super::journey::PERCENT, text(&offer, "because")))
    }

    /// One offer, still the same.
    pub(super) async fn offer_holds(&self) -> anyhow::Result<()> {
        let offer = only(self.cast.door.get("/v1/me/offers").with(&self.told.athlete.token)).await?;
        ensure!(text(&offer, "id") == self.told.offer_id, "another offer: {offer}");
        Ok(())
    }

    pub(super) async fn see_recommendation(&mut self) -> anyhow::Result<String> {
        let token = self.told.athlete.token.clone();
        let offer_id = self.told.offer_id.clone();
        let seen = until(
            || self.cast.door.get("/v1/me/recommendations").with(&token),
            |answer| answer.items().iter().any(|one| text(one, "offer_id") == offer_id),
        );
        let seen = seen.await?;
        let one = seen.items().iter().find(|one| text(one, "offer_id") == self.told.offer_id);
        let one = one.context("no recommendation for the offer")?;
        let product = one.get("product").context("a recommendation without a product")?;
        self.told.product_id = text(product, "id").to_owned();
        ensure!(!text(one, "reason").is_empty(), "no reason: {one}");
        Ok(format!("{}: {}", text(product, "title"), text(one, "reason")))
    }
}
