//! What a competition asks for: `scenarios/competition-50k.toml`, and what the command line changes of it.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use super::Asked;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    pub(super) name: String,
    /// In one sentence.
    pub(super) about: String,
    pub(super) athletes: usize,
    /// Friends of each on average.
    pub(super) friends: f64,
    pub(super) seed: u64,
    /// From the first join to the last, as they are meant to begin.
    pub(super) joins_over_s: f64,
    pub(super) warm_up_s: u64,
    /// Of the measurement, behind the warm-up.
    pub(super) seconds: u64,
    pub(super) report_every_s: u64,
    pub(super) call_connections: usize,
    pub(super) streams_per_connection: usize,
    pub(super) opening_at_once: usize,
    /// Places that each stream shows.
    pub(super) places: usize,
    /// Athletes whose streams are followed whole, and the places of those.
    pub(super) watchers: usize,
    pub(super) watched_places: usize,
    pub(super) give_up_after_ms: u64,
    pub(super) rest_within_s: u64,
    /// Of a hundred streams, those that are read slowly.
    pub(super) slow_percent: f64,
    /// Of a hundred streams, those that are dropped and opened again in a minute.
    pub(super) reconnect_percent: f64,
    /// The server is killed with SIGKILL in the middle of the measurement, and started again.
    pub(super) kill: bool,
    pub(super) objective: Bounds,
}

/// What must hold.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bounds {
    pub(super) errors: f64,
    /// Lost updates, wrong ranks, missed final states: each.
    pub(super) lost: f64,
    pub(super) joined_within_s: f64,
    pub(super) me_p99_ms: f64,
    pub(super) top_p99_ms: f64,
    pub(super) sync_p95_ms: f64,
    pub(super) server_mb_max: f64,
    pub(super) back_within_s: f64,
}

impl Plan {
    /// # Errors
    /// A text that is no plan, or one that cannot be run; the field is named.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let plan: Self = toml::from_str(text).context("this is no competition")?;
        plan.checked()
    }

    /// The same as the command line wants it.
    ///
    /// # Errors
    /// It cannot be run.
    pub(super) fn with(mut self, asked: Asked, seconds: Option<u64>) -> anyhow::Result<Self> {
        self.athletes = asked.athletes.unwrap_or(self.athletes);
        self.seconds = seconds.unwrap_or(self.seconds);
        self.slow_percent = asked.slow_percent.unwrap_or(self.slow_percent);
        self.reconnect_percent = asked.reconnect_percent.unwrap_or(self.reconnect_percent);
        self.kill |= asked.kill;
        self.checked()
    }

    fn checked(self) -> anyhow::Result<Self> {
        for (what, value) in [
            ("athletes", self.athletes),
            ("call_connections", self.call_connections),
            ("streams_per_connection", self.streams_per_connection),
            ("opening_at_once", self.opening_at_once),
            ("places", self.places),
            ("watched_places", self.watched_places),
        ] {
            ensure!(value > 0, "{what} must be above 0");
        }
        for (what, value) in [("seconds", self.seconds), ("report_every_s", self.report_every_s)] {
            ensure!(value > 0, "{what} must be above 0");
        }
        for (what, value) in
            [("slow_percent", self.slow_percent), ("reconnect_percent", self.reconnect_percent)]
        {
            ensure!((0.0..=100.0).contains(&value), "{what} must be 0 to 100, not {value}");
        }
        let over_s = self.joins_over_s;
        ensure!(over_s.is_finite() && over_s > 0.0, "joins_over_s must be above 0, not {over_s}");
        Ok(self)
    }

    /// Reports of the whole run, the warm-up's among them.
    pub(super) fn reports(&self) -> usize {
        let rounds = (self.warm_up_s + self.seconds) as f64 / self.report_every_s as f64;
        (rounds * self.athletes as f64) as usize
    }

    /// Between two reports of all together.
    pub(super) fn gap(&self) -> Duration {
        Duration::from_secs_f64(self.report_every_s as f64 / self.athletes as f64)
    }

    pub(super) fn give_up_after(&self) -> Duration {
        Duration::from_millis(self.give_up_after_ms)
    }

    /// Whether this athlete's stream is followed whole: they are spread over all.
    pub(super) fn watches(&self, who: usize) -> bool {
        let step = self.athletes / self.watchers.clamp(1, self.athletes);
        who.is_multiple_of(step) && who / step < self.watchers
    }

    /// Whether this athlete's stream is read slowly; none of those that are followed whole.
    pub(super) fn is_slow(&self, who: usize) -> bool {
        self.slow_before(who + 1) > self.slow_before(who) && !self.watches(who)
    }

    /// How many would be slow before this athlete, those that are followed whole among them.
    pub(super) fn slow_before(&self, who: usize) -> usize {
        (who as f64 * self.slow_percent / 100.0) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = include_str!("../../scenarios/competition-50k.toml");

    #[test]
    fn the_competition_is_the_one_that_was_promised() {
        let plan = Plan::parse(TEXT).unwrap();
        assert_eq!((plan.athletes, plan.seconds, plan.report_every_s), (50_000, 300, 10));
        assert_eq!(plan.gap(), Duration::from_micros(200));
        assert_eq!(plan.reports(), 1_550_000);
        assert_eq!((0..plan.athletes).filter(|who| plan.watches(*who)).count(), 500);
        assert!((0..plan.athletes).all(|who| !plan.is_slow(who)));
        let bounds = plan.objective;
        assert_eq!((bounds.errors, bounds.lost, bounds.me_p99_ms), (0.0, 0.0, 2_000.0));
    }

    #[test]
    fn the_command_line_makes_it_smaller_or_harder() {
        let asked = Asked {
            athletes: Some(1_000),
            kill: true,
            slow_percent: Some(1.0),
            reconnect_percent: Some(5.0),
        };
        let plan = Plan::parse(TEXT).unwrap().with(asked, Some(20)).unwrap();
        assert_eq!((plan.athletes, plan.seconds, plan.kill), (1_000, 20, true));
        let slow = (0..1_000).filter(|who| plan.is_slow(*who)).count();
        assert!((5..=10).contains(&slow), "{slow}");
        assert_eq!((0..1_000).filter(|who| plan.watches(*who)).count(), 500);
        let connections = plan.athletes / plan.streams_per_connection;
        for one in 0..connections {
            let on_it =
                (0..1_000).filter(|who| plan.is_slow(*who) && plan.slow_before(*who) % connections == one);
            assert!(on_it.count() <= 2, "slow ones are spread over their connections");
        }
    }

    #[test]
    fn what_cannot_be_run_is_said_by_its_name() {
        let wrong = |from: &str, to: &str| {
            let text = TEXT.replace(from, to);
            assert_ne!(text, TEXT, "{from}");
            format!("{:#}", Plan::parse(&text).unwrap_err())
        };
        assert!(wrong("athletes = 50000", "athletes = 0").contains("athletes"));
        assert!(wrong("slow_percent = 0.0", "slow_percent = 101.0").contains("slow_percent"));
        assert!(wrong("warm_up_s", "warmup").contains("warmup"));
    }
}
