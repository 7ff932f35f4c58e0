//! One HTML file that needs nothing else: verdicts, tables, plots.

use std::fmt::{self, Write as _};

use super::{
    plot::{COLOURS, STYLE, WIDTH, curves, escaped, short},
    result::{ASecond, Figures, Measured},
    verdict::Verdict,
};

/// The whole page.
///
/// # Errors
/// None that a string knows.
pub(crate) fn page(measured: &Measured) -> Result<String, fmt::Error> {
    let mut out = String::new();
    let scenario = &measured.scenario;
    let name = escaped(&scenario.name);
    write!(out, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{name}</title>")?;
    write!(out, "<meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style>")?;
    write!(out, "<h1>{name}</h1><p>{}</p>", escaped(&scenario.about))?;
    write!(
        out,
        "<p>{} on {}; {} calls a second intended for {} s after {} s of warming up, {} accounts.</p>",
        escaped(&measured.begun_at),
        escaped(&measured.machine),
        scenario.rate_per_s,
        scenario.seconds,
        scenario.warm_up_s,
        scenario.accounts,
    )?;
    verdicts(&mut out, &measured.faults, &measured.verdicts)?;
    let seconds = &measured.seconds;
    let [p50, p95, p99] = COLOURS;
    write!(
        out,
        "<h2>Latency by second, ms</h2><p><b style=\"color:{p50}\">p50</b>, <b style=\"color:{p95}\">p95</b>, \
         <b style=\"color:{p99}\">p99</b>, from the intended start</p>"
    )?;
    let curve = |of: fn(&ASecond) -> f64| seconds.iter().map(of).collect::<Vec<f64>>();
    curves(
        &mut out,
        &[curve(|one| one.took.p50_ms), curve(|one| one.took.p95_ms), curve(|one| one.took.p99_ms)],
    )?;
    out.push_str("<h2>Calls (blue) and errors (red) by second</h2>");
    curves(&mut out, &[curve(|one| count(one.calls)), Vec::new(), curve(|one| count(one.errors))])?;
    out.push_str("<h2>By call, ms</h2>");
    bars(&mut out, measured)?;
    table(&mut out, measured)?;
    write!(
        out,
        "<p>The generator began its calls {:.2} ms late in the median, {:.2} ms at p99, {:.1} ms at most.</p><ul>",
        measured.lag.p50_ms, measured.lag.p99_ms, measured.lag.max_ms
    )?;
    for note in &measured.notes {
        write!(out, "<li>{}</li>", escaped(note))?;
    }
    out.push_str("</ul></html>\n");
    Ok(out)
}

/// Why it does not count, and every bound with what was seen.
pub(crate) fn verdicts(out: &mut String, faults: &[String], verdicts: &[Verdict]) -> fmt::Result {
    for fault in faults {
        write!(out, "<p class=\"missed\">{}</p>", escaped(fault))?;
    }
    out.push_str("<table><tr><th>objective</th><th>bound</th><th>seen</th><th></th></tr>");
    for one in verdicts {
        let seen =
            one.seen.map_or_else(|| "never called".to_owned(), |seen| format!("{seen:.2} {}", one.unit));
        let (class, word) = if one.met { ("met", "met") } else { ("missed", "missed") };
        write!(
            out,
            "<tr><td>{} of {}</td><td>{} {}</td><td>{seen}</td><td class=\"{class}\">{word}</td></tr>",
            one.what,
            escaped(&one.of),
            one.bound,
            one.unit
        )?;
    }
    out.push_str("</table>");
    Ok(())
}

fn table(out: &mut String, measured: &Measured) -> fmt::Result {
    out.push_str(
        "<table><tr><th>call</th><th>calls</th><th>errors</th><th>p50 ms</th><th>p95</th><th>p99</th><th>max</th><th>answers</th></tr>",
    );
    let mut row = |what: &str, figures: &Figures| {
        let answers: Vec<String> =
            figures.outcomes.iter().map(|(word, count)| format!("{count} × {}", escaped(word))).collect();
        write!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{:.2}</td><td>{:.2}</td><td>{:.2}</td><td>{:.1}</td><td>{}</td></tr>",
            escaped(what),
            figures.calls,
            figures.errors,
            figures.took.p50_ms,
            figures.took.p95_ms,
            figures.took.p99_ms,
            figures.took.max_ms,
            answers.join(", ")
        )
    };
    row("all", &measured.all)?;
    for (what, figures) in &measured.endpoints {
        row(what, figures)?;
    }
    out.push_str("</table>");
    Ok(())
}

/// A group of three bars a call.
fn bars(out: &mut String, measured: &Measured) -> fmt::Result {
    const ROW: f64 = 30.0;
    const NAMES: f64 = 230.0;
    let top = measured.endpoints.values().map(|one| one.took.p99_ms).fold(1.0, f64::max);
    let height = ROW * count(measured.endpoints.len() as u64) + 8.0;
    write!(out, "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">")?;
    for (nth, (what, figures)) in measured.endpoints.iter().enumerate() {
        let begin = 6.0 + ROW * count(nth as u64);
        write!(
            out,
            "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            NAMES - 8.0,
            begin + 15.0,
            escaped(what)
        )?;
        let values = [figures.took.p50_ms, figures.took.p95_ms, figures.took.p99_ms];
        for (bar, (value, colour)) in values.into_iter().zip(COLOURS).enumerate() {
            let long = (WIDTH - NAMES - 60.0) * value / top;
            let at = begin + 8.0 * count(bar as u64);
            write!(
                out,
                "<rect x=\"{NAMES}\" y=\"{at:.1}\" width=\"{long:.1}\" height=\"7\" fill=\"{colour}\"/>"
            )?;
        }
        let long = (WIDTH - NAMES - 60.0) * figures.took.p99_ms / top;
        write!(
            out,
            "<text x=\"{:.0}\" y=\"{:.1}\">{}</text>",
            NAMES + long + 6.0,
            begin + 22.0,
            short(figures.took.p99_ms)
        )?;
    }
    out.push_str("</svg>");
    Ok(())
}

fn count(number: u64) -> f64 {
    super::verdict::number(number)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        calls::Call,
        generator::{
            scenario::Scenario,
            tally::{Outcome, Tally},
        },
    };

    #[test]
    fn a_page_stands_alone_and_says_what_was_missed() {
        let scenario = Scenario::parse(include_str!("../../scenarios/smoke.toml")).unwrap();
        let mut tally = Tally::new(Duration::ZERO).unwrap();
        for second in 0..5 {
            let intended = Duration::from_secs(second);
            tally.began(intended, Duration::from_millis(1));
            let outcome = Outcome::Failed("<broken>".to_owned());
            tally.ended(Call::Me, intended, Duration::from_secs(2), &outcome).unwrap();
        }
        let about = ("2026-01-01T00:00:00Z".to_owned(), "a machine".to_owned());
        let measured = Measured::of(&scenario, &tally, about, vec!["a note & more".to_owned()]);
        assert!(!measured.passed());
        let page = page(&measured).unwrap();
        assert!(page.contains("class=\"missed\"") && page.contains("&lt;broken&gt;"));
        assert!(page.contains("a note &amp; more") && page.matches("<svg").count() == 3);
        assert!(
            !page.contains("http://") && !page.contains("NaN"),
            "nothing is fetched, nothing is undefined"
        );
        serde_json::to_string(&measured).unwrap();
    }
}
