//! What a scenario asks for.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use super::{
    dice::Dice,
    schedule::{Arrivals, Stage},
};
use crate::calls::Call;

/// `loadtest/scenarios/*.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    /// In one sentence.
    pub(crate) about: String,
    /// Seeded athletes; all are in the challenge.
    pub(crate) accounts: usize,
    /// Friends of each on average.
    pub(crate) friends: f64,
    pub(crate) rate_per_s: f64,
    pub(crate) arrivals: Arrivals,
    /// Run before the measurement and counted in nothing but errors.
    pub(crate) warm_up_s: u64,
    pub(crate) seconds: u64,
    /// Calls waiting for their answers; one more is an error, not a delay.
    pub(crate) in_flight_max: usize,
    pub(crate) connections: usize,
    pub(crate) workers: usize,
    pub(crate) give_up_after_ms: u64,
    #[serde(default = "first_seed")]
    pub(crate) seed: u64,
    pub(crate) mix: Vec<Share>,
    /// Rates that follow one another behind the warm-up, instead of `rate_per_s` all the while. Their seconds make `seconds`.
    #[serde(default, rename = "stage", skip_serializing_if = "Vec::is_empty")]
    pub(crate) stages: Vec<Stage>,
    /// Seconds of the measurement at which the server is killed with SIGKILL and started again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) kill_at_s: Vec<u64>,
    /// Longest from a kill until the server is ready again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) back_within_s: Option<f64>,
    /// Most that the server may hold in memory at the end, and what it may have gained since the warm-up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resident_mb_max: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gained_mb_max: Option<f64>,
    pub(crate) objective: Vec<Objective>,
}

fn first_seed() -> u64 {
    1
}

/// How often a call is drawn, against the others' weights.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Share {
    pub(crate) call: Call,
    pub(crate) weight: f64,
}

/// What must hold, of `all` calls together or of one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Objective {
    /// `all`, or a call of the mix.
    pub(crate) of: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p95_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p99_ms: Option<f64>,
    /// Errors among a hundred calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) errors_percent: Option<f64>,
}

