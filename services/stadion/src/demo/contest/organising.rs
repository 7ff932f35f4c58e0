//! The challenge: drafted, looked at, opened; who may joins, who may not learns why.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::Contest;
use crate::demo::{
    cast::{ALMATY, BISHKEK, Cast, Home, Person},
    door::until,
};

impl Contest {
    pub(super) async fn appoint_organisers(&mut self) -> anyhow::Result<String> {
        self.told.operator = self.cast.make_operator().await?;
        let operator = &self.told.operator;
        self.told.marketer = self.cast.appoint_marketer("organiser", operator, ALMATY.region).await?;
        self.cast.has_role(&self.told.marketer, "marketer").await?;
        Ok(format!("{} may act in {}", self.told.marketer.email, ALMATY.region))
    }

    pub(super) async fn sign_athletes_up(&mut self) -> anyhow::Result<String> {
        self.told.dana = self.athlete("Dana", ALMATY).await?;
        self.told.marat = self.athlete("Marat", ALMATY).await?;
        self.told.saule = self.athlete("Saule", ALMATY).await?;
        self.told.timur = self.athlete("Timur", ALMATY).await?;
        self.told.bakyt = self.athlete("Bakyt", BISHKEK).await?;
        Ok(format!("four in {}, one in {}", ALMATY.region, BISHKEK.region))
    }

    async fn athlete(&self, who: &str, home: Home) -> anyhow::Result<Person> {
        self.cast.sign_up(who, home, &["terms", "health_data"]).await
    }

    pub(super) async fn open_challenge(&mut self) -> anyhow::Result<String> {
        let token = self.told.marketer.token.clone();
        let draft =
            self.cast.door.post("/v1/challenges").with(&token).json(&terms(&self.cast)?).expect(201).await?;
        self.told.challenge_id = draft.text("/id")?;
        ensure!(draft.text("/state")? == "draft", "it is no draft: {}", draft.json);
        let hidden = self.cast.door.get(&self.challenge("")).with(&self.told.dana.token).expect(404).await?;
        ensure!(hidden.text("/code")? == "not_found", "a draft is shown: {}", hidden.json);
        let preview = self.cast.door.get(&self.challenge("/preview")).with(&token).expect(200).await?;
        self.cast.door.post(&self.challenge("/open")).with(&token).json(&json!({})).expect(200).await?;
        self.challenge_holds().await?;
        Ok(format!(
            "running in {}, ten days old, ten to go; previewed over {} accounts",
            ALMATY.region,
            preview.number("/accounts_looked_at").unwrap_or_default()
        ))
    }

    /// It is public, and in the state that was answered last.
    pub(super) async fn challenge_holds(&self) -> anyhow::Result<()> {
        let seen = self.cast.door.get(&self.challenge("")).expect(200).await?;
        let wanted = if self.told.settlement.is_some() { "settled" } else { "open" };
        ensure!(seen.text("/state")? == wanted, "another state: {}", seen.json);
        Ok(())
    }

    pub(super) async fn join(&mut self) -> anyhow::Result<String> {
        for (person, show_as) in [
            (self.told.dana.clone(), "name"),
            (self.told.marat.clone(), "name"),
            (self.told.saule.clone(), "anonymous"),
        ] {
            let wish = json!({ "show_as": show_as, "count_private": false });
            let seat =
                self.cast.door.put(&self.challenge("/participants/me")).with(&person.token).json(&wish);
            let seat = seat.expect(200).await?;
            let again =
                self.cast.door.put(&self.challenge("/participants/me")).with(&person.token).json(&wish);
            let again = again.expect(200).await?;
            ensure!(seat.text("/member")? == again.text("/member")?, "joined twice: {}", again.json);
            self.told.members.insert(person.account_id, seat.text("/member")?);
        }
        let elsewhere = self.cast.door.put(&self.challenge("/participants/me")).with(&self.told.bakyt.token);
        let refused = elsewhere.json(&json!({ "show_as": "name" })).expect(403).await?;
        ensure!(refused.text("/code")? == "not_eligible", "another reason: {}", refused.json);
        let reason = refused.json.pointer("/reasons/0/clause/region_in");
        ensure!(reason == Some(&json!([ALMATY.region])), "no reason: {}", refused.json);
        self.members_hold().await?;
        Ok("three take part, one of them unnamed; the one from elsewhere is told why not".to_owned())
    }

    /// Three seats are taken, and each keeps its number.
    pub(super) async fn members_hold(&self) -> anyhow::Result<()> {
        let seen = until(
            || self.cast.door.get(&self.challenge("")).with(&self.told.dana.token),
            |answer| {
                answer.number("/participants").is_ok_and(|count| count as usize == self.told.members.len())
            },
        );
        let seen = seen.await?;
        let mine = self.told.members.get(&self.told.dana.account_id).context("Dana joined")?;
        ensure!(seen.text("/me/member")? == *mine, "another member: {}", seen.json);
        Ok(())
    }

    /// The path of the challenge, or of something below it.
    pub(super) fn challenge(&self, below: &str) -> String {
        format!("/v1/challenges/{}{below}", self.told.challenge_id)
    }

    /// The path of something on its board.
    pub(super) fn board(&self, what: &str) -> String {
        format!("/v1/boards/{}/{what}", self.told.challenge_id)
    }
}

fn terms(cast: &Cast) -> anyhow::Result<Value> {
    let local =
        |days| anyhow::Ok(cast.days_from_now(days)?.datetime().round(jiff::Unit::Second)?.to_string());
    Ok(json!({
        "name": { "en": "Apple city kilometres", "ru": "Километры города яблок", "kk": "Алма қаласының шақырымдары" },
        "kind": "individual", "metric": "distance_m", "sports": ["running"],
        "window": { "start": local(-10)?, "end": local(10)?, "clock": "instant", "time_zone": ALMATY.time_zone },
        "eligibility": { "region_in": [ALMATY.region] },
        "capacity": 100, "ties": "first", "public": true,
        "rewards": [
            { "places": [1, 1], "points": 500, "badge": "podium" },
            { "places": [2, 3], "points": 200 },
            { "reached": 7_000, "points": 50 },
        ],
    }))
}
