//! Friends, a follower, a stranger: who sees what, and what a block takes away.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::Contest;
use crate::demo::{
    cast::Person,
    door::{Answer, until},
    journey::{text, with_id},
    live::Live,
};

impl Contest {
    pub(super) async fn befriend(&mut self) -> anyhow::Result<String> {
        let (dana, marat, timur) = (self.told.dana.clone(), self.told.marat.clone(), self.told.timur.clone());
        let invite = self.cast.door.put(&format!("/v1/me/friends/{}", marat.account_id)).with(&dana.token);
        let invited = invite.json(&json!({})).expect(200).await?;
        ensure!(["invited", "friend"].contains(&invited.text("/state")?.as_str()), "{}", invited.json);
        let accept = self.cast.door.put(&format!("/v1/me/friends/{}", dana.account_id)).with(&marat.token);
        let accepted = accept.json(&json!({})).expect(200).await?;
        ensure!(accepted.text("/state")? == "friend", "no friendship: {}", accepted.json);
        let follow = self.cast.door.put(&format!("/v1/me/follows/{}", dana.account_id)).with(&timur.token);
        let followed = follow.json(&json!({})).expect(200).await?;
        ensure!(followed.text("/state")? == "following", "no follower: {}", followed.json);
        self.friends_hold().await?;
        Ok("Dana and Marat; Timur follows her".to_owned())
    }

    /// One friendship, seen from both sides.
    pub(super) async fn friends_hold(&self) -> anyhow::Result<()> {
        for (one, other) in [(&self.told.dana, &self.told.marat), (&self.told.marat, &self.told.dana)] {
            let friends = self.cast.door.get("/v1/me/friends").with(&one.token).expect(200).await?;
            let alone = friends.items().len() == 1 && with_id(&friends, &other.account_id).is_some();
            ensure!(alone, "not one friend: {}", friends.json);
        }
        Ok(())
    }

    pub(super) async fn let_others_look(&mut self) -> anyhow::Result<String> {
        self.looks_hold().await?;
        let marat = self.told.marat.clone();
        let view = format!("/v1/me/privacy/view-as?account={}", marat.account_id);
        let view = self.cast.door.get(&view).with(&self.told.dana.token).expect(200).await?;
        let class = |name: &str| {
            let classes = view.json.get("classes").and_then(Value::as_array);
            let found = classes.and_then(|all| all.iter().find(|one| text(one, "class") == name));
            found.and_then(|one| one.get("shown")).and_then(Value::as_bool)
        };
        ensure!(class("summary") == Some(true) && class("heart_rate") == Some(false), "{}", view.json);
        let run = self.run()?;
        let why = format!("/v1/me/privacy/explain?account={}&activity={run}", marat.account_id);
        let why = self.cast.door.get(&why).with(&self.told.dana.token).expect(200).await?;
        let heart = why.items().iter().find(|one| text(one, "class") == "heart_rate").context("no reason")?;
        ensure!(heart.get("shown") == Some(&json!(false)), "it is shown: {heart}");
        Ok(format!(
            "the friend sees the run, a stranger 404; heart rate is hidden by: {}",
            text(heart, "rule")
        ))
    }

    /// A friend sees Dana's run in her list and in his feed, without her heart rate; a stranger sees nothing.
    pub(super) async fn looks_hold(&self) -> anyhow::Result<()> {
        let (marat, bakyt, run) = (&self.told.marat, &self.told.bakyt, self.run()?);
        let path = format!("/v1/activities/{run}");
        let seen = self.cast.door.get(&path).with(&marat.token).expect(200).await?;
        ensure!(seen.number("/distance_m")? > 0.0, "he sees nothing: {}", seen.json);
        let feed = until(
            || self.cast.door.get("/v1/feed").with(&marat.token),
            |feed| feed.json.to_string().contains(&run),
        );
        let streams = self.cast.door.get(&format!("{path}/streams")).with(&marat.token).send().await?;
        let list = format!("/v1/activities?account={}", self.told.dana.account_id);
        let list = self.cast.door.get(&list).with(&marat.token).expect(200).await?;
        for shown in [&seen, &feed.await?, &streams, &list] {
            ensure!(!shown.json.to_string().contains("heart_rate"), "her heart rate: {}", shown.json);
        }
        self.cast.door.get(&path).with(&bakyt.token).expect(404).await?;
        Ok(())
    }

    /// Dana's run from the file.
    fn run(&self) -> anyhow::Result<String> {
        let run = self.told.workouts.get("dana's file").context("Dana ran")?;
        Ok(run.activity_id.clone())
    }

    pub(super) async fn block(&mut self) -> anyhow::Result<String> {
        let (dana, timur) = (self.told.dana.clone(), self.told.timur.clone());
        let member = self.told.members.get(&dana.account_id).cloned().context("Dana joined")?;
        let mut live = Live::open(self.cast.door.get(&self.board("live")).with(&timur.token)).await?;
        if !self.cast.repeated {
            let named = |frame: &crate::demo::live::Frame| {
                frame.event == "names" && frame.data.get(&member).is_some_and(Value::is_object)
            };
            live.until("her name", named).await?;
            let path = format!("/v1/activities/{}", self.run()?);
            self.cast.door.get(&path).with(&timur.token).expect(200).await?;
        }
        let block = self.cast.door.put(&format!("/v1/me/blocks/{}", timur.account_id)).with(&dana.token);
        block.json(&json!({})).expect(200).await?;
        self.told.blocked = true;
        self.block_holds().await?;
        let hidden = |frame: &crate::demo::live::Frame| {
            frame.event == "names" && frame.data.get(&member).is_some_and(Value::is_null)
        };
        live.until("that her name is gone", hidden).await?;
        Ok("Timur's feed, search, her profile, her run and her name on the board: gone at once".to_owned())
    }

    /// The blocked one hears "no such account", everywhere, at the first asking.
    pub(super) async fn block_holds(&self) -> anyhow::Result<()> {
        let (dana, timur) = (&self.told.dana, &self.told.timur);
        let ask = |path: &str| self.cast.door.get(path).with(&timur.token);
        ask(&format!("/v1/people/{}", dana.account_id)).expect(404).await?;
        ask(&format!("/v1/activities/{}", self.run()?)).expect(404).await?;
        let search = ask(&format!("/v1/people?q=Dana%20{}", self.cast.tag)).expect(200).await?;
        let feed = ask("/v1/feed").expect(200).await?;
        let following = ask("/v1/me/following").expect(200).await?;
        let top = ask(&self.board("top")).expect(200).await?;
        for shown in [&search, &feed, &following, &top] {
            ensure!(!names(shown, dana), "she is shown: {}", shown.json);
        }
        let again = self.cast.door.put(&format!("/v1/me/friends/{}", dana.account_id)).with(&timur.token);
        let refused = again.json(&json!({})).expect(404).await?;
        ensure!(refused.text("/code")? == "not_found", "he is told more: {}", refused.json);
        let open = self.cast.door.get(&self.board("top")).expect(200).await?;
        ensure!(names(&open, dana), "others must still see her: {}", open.json);
        Ok(())
    }
}

fn names(answer: &Answer, person: &Person) -> bool {
    answer.json.to_string().contains(&person.account_id)
}
