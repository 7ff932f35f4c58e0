//! The board: always the fold of what was sent; live, corrected, and settled once.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::Contest;
use crate::demo::{
    door::{Answer, until},
    live::Live,
};

/// What it takes to pass Dana.
const PASSING: &str = "M3";

impl Contest {
    /// Members and scores as they must stand: the fold of everything sent that counts.
    fn fold(&self) -> Vec<(String, f64)> {
        let mut scores: Vec<(String, f64)> = Vec::new();
        for (account_id, member) in &self.told.members {
            let own = self.told.workouts.values().filter(|workout| workout.account_id == *account_id);
            scores.push((member.clone(), own.map(|workout| workout.distance_m).sum()));
        }
        scores.retain(|(_, score)| *score > 0.0);
        scores.sort_by(|one, other| other.1.total_cmp(&one.1));
        scores
    }

    /// The board shows the fold, within the moment that it takes to arrive.
    pub(super) async fn board_holds(&self) -> anyhow::Result<()> {
        let wanted = self.fold();
        let top = until(|| self.cast.door.get(&self.board("top")), |answer| is_order(answer, &wanted));
        top.await.with_context(|| format!("the fold is {wanted:?}"))?;
        Ok(())
    }

    pub(super) async fn overtake(&mut self) -> anyhow::Result<String> {
        let (dana, marat) = (self.told.dana.clone(), self.told.marat.clone());
        let member = self.told.members.get(&marat.account_id).cloned().context("Marat joined")?;
        let known = self.told.workouts.contains_key(PASSING) || self.cast.repeated;
        let mut live = Live::open(self.cast.door.get(&self.board("live")).with(&dana.token)).await?;
        live.until("a snapshot", |frame| frame.event == "snapshot").await?;
        live.until("her own place", |frame| frame.event == "me").await?;
        let run = self.workout(PASSING, 1, "running", -1, 5_000.0)?;
        let id = self.sync(&marat, &[run]).await?;
        self.keep(PASSING, &marat, id, 5_000.0);
        if !known {
            let passed = live.until("that she was overtaken", |frame| frame.event == "overtaken").await?;
            let by = passed.data.get("by").and_then(Value::as_array).context("nobody is named")?;
            ensure!(by.contains(&json!(member)), "by somebody else: {}", passed.data);
        }
        self.board_holds().await?;
        let around = self.cast.door.get(&self.board("around?span=1")).with(&dana.token).expect(200).await?;
        ensure!(around.json.pointer("/entries/0/rank") == Some(&json!(1)), "nobody leads: {}", around.json);
        Ok(format!("Dana's stream tells her that {member} passed her"))
    }

    pub(super) async fn delete_workout(&mut self) -> anyhow::Result<String> {
        if let Some(passing) = self.told.workouts.get(PASSING) {
            let path = format!("/v1/activities/{}", passing.activity_id);
            let deleted = self.cast.door.delete(&path).with(&self.told.marat.token).send().await?;
            let gone = deleted.status == 204 || (self.cast.repeated && deleted.status == 404);
            ensure!(gone, "not deleted: {} {}", deleted.status, deleted.json);
            self.told.workouts.remove(PASSING);
        }
        self.board_holds().await?;
        Ok("Marat takes his last run back; Dana leads again".to_owned())
    }

    pub(super) async fn settle(&mut self) -> anyhow::Result<String> {
        let token = self.told.marketer.token.clone();
        let live = Live::open(self.cast.door.get(&self.board("live")).with(&self.told.dana.token)).await;
        let reason = json!({ "reason": "the city closes its streets" });
        let stopped = self.cast.door.post(&self.challenge("/stop")).with(&token).json(&reason).send().await?;
        let done = stopped.status == 200 || (self.cast.repeated && stopped.status == 409);
        ensure!(done, "not stopped: {} {}", stopped.status, stopped.json);
        let settled = until(|| self.cast.door.get(&self.challenge("/settlement")).with(&token), |_| true);
        let settled = settled.await?;
        self.places_hold(&settled)?;
        self.told.settlement = settled.json.pointer("/placements/items").cloned();
        if let (Ok(mut live), false) = (live, self.cast.repeated) {
            let closed = live.until("that it is over", |frame| frame.event == "closed").await?;
            ensure!(closed.data.get("code") == Some(&json!("settled")), "closed otherwise: {}", closed.data);
        }
        let late = self.cast.door.put(&self.challenge("/participants/me")).with(&self.told.timur.token);
        let refused = late.json(&json!({ "show_as": "name" })).expect(409).await?;
        ensure!(refused.text("/code")? == "challenge_closed", "he may still join: {}", refused.json);
        self.settlement_holds().await?;
        Ok("stopped, ranked, rewarded: 550, 250 and 200 points".to_owned())
    }

    fn places_hold(&self, settled: &Answer) -> anyhow::Result<()> {
        let items =
            settled.json.pointer("/placements/items").and_then(Value::as_array).context("no places")?;
        let wanted = self.fold();
        ensure!(is_places(items, &wanted), "the fold is {wanted:?}, the placements {}", settled.json);
        Ok(())
    }

    /// The same placements as at first, and each reward once.
    pub(super) async fn settlement_holds(&self) -> anyhow::Result<()> {
        let settlement = self.cast.door.get(&self.challenge("/settlement")).with(&self.told.marketer.token);
        let settlement = settlement.expect(200).await?;
        let placements = settlement.json.pointer("/placements/items");
        ensure!(placements == self.told.settlement.as_ref(), "settled otherwise: {}", settlement.json);
        for (person, points) in [(&self.told.dana, 550), (&self.told.marat, 250), (&self.told.saule, 200)] {
            let progress = until(
                || self.cast.door.get("/v1/me/progress").with(&person.token),
                |answer| answer.json.get("points").and_then(Value::as_i64) == Some(points),
            );
            progress.await.with_context(|| format!("{points} points are due to {}", person.email))?;
        }
        let podiums = |answer: &Answer| {
            let is_podium = |one: &&Value| one.get("badge") == Some(&json!("podium"));
            answer.items().iter().filter(is_podium).count()
        };
        let ask = || self.cast.door.get("/v1/me/achievements").with(&self.told.dana.token);
        let badges = until(ask, |answer| podiums(answer) > 0).await.context("no badge for the podium")?;
        ensure!(podiums(&badges) == 1, "the badge is there more than once: {}", badges.json);
        Ok(())
    }
}

/// Whether a page of the board is this order, from the first place on.
fn is_order(answer: &Answer, wanted: &[(String, f64)]) -> bool {
    let entries = answer.json.get("entries").and_then(Value::as_array);
    entries.is_some_and(|entries| is_places(entries, wanted))
}

fn is_places(entries: &[Value], wanted: &[(String, f64)]) -> bool {
    entries.len() == wanted.len()
        && (1_u64..).zip(entries.iter().zip(wanted)).all(|(rank, (entry, (member, score)))| {
            entry.get("rank").and_then(Value::as_u64) == Some(rank)
                && entry.get("member").and_then(Value::as_str) == Some(member)
                && entry
                    .get("score")
                    .and_then(Value::as_f64)
                    .is_some_and(|shown| (shown - score).abs() < 0.01)
        })
}