impl Scenario {
    /// # Errors
    /// A text that is no scenario, or one that cannot be run; the field is named.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let scenario: Self = toml::from_str(text).context("this is no scenario")?;
        let positive = |what: &str, value: f64| {
            ensure!(value.is_finite() && value > 0.0, "{what} must be above 0, not {value}");
            Ok(())
        };
        positive("rate_per_s", scenario.rate_per_s)?;
        for share in &scenario.mix {
            positive(&format!("the weight of {}", share.call.name()), share.weight)?;
        }
        ensure!(!scenario.mix.is_empty(), "mix: at least one call is needed");
        ensure!(scenario.seconds > 0, "seconds must be above 0");
        for stage in &scenario.stages {
            positive("the rate of a stage", stage.rate_per_s)?;
            positive("the rate that a stage begins with", stage.from_per_s.unwrap_or(stage.rate_per_s))?;
            ensure!(stage.seconds > 0, "a stage's seconds must be above 0");
        }
        let staged: u64 = scenario.stages.iter().map(|stage| stage.seconds).sum();
        ensure!(
            scenario.stages.is_empty() || staged == scenario.seconds,
            "stage: they last {staged} s, the scenario {} s",
            scenario.seconds
        );
        ensure!(
            scenario.kill_at_s.iter().all(|at_s| *at_s < scenario.seconds) && scenario.kill_at_s.is_sorted(),
            "kill_at_s: ascending seconds of the measurement"
        );
        let bounds = [
            ("accounts", scenario.accounts),
            ("in_flight_max", scenario.in_flight_max),
            ("connections", scenario.connections),
            ("workers", scenario.workers),
        ];
        for (what, value) in bounds {
            ensure!(value > 0, "{what} must be above 0");
        }
        for objective in &scenario.objective {
            let known = |share: &Share| share.call.name() == objective.of;
            let of = &objective.of;
            ensure!(of == "all" || scenario.mix.iter().any(known), "objective: `{of}` is not in the mix");
        }
        Ok(scenario)
    }

    /// The same at another rate, if one is given; its stages in proportion.
    ///
    /// # Errors
    /// A rate that is none.
    pub(crate) fn at(mut self, rate_per_s: Option<f64>) -> anyhow::Result<Self> {
        let rate_per_s = rate_per_s.unwrap_or(self.rate_per_s);
        ensure!(rate_per_s.is_finite() && rate_per_s > 0.0, "--rate must be above 0, not {rate_per_s}");
        let times = rate_per_s / self.rate_per_s;
        for stage in &mut self.stages {
            stage.rate_per_s *= times;
            stage.from_per_s = stage.from_per_s.map(|from| from * times);
        }
        Ok(Self { rate_per_s, ..self })
    }

    /// The same for so many seconds, if they are given: its stages and its kills in proportion.
    ///
    /// # Errors
    /// A time that is none.
    pub(crate) fn lasting(mut self, seconds: Option<u64>) -> anyhow::Result<Self> {
        let seconds = seconds.unwrap_or(self.seconds);
        ensure!(seconds > 0, "--seconds must be above 0");
        let scaled = |value: u64| value * seconds / self.seconds;
        self.kill_at_s = self.kill_at_s.iter().map(|at_s| scaled(*at_s)).collect();
        let mut begun = 0;
        let mut before = 0;
        for stage in &mut self.stages {
            begun += stage.seconds;
            stage.seconds = (scaled(begun) - before).max(1);
            before += stage.seconds;
        }
        self.seconds = if self.stages.is_empty() { seconds } else { before };
        Ok(self)
    }

    /// Rates from the first call of the warm-up on.
    pub(crate) fn course(&self) -> Vec<Stage> {
        let steady = Stage { seconds: self.seconds, rate_per_s: self.rate_per_s, from_per_s: None };
        let stages = if self.stages.is_empty() { vec![steady] } else { self.stages.clone() };
        let first = stages[0].from_per_s.unwrap_or(stages[0].rate_per_s);
        let warm_up = Stage { seconds: self.warm_up_s, rate_per_s: first, from_per_s: None };
        std::iter::once(warm_up).filter(|stage| stage.seconds > 0).chain(stages).collect()
    }

    pub(crate) fn give_up_after(&self) -> Duration {
        Duration::from_millis(self.give_up_after_ms)
    }

    /// From the first call of the warm-up to the last of the measurement.
    pub(crate) fn lasts(&self) -> Duration {
        Duration::from_secs(self.warm_up_s + self.seconds)
    }

    pub(crate) fn draw(&self, dice: &mut Dice) -> Call {
        let whole: f64 = self.mix.iter().map(|share| share.weight).sum();
        let mut left = dice.unit() * whole;
        for share in &self.mix {
            left -= share.weight;
            if left < 0.0 {
                return share.call;
            }
        }
        self.mix[self.mix.len() - 1].call
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEADY: &str = include_str!("../../scenarios/steady.toml");
    const SMOKE: &str = include_str!("../../scenarios/smoke.toml");
    const SPIKE: &str = include_str!("../../scenarios/spike.toml");
    const SOAK: &str = include_str!("../../scenarios/soak.toml");
    const CHAOS: &str = include_str!("../../scenarios/chaos.toml");

    #[test]
    fn our_own_scenarios_can_be_run() {
        for text in [STEADY, SMOKE, SPIKE, SOAK, CHAOS] {
            let scenario = Scenario::parse(text).unwrap();
            let course: u64 = scenario.course().iter().map(|stage| stage.seconds).sum();
            assert_eq!(course, scenario.lasts().as_secs(), "{}", scenario.name);
        }
    }

    #[test]
    fn a_scenario_that_is_made_shorter_keeps_its_shape() {
        let spike = Scenario::parse(SPIKE).unwrap();
        let half = spike.clone().lasting(Some(spike.seconds / 2)).unwrap();
        assert_eq!(half.stages.iter().map(|stage| stage.seconds).sum::<u64>(), half.seconds);
        assert_eq!(half.stages.len(), spike.stages.len());
        let chaos = Scenario::parse(CHAOS).unwrap();
        let twice = chaos.clone().lasting(Some(chaos.seconds * 2)).unwrap();
        assert_eq!(twice.kill_at_s[0], chaos.kill_at_s[0] * 2);
        let slower = spike.clone().at(Some(spike.rate_per_s / 10.0)).unwrap();
        assert!((slower.stages[0].rate_per_s - spike.stages[0].rate_per_s / 10.0).abs() < 1e-6);
    }

    #[test]
    fn steady_writes_about_a_tenth() {
        let steady = Scenario::parse(STEADY).unwrap();
        let whole: f64 = steady.mix.iter().map(|share| share.weight).sum();
        let writes: f64 =
            steady.mix.iter().filter(|share| share.call.writes()).map(|share| share.weight).sum();
        assert!((0.08..=0.12).contains(&(writes / whole)), "{}", writes / whole);
    }

    #[test]
    fn what_cannot_be_run_is_said_by_its_name() {
        let wrong = |from: &str, to: &str| {
            let text = SMOKE.replace(from, to);
            assert_ne!(text, SMOKE, "{from}");
            format!("{:#}", Scenario::parse(&text).unwrap_err())
        };
        assert!(wrong("workers = 2", "workers = 0").contains("workers"));
        assert!(wrong("of = \"all\"", "of = \"everything\"").contains("everything"));
        assert!(wrong("warm_up_s", "warmup").contains("warmup"));
        let stages = SPIKE.replacen("seconds = ", "seconds = 9", 1);
        assert!(format!("{:#}", Scenario::parse(&stages).unwrap_err()).contains("stage"));
        let late = CHAOS.replace("kill_at_s = [", "kill_at_s = [900, ");
        assert!(format!("{:#}", Scenario::parse(&late).unwrap_err()).contains("kill_at_s"));
    }

    #[test]
    fn calls_are_drawn_by_their_weights() {
        let steady = Scenario::parse(STEADY).unwrap();
        let mut dice = Dice::of(1);
        let draws = 100_000;
        let first = steady.mix[0];
        let drawn = (0..draws).filter(|_| steady.draw(&mut dice) == first.call).count();
        let whole: f64 = steady.mix.iter().map(|share| share.weight).sum();
        let share = f64::from(u32::try_from(drawn).unwrap()) / f64::from(draws);
        assert!((share - first.weight / whole).abs() < 0.01, "{share}");
    }
}
