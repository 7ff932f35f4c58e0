//! The run: a FIT file from the watch, in once however often it is sent.

use anyhow::{Context, ensure};
use jiff::ToSpan;
use serde_json::Value;

use super::{
    cast::ALMATY,
    door::Answer,
    journey::{Journey, only, text},
};

/// A park in Almaty.
const PLACE: (f64, f64) = (43.2389, 76.9455);
const DISTANCE_M: f64 = 5_000.0;
const PACE_S_PER_KM: f64 = 330.0;
/// What the oracle allows: a thousandth.
const TOLERANCE: f64 = 0.001;

impl Journey {
    pub(super) async fn upload_run(&mut self) -> anyhow::Result<String> {
        let bytes = self.file()?;
        let size = bytes.len();
        let upload = self.upload(bytes).await?;
        let status = upload.text("/status")?;
        let taken = status == "ready" || (self.cast.repeated && status == "duplicate");
        ensure!(taken, "the file was not taken: {}", upload.json);
        self.told.activity_id = upload.text("/activity_ids/0")?;
        let wanted = formats::read(&self.file()?).context("our own file")?;
        let wanted = wanted.activities.first().and_then(|run| run.totals.distance_m).map(|total| total.value);
        self.told.distance_m = wanted.context("our own file has no distance")?;
        self.run_holds().await?;
        let points = self.columns_hold().await?;
        Ok(format!(
            "{} kB of FIT: {:.0} m, {points} points, all columns alike",
            size / 1024,
            self.told.distance_m
        ))
    }

    pub(super) async fn upload_again(&mut self) -> anyhow::Result<String> {
        let upload = self.upload(self.file()?).await?;
        ensure!(upload.text("/status")? == "duplicate", "it was not known: {}", upload.json);
        ensure!(upload.text("/activity_ids/0")? == self.told.activity_id, "another run: {}", upload.json);
        self.run_holds().await?;
        Ok("known already: the run is there once".to_owned())
    }

    /// The run is listed once, with the file's totals.
    pub(super) async fn run_holds(&self) -> anyhow::Result<()> {
        let token = &self.told.athlete.token;
        let run = only(self.cast.door.get("/v1/activities").with(token)).await?;
        ensure!(text(&run, "id") == self.told.activity_id, "another run: {run}");
        let path = format!("/v1/activities/{}", self.told.activity_id);
        let run = self.cast.door.get(&path).with(token).expect(200).await?;
        ensure!(run.text("/sport")? == "running", "another sport: {}", run.json);
        let error = (run.number("/distance_m")? - self.told.distance_m).abs();
        ensure!(error <= self.told.distance_m * TOLERANCE, "another distance: {}", run.json);
        ensure!(run.number("/heart_rate_avg_bpm")? > 0.0, "no heart rate: {}", run.json);
        Ok(())
    }

    async fn columns_hold(&self) -> anyhow::Result<usize> {
        let path = format!("/v1/activities/{}/streams?types=time,latlng,heart_rate", self.told.activity_id);
        let columns = self.cast.door.get(&path).with(&self.told.athlete.token).expect(200).await?;
        let length = |name: &str| columns.json.get(name).and_then(Value::as_array).map(Vec::len);
        let points = length("time").context("no column of times")?;
        let alike = points > 0 && length("latlng") == Some(points) && length("heart_rate") == Some(points);
        ensure!(alike, "columns of different length");
        Ok(points)
    }

    async fn upload(&self, bytes: Vec<u8>) -> anyhow::Result<Answer> {
        let upload = self.cast.door.post("/v1/uploads?filename=morning-run.fit&wait_s=20");
        upload.with(&self.told.watch_token).body("application/vnd.ant.fit", bytes).expect(200).await
    }

    /// The same file each time: yesterday's morning run, told apart by this journey.
    fn file(&self) -> anyhow::Result<Vec<u8>> {
        let yesterday = self.cast.days_from_now(-1)?;
        let morning = yesterday.date().at(6, 30, 0, 0).in_tz(ALMATY.time_zone)?;
        let seed = u64::from_str_radix(&self.cast.tag, 16)?;
        let offset = i64::try_from(seed % 600)?;
        let start = morning.checked_add(offset.seconds())?.timestamp();
        let run = formats::synth::run_at(PLACE, seed, start, DISTANCE_M, PACE_S_PER_KM);
        Ok(formats::write(&run))
    }
}
