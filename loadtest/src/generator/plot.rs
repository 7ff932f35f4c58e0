//! Curves as SVG, and what every page has.

use std::fmt::{self, Write as _};

use super::verdict::number;

pub(crate) const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 220.0;
const MARGIN: f64 = 44.0;

pub(crate) const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2430}\
h1{margin-bottom:0}table{border-collapse:collapse;margin:1rem 0}td,th{padding:.25rem .7rem;text-align:right;border-bottom:1px solid #dde2e8}\
td:first-child,th:first-child{text-align:left}.met{color:#116329}.missed{color:#a40e26;font-weight:600}\
svg{max-width:100%;height:auto;background:#fafbfc;border:1px solid #dde2e8}svg text{font:11px system-ui,sans-serif;fill:#57606a}";

/// p50, p95, p99, and what else a plot shows.
pub(crate) const COLOURS: [&str; 3] = ["#2f6fed", "#e08b00", "#c62f4b"];

/// Curves over seconds, in the colours of p50, p95, p99.
pub(crate) fn curves(out: &mut String, curves: &[Vec<f64>; 3]) -> fmt::Result {
    let top = curves.iter().flatten().copied().fold(1.0, f64::max) * 1.05;
    let most = curves.iter().map(Vec::len).max().unwrap_or_default().max(2);
    let x = |nth: usize| MARGIN + (WIDTH - MARGIN - 8.0) * number(nth as u64) / number(most as u64 - 1);
    let y = |value: f64| HEIGHT - 24.0 - (HEIGHT - 36.0) * value / top;
    write!(out, "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">")?;
    for part in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let (value, at) = (top * part, y(top * part));
        write!(out, "<path d=\"M{MARGIN} {at:.1}H{WIDTH}\" stroke=\"#e6e9ee\"/>")?;
        write!(
            out,
            "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            MARGIN - 6.0,
            at + 4.0,
            short(value)
        )?;
    }
    write!(out, "<text x=\"{MARGIN}\" y=\"{:.0}\">0 s</text>", HEIGHT - 6.0)?;
    write!(out, "<text x=\"{WIDTH}\" y=\"{:.0}\" text-anchor=\"end\">{most} s</text>", HEIGHT - 6.0)?;
    for (values, colour) in curves.iter().zip(COLOURS).filter(|(values, _)| !values.is_empty()) {
        let points: Vec<String> =
            values.iter().enumerate().map(|(nth, value)| format!("{:.1},{:.1}", x(nth), y(*value))).collect();
        write!(
            out,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\" points=\"{}\"/>",
            points.join(" ")
        )?;
    }
    out.push_str("</svg>");
    Ok(())
}

pub(crate) fn short(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
