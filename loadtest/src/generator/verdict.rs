//! Which objectives were met, and whether the measurement counts at all.

use serde::Serialize;

use super::{
    scenario::{Objective, Scenario},
    tally::{Tally, Times},
};

/// Later than this in one call of a hundred, and it is our own machine that was measured.
pub(crate) const LAG_P99_MS_MAX: f64 = 10.0;

/// One bound, held against what was seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Verdict {
    /// `all`, or a call.
    pub(crate) of: String,
    /// `p95`, `errors`.
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) bound: f64,
    /// `None`: no such call was made, so nothing was shown.
    pub(crate) seen: Option<f64>,
    pub(crate) met: bool,
}

impl Verdict {
    /// A bound that is not to be exceeded.
    pub(crate) fn at_most(
        (of, what, unit): (&str, &'static str, &'static str),
        bound: f64,
        seen: Option<f64>,
    ) -> Self {
        let met = seen.is_some_and(|seen| seen <= bound);
        Self { of: of.to_owned(), what, unit, bound, seen, met }
    }
}

/// Why a measurement does not count; empty when it does.
pub(crate) fn faults(tally: &Tally) -> Vec<String> {
    let mut faults = Vec::new();
    if tally.calls() == 0 {
        faults.push("nothing was measured".to_owned());
    }
    faults.extend(late(&tally.lag));
    faults
}

/// What is to be said of a generator that was late itself.
pub(crate) fn late(lag: &Times) -> Option<String> {
    let lag_ms = at(lag, 0.99);
    (lag_ms > LAG_P99_MS_MAX).then(|| {
        format!(
            "invalid: one call of a hundred began {lag_ms:.1} ms late or later (at most {LAG_P99_MS_MAX} ms may be)"
        )
    })
}

/// Every bound of every objective, in their order.
pub(crate) fn verdicts(scenario: &Scenario, tally: &Tally) -> Vec<Verdict> {
    scenario.objective.iter().flat_map(|objective| of_one(objective, tally)).collect()
}

fn of_one(objective: &Objective, tally: &Tally) -> Vec<Verdict> {
    let endpoint =
        tally.endpoints.iter().find(|(call, _)| call.name() == objective.of).map(|(_, endpoint)| endpoint);
    let seen: Option<(&Times, u64, u64)> = match objective.of.as_str() {
        "all" => Some((&tally.all, tally.calls(), tally.errors())),
        _ => endpoint.map(|endpoint| (&endpoint.took, endpoint.calls, endpoint.errors)),
    };
    let seen = seen.filter(|(_, calls, _)| *calls > 0);
    let quantiles =
        [("p50", objective.p50_ms, 0.5), ("p95", objective.p95_ms, 0.95), ("p99", objective.p99_ms, 0.99)];
    let mut verdicts = Vec::new();
    let mut judge = |what, unit, bound: Option<f64>, seen: Option<f64>| {
        if let Some(bound) = bound {
            verdicts.push(Verdict::at_most((&objective.of, what, unit), bound, seen));
        }
    };
    for (what, bound, quantile) in quantiles {
        judge(what, "ms", bound, seen.map(|(took, ..)| at(took, quantile)));
    }
    judge(
        "errors",
        "%",
        objective.errors_percent,
        seen.map(|(_, calls, errors)| number(errors) * 100.0 / number(calls)),
    );
    verdicts
}

/// A quantile in ms.
pub(crate) fn at(times: &Times, quantile: f64) -> f64 {
    number(times.value_at_quantile(quantile)) / 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "shown with a few digits")]
pub(crate) fn number(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{calls::Call, generator::tally::Outcome};

    const MS: Duration = Duration::from_millis(1);

    /// A hundred calls that took 1 … 100 ms; the last is a 500.
    fn tally(late: Duration) -> Tally {
        let mut tally = Tally::new(Duration::ZERO).unwrap();
        for nth in 1..=100 {
            tally.began(Duration::ZERO, late);
            let status = if nth == 100 { 500 } else { 200 };
            tally.ended(Call::Me, Duration::ZERO, nth * MS, &Outcome::Answered(status)).unwrap();
        }
        tally
    }

    fn objective(of: &str) -> Objective {
        Objective {
            of: of.to_owned(),
            p50_ms: None,
            p95_ms: Some(96.0),
            p99_ms: Some(98.0),
            errors_percent: Some(1.0),
        }
    }

    #[test]
    fn each_bound_is_judged_by_itself() {
        for of in ["all", "me"] {
            let verdicts = of_one(&objective(of), &tally(MS));
            let met: Vec<_> = verdicts.iter().map(|verdict| (verdict.what, verdict.met)).collect();
            assert_eq!(met, [("p95", true), ("p99", false), ("errors", true)], "{of}");
        }
    }

    #[test]
    fn what_was_never_called_meets_no_bound() {
        let verdicts = of_one(&objective("feed"), &tally(MS));
        assert!(verdicts.iter().all(|verdict| !verdict.met && verdict.seen.is_none()));
    }

    #[test]
    fn a_generator_that_was_late_measured_itself() {
        assert!(faults(&tally(9 * MS)).is_empty());
        assert!(faults(&tally(11 * MS))[0].starts_with("invalid"));
        assert_eq!(faults(&Tally::new(MS).unwrap()), ["nothing was measured"]);
    }
}
