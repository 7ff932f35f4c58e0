//! What was measured, as JSON for machines and as a table for people.

use std::{fmt::Write as _, fs, path::Path, time::Duration};

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use kernel::{Clock, SystemClock};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    begun_at: String,
    machine: String,
    command: String,
    figures: Vec<Figure>,
    skipped: Vec<String>,
    /// Scenarios that missed an objective, or whose measurement does not count.
    failed: Vec<String>,
}

/// One line of the table.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    what: String,
    value: f64,
    unit: &'static str,
    /// What the plan asks for, as it is written there.
    bound: String,
    conditions: String,
}

impl Report {
    pub(crate) fn begin() -> Self {
        let command: Vec<String> = std::env::args().skip(1).collect();
        Self {
            begun_at: SystemClock.now().to_string(),
            machine: machine(),
            command: format!("cargo run --release -p stadion-loadtest -- {}", command.join(" ")),
            figures: Vec::new(),
            skipped: Vec::new(),
            failed: Vec::new(),
        }
    }

    pub(crate) fn figure(
        &mut self,
        what: impl Into<String>,
        (value, unit): (f64, &'static str),
        bound: &'static str,
        conditions: impl Into<String>,
    ) {
        self.judged(what, (value, unit), bound.to_owned(), conditions);
    }

    /// A figure with what was found of its bound.
    pub(crate) fn judged(
        &mut self,
        what: impl Into<String>,
        (value, unit): (f64, &'static str),
        bound: String,
        conditions: impl Into<String>,
    ) {
        let figure = Figure { what: what.into(), value, unit, bound, conditions: conditions.into() };
        println!("{}: {} {} {}", figure.what, figure.shown(), figure.unit, figure.conditions);
        self.figures.push(figure);
    }

    /// p50, p99 and the greatest of durations that were recorded in µs.
    pub(crate) fn latencies(
        &mut self,
        what: &str,
        took: &Histogram<u64>,
        bound: &'static str,
        conditions: &str,
    ) {
        for (name, micros, bound) in [
            ("p50", took.value_at_quantile(0.5), ""),
            ("p99", took.value_at_quantile(0.99), bound),
            ("max", took.max(), ""),
        ] {
            let conditions = format!("{} samples; {conditions}", took.len());
            self.figure(format!("{what}, {name}"), (micros_ms(micros), "ms"), bound, conditions);
        }
    }

    pub(crate) fn skip(&mut self, what: &str, why: &str) {
        println!("skipped: {what}: {why}");
        self.skipped.push(format!("{what}: {why}"));
    }

    /// A scenario did not pass: the others still run, and the program ends with an error.
    pub(crate) fn fail(&mut self, why: impl Into<String>) {
        self.failed.push(why.into());
    }

    /// # Errors
    /// Something did not pass.
    pub(crate) fn verdict(&self) -> anyhow::Result<()> {
        ensure!(self.failed.is_empty(), "{}", self.failed.join("; "));
        Ok(())
    }

    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let (json, table) = (folder.join("loadtest.json"), folder.join("loadtest.md"));
        fs::write(&json, serde_json::to_string_pretty(self)?).with_context(|| json.display().to_string())?;
        let text = self.markdown()?;
        fs::write(&table, &text).with_context(|| table.display().to_string())?;
        println!("\n{text}\nwritten to {} and {}", json.display(), table.display());
        Ok(())
    }

    fn markdown(&self) -> anyhow::Result<String> {
        let mut text = format!("{} on {}\n`{}`\n\n", self.begun_at, self.machine, self.command.trim());
        text.push_str("| what | figure | bound | conditions |\n|---|---|---|---|\n");
        for figure in &self.figures {
            let Figure { what, unit, bound, conditions, .. } = figure;
            writeln!(text, "| {what} | {} {unit} | {bound} | {conditions} |", figure.shown())?;
        }
        for skipped in &self.skipped {
            writeln!(text, "\nNot measured: {skipped}")?;
        }
        Ok(text)
    }
}

impl Figure {
    /// Three significant digits are more than a second run confirms.
    fn shown(&self) -> String {
        let decimals = match self.value.abs() {
            value if value >= 100.0 || value == 0.0 => 0,
            value if value >= 10.0 => 1,
            value if value >= 1.0 => 2,
            _ => 3,
        };
        format!("{:.decimals$}", self.value)
    }
}

/// Durations from 1 µs to a minute, kept to a thousandth.
pub(crate) fn durations() -> anyhow::Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, 60_000_000, 3).context("bounds of a histogram")
}

pub(crate) fn record(durations: &mut Histogram<u64>, took: Duration) {
    durations.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
}

#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
fn micros_ms(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

/// Cores, model, and how busy it is.
pub(crate) fn machine() -> String {
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let model = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        line.split(": ").nth(1).map(str::to_owned)
    });
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?").to_owned();
    format!("{cpus} cores ({}), load {load} at the beginning", model.unwrap_or_else(|| "unknown".to_owned()))
}
