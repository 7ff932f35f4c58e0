//! The run as one HTML file that needs nothing else.

use std::fmt::{self, Write as _};

use super::outcome::{ASecond, Outcome};
use crate::generator::{
    page::verdicts,
    plot::{COLOURS, STYLE, curves, escaped},
    result::Quantiles,
    verdict::number,
};

/// # Errors
/// None that a string knows.
pub(super) fn page(outcome: &Outcome) -> Result<String, fmt::Error> {
    let mut out = String::new();
    let plan = &outcome.plan;
    let name = escaped(&plan.name);
    write!(out, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{name}</title>")?;
    write!(out, "<meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style>")?;
    write!(out, "<h1>{name}</h1><p>{}</p>", escaped(&plan.about))?;
    write!(
        out,
        "<p>{} on {}; {} athletes, a report of each every {} s for {} s after {} s of warming up, {} read slowly, {} \
         reconnecting a minute{}.</p>",
        escaped(&outcome.begun_at),
        escaped(&outcome.machine),
        plan.athletes,
        plan.report_every_s,
        plan.seconds,
        plan.warm_up_s,
        percent(plan.slow_percent),
        percent(plan.reconnect_percent),
        if plan.kill { ", killed with SIGKILL in the middle" } else { "" },
    )?;
    verdicts(&mut out, &outcome.faults, &outcome.verdicts)?;
    if let Some(away) = outcome.outage {
        let after = |s: Option<f64>| s.map_or_else(|| "never".to_owned(), |s| format!("after {s:.2} s"));
        write!(
            out,
            "<p>Killed: ready again after {:.2} s, all that was acknowledged on the board {}, all streams open {}.</p>",
            away.ready_s,
            after(away.caught_up_s),
            after(away.streaming_s)
        )?;
    }
    plots(&mut out, &outcome.seconds)?;
    table(&mut out, outcome)?;
    out.push_str("<ul>");
    for line in outcome.words.iter().chain(&outcome.notes) {
        write!(out, "<li>{}</li>", escaped(line))?;
    }
    out.push_str("</ul></html>\n");
    Ok(out)
}

fn percent(value: f64) -> String {
    if value > 0.0 { format!("{value} %") } else { "none".to_owned() }
}

fn plots(out: &mut String, seconds: &[ASecond]) -> fmt::Result {
    let [one, two, three] = COLOURS;
    let curve = |of: fn(&ASecond) -> f64| seconds.iter().map(of).collect::<Vec<f64>>();
    let ms = |of: &Option<Quantiles>, which: fn(&Quantiles) -> f64| of.as_ref().map_or(0.0, which);
    let keys = |words: [&str; 3]| {
        let keys = words.iter().zip([one, two, three]).filter(|(word, _)| !word.is_empty());
        let keys: Vec<String> =
            keys.map(|(word, colour)| format!("<b style=\"color:{colour}\">{word}</b>")).collect();
        keys.join(", ")
    };
    let quantiles = ["p50", "p95", "p99"];
    write!(out, "<h2>Intended send → own <code>me</code> frame, ms</h2><p>{}</p>", keys(quantiles))?;
    let of = |which: fn(&Quantiles) -> f64| {
        seconds.iter().map(|second| ms(&second.own_frame, which)).collect::<Vec<f64>>()
    };
    curves(out, &[of(|took| took.p50_ms), of(|took| took.p95_ms), of(|took| took.p99_ms)])?;
    write!(
        out,
        "<h2>Intended send → answer of <code>POST /v1/sync</code>, ms</h2><p>{}</p>",
        keys(quantiles)
    )?;
    let of = |which: fn(&Quantiles) -> f64| {
        seconds.iter().map(|second| ms(&second.sync, which)).collect::<Vec<f64>>()
    };
    curves(out, &[of(|took| took.p50_ms), of(|took| took.p95_ms), of(|took| took.p99_ms)])?;
    write!(out, "<h2>Cores</h2><p>{}</p>", keys(["server", "generator", ""]))?;
    curves(
        out,
        &[curve(|one| one.moment.server_cores), curve(|one| one.moment.generator_cores), Vec::new()],
    )?;
    write!(out, "<h2>Resident memory, MB</h2><p>{}</p>", keys(["server", "generator", ""]))?;
    curves(out, &[curve(|one| one.moment.server_mb), curve(|one| one.moment.generator_mb), Vec::new()])?;
    write!(out, "<h2>Frames a second</h2><p>{}</p>", keys(["own", "others", ""]))?;
    curves(
        out,
        &[
            curve(|one| number(one.moment.own_frames)),
            curve(|one| number(one.moment.other_frames)),
            Vec::new(),
        ],
    )?;
    write!(out, "<h2>Reports acknowledged a second</h2>")?;
    curves(out, &[curve(|one| number(one.moment.acknowledged)), Vec::new(), Vec::new()])?;
    write!(out, "<h2>Streams open</h2>")?;
    curves(out, &[curve(|one| number(one.moment.streams)), Vec::new(), Vec::new()])
}

fn table(out: &mut String, outcome: &Outcome) -> fmt::Result {
    out.push_str(
        "<table><tr><th>from the intended start</th><th>count</th><th>p50 ms</th><th>p95</th><th>p99</th><th>max</th></tr>",
    );
    for (what, took) in &outcome.took {
        let quantiles = &took.took;
        write!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{:.2}</td><td>{:.2}</td><td>{:.2}</td><td>{:.1}</td></tr>",
            escaped(what),
            took.count,
            quantiles.p50_ms,
            quantiles.p95_ms,
            quantiles.p99_ms,
            quantiles.max_ms
        )?;
    }
    let costs = &outcome.costs;
    write!(
        out,
        "</table><table><tr><th>while it was measured</th><th>server</th><th>generator</th></tr>\
         <tr><td>CPU-seconds</td><td>{:.1}</td><td>{:.1}</td></tr>\
         <tr><td>most memory, MB</td><td>{:.0}</td><td>{:.0}</td></tr>\
         <tr><td>CPU-seconds for 1 000 reports ({:.0}/s)</td><td>{:.3}</td><td></td></tr>\
         <tr><td>CPU-seconds for 1 000 frames ({:.0}/s)</td><td>{:.3}</td><td></td></tr>\
         <tr><td>µs for a frame or a report</td><td></td><td>{:.1}</td></tr></table>",
        costs.server_cpu_s,
        costs.generator_cpu_s,
        costs.server_mb_max,
        costs.generator_mb_max,
        costs.reports_per_s,
        costs.server_cpu_s_per_1000_reports,
        costs.frames_per_s,
        costs.server_cpu_s_per_1000_frames,
        costs.generator_us_per_frame_and_report,
    )?;
    write!(
        out,
        "<p>The generator began its calls {:.2} ms late in the median, {:.2} ms at p99, {:.1} ms at most.</p>",
        outcome.lag.p50_ms, outcome.lag.p99_ms, outcome.lag.max_ms
    )
}
