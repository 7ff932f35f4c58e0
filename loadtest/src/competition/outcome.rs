//! What a run found out: JSON for machines, verdicts for the table.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::{
    field::Field, kill::Outage, ledger::Found, meter::Moment, pace::Paced, plan::Plan, samples::Summed,
};
use crate::{
    generator::{
        result::Quantiles,
        tally::Times,
        verdict::{Verdict, late, number},
    },
    report::Report,
};

/// A run as it was.
pub(super) struct Ran {
    pub(super) joins: Paced,
    pub(super) participants: usize,
    /// Until all streams were open.
    pub(super) opened: Duration,
    pub(super) reports: Paced,
    /// What was due in this time counts.
    pub(super) measured: Range<Instant>,
    pub(super) outage: Option<Outage>,
    /// Behind the last report.
    pub(super) rested: Duration,
    pub(super) found: Found,
    pub(super) missed: Found,
    pub(super) moments: Vec<Moment>,
}

/// Everything that is written down.
#[derive(Serialize)]
pub(super) struct Outcome {
    pub(super) plan: Plan,
    pub(super) begun_at: String,
    pub(super) machine: String,
    /// Why it does not count; empty when it does.
    pub(super) faults: Vec<String>,
    pub(super) verdicts: Vec<Verdict>,
    /// From the intended start: `join`, `sync`, `own frame`, `board`; behind a kill also what was due while it was away.
    pub(super) took: BTreeMap<String, Took>,
    pub(super) lag: Quantiles,
    pub(super) seconds: Vec<ASecond>,
    pub(super) costs: Costs,
    pub(super) outage: Option<Away>,
    /// What went wrong, the first of each kind.
    pub(super) words: Vec<String>,
    pub(super) notes: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct Took {
    pub(super) count: u64,
    #[serde(flatten)]
    pub(super) took: Quantiles,
}

#[derive(Serialize)]
pub(super) struct ASecond {
    #[serde(flatten)]
    pub(super) moment: Moment,
    /// By second of the intended start.
    pub(super) sync: Option<Quantiles>,
    pub(super) own_frame: Option<Quantiles>,
}

/// What the server and the generator used while it was measured.
#[derive(Serialize)]
pub(super) struct Costs {
    pub(super) server_cpu_s: f64,
    pub(super) generator_cpu_s: f64,
    pub(super) server_mb_max: f64,
    pub(super) generator_mb_max: f64,
    pub(super) server_cpu_s_per_1000_reports: f64,
    pub(super) server_cpu_s_per_1000_frames: f64,
    pub(super) generator_us_per_frame_and_report: f64,
    pub(super) reports_per_s: f64,
    pub(super) frames_per_s: f64,
}

/// Seconds from the kill.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Away {
    pub(super) ready_s: f64,
    /// `None`: never.
    pub(super) caught_up_s: Option<f64>,
    pub(super) streaming_s: Option<f64>,
}

impl Ran {
    pub(super) fn outcome(
        mut self,
        field: &Field,
        (begun_at, machine): (String, String),
        seeded: String,
    ) -> anyhow::Result<Outcome> {
        let apart = self.outage.map(|outage| outage.range());
        let whole = field.begins..self.measured.end;
        let joins = field.joins.summed(&whole, None)?;
        let summed = |samples: &super::samples::Samples| samples.summed(&self.measured, apart.as_ref());
        let (syncs, own, shown) = (summed(&field.syncs)?, summed(&field.own)?, summed(&field.shown)?);
        let (errors, expected, mut words) = field.troubles.counted(apart.as_ref());
        words.extend(std::mem::take(&mut self.found.words));
        words.extend(std::mem::take(&mut self.missed.words));
        self.reports.lag.add(&self.joins.lag)?;
        let lag = &self.reports.lag;
        let away = self.outage.map(Away::of);
        let verdicts = self.verdicts(&field.plan, errors, (&syncs, &own, &shown), away);
        Ok(Outcome {
            plan: field.plan.clone(),
            begun_at,
            machine,
            faults: late(lag).into_iter().collect(),
            verdicts,
            took: took([("join", &joins), ("sync", &syncs), ("own frame", &own), ("board", &shown)]),
            lag: Quantiles::of(lag),
            seconds: seconds(&self.moments, &syncs, &own),
            costs: self.costs(field),
            outage: away,
            words,
            notes: self.notes(field, (expected, seeded)),
        })
    }

