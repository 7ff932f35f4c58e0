//! A measurement as JSON: what the page is drawn from, and what another run can be held against.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    scenario::Scenario,
    tally::{Tally, Times},
    verdict::{Verdict, at, faults, number, verdicts},
};

/// Everything that a run found out.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) scenario: Scenario,
    pub(crate) begun_at: String,
    pub(crate) machine: String,
    /// Why it does not count; empty when it does.
    pub(crate) faults: Vec<String>,
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) all: Figures,
    pub(crate) endpoints: BTreeMap<&'static str, Figures>,
    pub(crate) seconds: Vec<ASecond>,
    /// How late calls were begun by the generator itself.
    pub(crate) lag: Quantiles,
    pub(crate) warm_up_errors: u64,
    /// What the server needed, the ledger, and whatever else was noted.
    pub(crate) notes: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) p50_ms: f64,
    pub(crate) p95_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) calls: u64,
    pub(crate) errors: u64,
    pub(crate) outcomes: BTreeMap<String, u64>,
    #[serde(flatten)]
    pub(crate) took: Quantiles,
    /// p99 by second of the intended start; only of single calls.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) p99_ms_by_second: Vec<(u64, f64)>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct ASecond {
    pub(crate) second: u64,
    pub(crate) calls: u64,
    pub(crate) errors: u64,
    #[serde(flatten)]
    pub(crate) took: Quantiles,
}

impl Quantiles {
    pub(crate) fn of(times: &Times) -> Self {
        let max_ms = number(times.max()) / 1_000.0;
        Self { p50_ms: at(times, 0.5), p95_ms: at(times, 0.95), p99_ms: at(times, 0.99), max_ms }
    }
}

impl Measured {
    pub(crate) fn of(
        scenario: &Scenario,
        tally: &Tally,
        (begun_at, machine): (String, String),
        notes: Vec<String>,
    ) -> Self {
        let endpoints = tally.endpoints.iter().map(|(call, endpoint)| {
            let figures = Figures {
                calls: endpoint.calls,
                errors: endpoint.errors,
                outcomes: endpoint.outcomes.clone(),
                took: Quantiles::of(&endpoint.took),
                p99_ms_by_second: endpoint
                    .seconds
                    .iter()
                    .map(|(at_s, times)| (*at_s, at(times, 0.99)))
                    .collect(),
            };
            (call.what(), figures)
        });
        let mut outcomes = BTreeMap::new();
        for (word, count) in tally.endpoints.values().flat_map(|endpoint| &endpoint.outcomes) {
            *outcomes.entry(word.clone()).or_default() += count;
        }
        let seconds = tally.seconds.iter().map(|(second, seen)| ASecond {
            second: *second,
            calls: seen.calls,
            errors: seen.errors,
            took: Quantiles::of(&seen.took),
        });
        Self {
            scenario: scenario.clone(),
            begun_at,
            machine,
            faults: faults(tally),
            verdicts: verdicts(scenario, tally),
            all: Figures {
                calls: tally.calls(),
                errors: tally.errors(),
                outcomes,
                took: Quantiles::of(&tally.all),
                p99_ms_by_second: Vec::new(),
            },
            endpoints: endpoints.collect(),
            seconds: seconds.collect(),
            lag: Quantiles::of(&tally.lag),
            warm_up_errors: tally.warm_up_errors,
            notes,
        }
    }

    /// It counts, and every bound was kept.
    pub(crate) fn passed(&self) -> bool {
        self.faults.is_empty() && self.verdicts.iter().all(|verdict| verdict.met)
    }
}
