//! What a scenario asks for.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use super::{dice::Dice, schedule::Arrivals};
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

    /// The same at another rate, if one is given.
    ///
    /// # Errors
    /// A rate that is none.
    pub(crate) fn at(self, rate_per_s: Option<f64>) -> anyhow::Result<Self> {
        let rate_per_s = rate_per_s.unwrap_or(self.rate_per_s);
        ensure!(rate_per_s.is_finite() && rate_per_s > 0.0, "--rate must be above 0, not {rate_per_s}");
        Ok(Self { rate_per_s, ..self })
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

    #[test]
    fn our_own_scenarios_can_be_run() {
        for text in [STEADY, SMOKE] {
            Scenario::parse(text).unwrap();
        }
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
