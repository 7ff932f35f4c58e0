//! Lines for the person who typed the command.

use std::{fmt::Display, io::Write, process};

/// One line on stdout. A reader that has gone (`stadion inspect … | head`) has seen enough: the tool ends quietly.
pub(super) fn say(line: impl Display) {
    if writeln!(std::io::stdout(), "{line}").is_err() {
        process::exit(0);
    }
}
