//! What is said of one thing: how it stands, what that means, what to do.

use std::fmt;

use platform::config::Fault;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Ok,
    Warning,
    Wrong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Area {
    Settings,
    Process,
    Engine,
    Peer,
    Clock,
    Limit,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    pub(super) area: Area,
    pub(super) what: String,
    pub(super) means: String,
    /// What to do; nothing where all is well.
    #[serde(rename = "do", skip_serializing_if = "String::is_empty")]
    pub(super) mend: String,
}

impl Finding {
    pub(super) fn ok(area: Area, what: impl Into<String>, means: impl fmt::Display) -> Self {
        Self { verdict: Verdict::Ok, area, what: what.into(), means: line(means), mend: String::new() }
    }

    pub(super) fn warning(
        area: Area,
        what: impl Into<String>,
        means: impl fmt::Display,
        mend: impl fmt::Display,
    ) -> Self {
        Self { verdict: Verdict::Warning, area, what: what.into(), means: line(means), mend: line(mend) }
    }

    pub(super) fn wrong(
        area: Area,
        what: impl Into<String>,
        means: impl fmt::Display,
        mend: impl fmt::Display,
    ) -> Self {
        Self { verdict: Verdict::Wrong, area, what: what.into(), means: line(means), mend: line(mend) }
    }

    /// A setting that is not valid.
    pub(super) fn of_fault(fault: &Fault) -> Self {
        let what = if fault.setting.is_empty() { "settings" } else { &fault.setting };
        let mend = format!("set it as said; it comes from: {}", fault.origin);
        Self::wrong(Area::Settings, what, &fault.what, mend)
    }
}

/// One thing, one line.
fn line(text: impl fmt::Display) -> String {
    text.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verdict, area) = (format!("{:?}", self.verdict), format!("{:?}", self.area));
        write!(f, "{:<8} {:<8} {}: {}", verdict.to_lowercase(), area.to_lowercase(), self.what, self.means)?;
        if self.mend.is_empty() { Ok(()) } else { write!(f, " → {}", self.mend) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_that_says_what_to_do() {
        let wrong = Finding::wrong(Area::Limit, "disk", "3 MB\n  left", "make room");
        assert_eq!(wrong.to_string(), "wrong    limit    disk: 3 MB left → make room");
        assert_eq!(Finding::ok(Area::Clock, "clock", 7).to_string(), "ok       clock    clock: 7");
        assert!(Verdict::Wrong > Verdict::Warning && Verdict::Warning > Verdict::Ok);
    }
}