    fn verdicts(
        &self,
        plan: &Plan,
        errors: u64,
        (syncs, own, shown): (&Summed, &Summed, &Summed),
        away: Option<Away>,
    ) -> Vec<Verdict> {
        let bounds = plan.objective;
        let count = |count: usize| Some(number(count as u64));
        let at = |times: &Times, quantile| {
            (!times.is_empty()).then(|| crate::generator::verdict::at(times, quantile))
        };
        let joined_s = (self.participants == plan.athletes).then_some(self.joins.took.as_secs_f64());
        let server_mb = self.moments.iter().map(|one| one.server_mb).fold(0.0, f64::max);
        let mut judged = vec![
            (("all calls and streams", "errors", ""), bounds.errors, Some(number(errors))),
            (("all joins", "the last answer", "s"), bounds.joined_within_s, joined_s),
            (("the board", "lost updates", ""), bounds.lost, count(self.found.lost)),
            (("the board", "wrong ranks", ""), bounds.lost, count(self.found.wrong)),
            (("the streams", "missed final states", ""), bounds.lost, count(self.missed.lost)),
            (("intended send → own `me` frame", "p99", "ms"), bounds.me_p99_ms, at(&own.all, 0.99)),
            (("intended send → a watcher's board", "p99", "ms"), bounds.top_p99_ms, at(&shown.all, 0.99)),
            (("POST /v1/sync", "p95", "ms"), bounds.sync_p95_ms, at(&syncs.all, 0.95)),
            (("the server", "resident memory", "MB"), bounds.server_mb_max, Some(server_mb)),
        ];
        if plan.kill {
            let back = away.and_then(|away| away.caught_up_s);
            judged.push((("kill -9", "back and caught up", "s"), bounds.back_within_s, back));
        }
        judged.into_iter().map(|(what, bound, seen)| Verdict::at_most(what, bound, seen)).collect()
    }

    /// Of the seconds that are measured.
    fn costs(&self, field: &Field) -> Costs {
        let since = |at: Instant| at.saturating_duration_since(field.begins).as_secs();
        let measured = since(self.measured.start)..since(self.measured.end);
        let within: Vec<&Moment> = self.moments.iter().filter(|one| measured.contains(&one.second)).collect();
        let sum = |of: fn(&Moment) -> f64| within.iter().map(|one| of(one)).sum::<f64>();
        let most = |of: fn(&Moment) -> f64| self.moments.iter().map(of).fold(0.0, f64::max);
        let (server, generator) = (sum(|one| one.server_cores), sum(|one| one.generator_cores));
        let reports = sum(|one| number(one.acknowledged));
        let frames = sum(|one| number(one.own_frames + one.other_frames));
        let lasted = number(within.len().max(1) as u64);
        Costs {
            server_cpu_s: server,
            generator_cpu_s: generator,
            server_mb_max: most(|one| one.server_mb),
            generator_mb_max: most(|one| one.generator_mb),
            server_cpu_s_per_1000_reports: server * 1_000.0 / reports.max(1.0),
            server_cpu_s_per_1000_frames: server * 1_000.0 / frames.max(1.0),
            generator_us_per_frame_and_report: generator * 1e6 / (frames + reports).max(1.0),
            reports_per_s: reports / lasted,
            frames_per_s: frames / lasted,
        }
    }

    fn notes(&self, field: &Field, (expected, seeded): (u64, String)) -> Vec<String> {
        let (plan, counted) = (&field.plan, &field.counted);
        let mut notes = vec![
            format!(
                "{} of {} joined; the streams were open {:.2} s after the first was asked for",
                self.participants,
                plan.athletes,
                self.opened.as_secs_f64()
            ),
            format!(
                "{} reports were acknowledged; the last began {:.1} s behind the first; {:.1} s later all was at rest",
                field.syncs.len(),
                (self.measured.end - self.measured.start).as_secs_f64() + number(plan.warm_up_s),
                self.rested.as_secs_f64()
            ),
            format!(
                "the first {} s of reports count in the ledger and in errors, not in latencies: they make the workouts",
                plan.warm_up_s
            ),
        ];
        if plan.reconnect_percent > 0.0 {
            let reconnected = counted.reconnected.load(Relaxed);
            notes.push(format!(
                "{reconnected} streams were dropped and opened again ({} % a minute)",
                plan.reconnect_percent
            ));
        }
        if plan.slow_percent > 0.0 {
            let sent_away = counted.sent_away.load(Relaxed);
            notes.push(format!(
                "{} % were read slowly; {sent_away} times one was sent away for that and came back",
                plan.slow_percent
            ));
        }
        if plan.kill {
            notes.push(format!("{expected} calls and streams failed while the server was away and were tried again; what was due then is not among the latencies"));
        }
        notes.push(seeded);
        notes
    }
}

