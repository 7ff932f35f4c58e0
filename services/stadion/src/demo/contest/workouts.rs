//! Workouts by file, by changeset and by hand: each sent again, out of order, some edited, some that do not count.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::{Contest, Workout};
use crate::demo::{cast::Person, door::Answer};

/// A park in Almaty.
const PLACE: (f64, f64) = (43.2389, 76.9455);
const PACE_S_PER_KM: f64 = 330.0;

impl Contest {
    pub(super) async fn send_workouts(&mut self) -> anyhow::Result<String> {
        self.upload_danas_run().await?;
        self.sync_marats_runs().await?;
        self.write_saules_runs().await?;
        self.board_holds().await?;
        Ok(format!("{} of them count; the board equals their fold", self.told.workouts.len()))
    }

    /// A file, and the same file again.
    async fn upload_danas_run(&mut self) -> anyhow::Result<()> {
        let dana = self.told.dana.clone();
        let seed = u64::from_str_radix(&self.cast.tag, 16)?;
        let start =
            self.cast.days_from_now(-3)?.with().hour(6).minute(30).second(0).subsec_nanosecond(0).build()?;
        let run = formats::synth::run_at(PLACE, seed, start.timestamp(), 10_000.0, PACE_S_PER_KM);
        let file = formats::write(&run);
        let mut upload = self.upload(&dana, file.clone()).await?;
        ensure!(["ready", "duplicate"].contains(&upload.text("/status")?.as_str()), "{}", upload.json);
        upload = self.upload(&dana, file).await?;
        ensure!(upload.text("/status")? == "duplicate", "it was not known: {}", upload.json);
        let activity_id = upload.text("/activity_ids/0")?;
        let path = format!("/v1/activities/{activity_id}");
        let own = self.cast.door.get(&path).with(&dana.token).expect(200).await?;
        let distance_m = own.number("/distance_m")?;
        ensure!(own.number("/heart_rate_avg_bpm")? > 0.0, "her heart rate is gone: {}", own.json);
        self.keep("dana's file", &dana, activity_id, distance_m);
        Ok(())
    }

    async fn upload(&self, person: &Person, file: Vec<u8>) -> anyhow::Result<Answer> {
        let upload = self.cast.door.post("/v1/uploads?filename=run.fit&wait_s=20").with(&person.token);
        upload.body("application/vnd.ant.fit", file).expect(200).await
    }

    /// The newer day first; the older is edited, and its first version comes again afterwards.
    async fn sync_marats_runs(&mut self) -> anyhow::Result<()> {
        let marat = self.told.marat.clone();
        let newer = self.workout("M2", 1, "running", -2, 3_000.0)?;
        let first = self.workout("M1", 1, "running", -6, 4_000.0)?;
        let edited = self.workout("M1", 2, "running", -6, 4_500.0)?;
        let elsewhere = [
            self.workout("M0", 1, "running", -30, 9_000.0)?,
            self.workout("MC", 1, "cycling", -1, 40_000.0)?,
        ];
        let id = self.sync(&marat, &[newer]).await?;
        self.keep("M2", &marat, id, 3_000.0);
        self.sync(&marat, std::slice::from_ref(&first)).await?;
        self.sync(&marat, &elsewhere).await?;
        let id = self.sync(&marat, &[edited]).await?;
        self.keep("M1", &marat, id, 4_500.0);
        let stale = self.changeset(&marat, &[first]).await?;
        ensure!(stale.text("/acks/0/status")? == "stale", "an old version was taken: {}", stale.json);
        Ok(())
    }

    /// By hand; the second has its length corrected afterwards.
    async fn write_saules_runs(&mut self) -> anyhow::Result<()> {
        let saule = self.told.saule.clone();
        let id = self.write(&saule, "saule-late", -9, 2_000.0).await?;
        self.keep("late", &saule, id, 2_000.0);
        let id = self.write(&saule, "saule-edited", -4, 3_000.0).await?;
        let path = format!("/v1/activities/{id}");
        let known = self.cast.door.get(&path).with(&saule.token).expect(200).await?;
        if (known.number("/distance_m")? - 4_000.0).abs() > f64::EPSILON {
            let revision = known.number("/revision")?;
            let change = self.cast.door.ask(reqwest::Method::PATCH, &path).with(&saule.token);
            let change = change.header("If-Match", &format!("\"{revision}\""));
            change.json(&json!({ "distance_m": 4_000.0 })).expect(200).await?;
        }
        self.keep("edited", &saule, id, 4_000.0);
        Ok(())
    }

    async fn write(&self, person: &Person, key: &str, days: i64, distance_m: f64) -> anyhow::Result<String> {
        let entry = json!({
            "sport": "running", "name": key, "start_at": self.cast.days_from_now(days)?.with().hour(7).minute(0).second(0)
                .subsec_nanosecond(0).build()?.timestamp().to_string(),
            "elapsed_time_s": 1_800, "distance_m": distance_m,
        });
        let ask = self.cast.door.post("/v1/activities").with(&person.token).header("Idempotency-Key", key);
        ask.json(&entry).expect(201).await?.text("/id")
    }

    pub(super) async fn sync(&self, person: &Person, upserts: &[Value]) -> anyhow::Result<String> {
        let answer = self.changeset(person, upserts).await?;
        let acks = answer.json.pointer("/acks").and_then(Value::as_array).context("no acks")?;
        let taken = |ack: &Value| {
            ["stored", "duplicate", "stale"]
                .contains(&ack.get("status").and_then(Value::as_str).unwrap_or_default())
        };
        ensure!(acks.len() == upserts.len() && acks.iter().all(taken), "not taken: {}", answer.json);
        answer.text("/acks/0/activity_id")
    }

    async fn changeset(&self, person: &Person, upserts: &[Value]) -> anyhow::Result<Answer> {
        let body = json!({ "source": "healthkit", "upserts": upserts, "deletes": [] });
        self.cast.door.post("/v1/sync").with(&person.token).json(&body).expect(200).await
    }

    pub(super) fn keep(&mut self, key: &'static str, person: &Person, activity_id: String, distance_m: f64) {
        let account_id = person.account_id.clone();
        self.told.workouts.insert(key, Workout { account_id, activity_id, distance_m });
    }

    /// A workout of a changeset, `days` from the beginning.
    pub(super) fn workout(
        &self,
        key: &str,
        version: u32,
        sport: &str,
        days: i64,
        distance_m: f64,
    ) -> anyhow::Result<Value> {
        let day = self.cast.days_from_now(days)?;
        let start = day.with().hour(6).minute(0).second(0).subsec_nanosecond(0).build()?;
        Ok(json!({
            "key": key, "version": version, "kind": "workout",
            "workout": {
                "sport": sport, "start_at": start.timestamp().to_string(), "elapsed_time_s": 1_800,
                "distance_m": distance_m, "heart_rate_avg_bpm": 151,
            },
        }))
    }
}