impl Away {
    fn of(outage: Outage) -> Self {
        let since = |at: Instant| at.saturating_duration_since(outage.killed).as_secs_f64();
        let Outage { ready, caught_up, streaming, .. } = outage;
        Self { ready_s: since(ready), caught_up_s: caught_up.map(since), streaming_s: streaming.map(since) }
    }
}

fn took<'a>(kinds: [(&str, &'a Summed); 4]) -> BTreeMap<String, Took> {
    let of = |times: &'a Times| Took { count: times.len(), took: Quantiles::of(times) };
    let mut all = BTreeMap::new();
    for (what, summed) in kinds {
        all.insert(what.to_owned(), of(&summed.all));
        if !summed.apart.is_empty() {
            all.insert(format!("{what}, due while the server was away"), of(&summed.apart));
        }
    }
    all
}

fn seconds(moments: &[Moment], syncs: &Summed, own: &Summed) -> Vec<ASecond> {
    let of = |summed: &Summed, second: u64| summed.seconds.get(&second).map(Quantiles::of);
    let second = |moment: &Moment| ASecond {
        sync: of(syncs, moment.second),
        own_frame: of(own, moment.second),
        moment: moment.clone(),
    };
    moments.iter().map(second).collect()
}

impl Outcome {
    /// It counts, and every bound was kept.
    pub(super) fn passed(&self) -> bool {
        self.faults.is_empty() && self.verdicts.iter().all(|verdict| verdict.met)
    }

    pub(super) fn tell(&self, report: &mut Report) {
        let (plan, name) = (&self.plan, &self.plan.name);
        for fault in &self.faults {
            report.skip(&format!("`{name}`"), fault);
        }
        let conditions = format!(
            "{} athletes, each a stream and a report each {} s for {} s, generator on the same machine",
            plan.athletes, plan.report_every_s, plan.seconds
        );
        for one in &self.verdicts {
            let bound = format!("≤ {} {} ({})", one.bound, one.unit, if one.met { "met" } else { "missed" });
            match one.seen {
                Some(seen) => {
                    report.judged(
                        format!("`{name}`: {}, {}", one.of, one.what),
                        (seen, one.unit),
                        bound,
                        &conditions,
                    );
                }
                None => report.skip(&format!("`{name}`: {}, {}", one.of, one.what), "never seen: missed"),
            }
        }
        for (what, took) in &self.took {
            let Took { count, took } = took;
            let detail = format!(
                "p50 {:.1} ms, p95 {:.1} ms, at most {:.0} ms; {count}",
                took.p50_ms, took.p95_ms, took.max_ms
            );
            report.figure(format!("`{name}`: {what}, p99"), (took.p99_ms, "ms"), "", detail);
        }
        let costs = &self.costs;
        for (what, value, unit) in [
            (
                "the server's CPU for 1 000 reports, all that follows from them counted",
                costs.server_cpu_s_per_1000_reports,
                "s",
            ),
            ("frames", costs.frames_per_s, "/s"),
            ("the generator for a frame or a report", costs.generator_us_per_frame_and_report, "µs"),
        ] {
            report.figure(format!("`{name}`: {what}"), (value, unit), "", &conditions);
        }
        report.figure(format!("`{name}`: own delay, p99"), (self.lag.p99_ms, "ms"), "≤ 10 ms", "");
        self.words.iter().chain(&self.notes).for_each(|line| println!("{line}"));
        println!("`{name}` {}", if self.passed() { "passed" } else { "did not pass" });
        if !self.passed() {
            report.fail(format!("`{name}` did not pass"));
        }
    }
}
