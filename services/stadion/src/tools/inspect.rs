//! `stadion inspect FILE`: what a device file holds, an archive of them, or an Apple Health export.

mod apple;
mod archive;
mod workouts;

use std::{
    fs::File,
    io::{self, Read, Seek},
    path::Path,
    process,
};

use anyhow::anyhow;
use formats::Problem;
use serde_json::{Value, json};

use super::say::say;

/// A byte order mark and what XML begins with.
const XML_STARTS: [&[u8]; 2] = [b"<", b"\xef\xbb\xbf<"];

/// With `as_json`, a fault is JSON too: `{"problem":{"code","detail"}}`, and the process ends with 1.
///
/// # Errors
/// A file that cannot be read, or is no activity.
pub fn run(path: &Path, as_json: bool) -> anyhow::Result<()> {
    match look_into(path) {
        Ok(report) if as_json => say(format_args!("{:#}", pruned(report))),
        Ok(report) => print(&pruned(report), 0),
        Err(problem) if as_json => {
            let problem = json!({ "code": problem.code, "detail": problem.detail });
            say(format_args!("{:#}", json!({ "file": path.display().to_string(), "problem": problem })));
            process::exit(1);
        }
        Err(problem) => return Err(anyhow!("{}: {}", path.display(), problem.detail)),
    }
    Ok(())
}

struct Fault {
    code: &'static str,
    detail: String,
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self { code: problem.code(), detail: problem.to_string() }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self { code: "file_unreadable", detail: format!("it cannot be read: {error}") }
    }
}

fn look_into(path: &Path) -> Result<Value, Fault> {
    let mut file = File::open(path)?;
    let mut head = [0; 4];
    let read = file.read(&mut head)?;
    file.rewind()?;
    if XML_STARTS.iter().any(|start| head.get(..read).is_some_and(|head| head.starts_with(start))) {
        // An export may be larger than memory: it is never read whole.
        if let Ok(reader) = formats::apple::Reader::new(&file) {
            return apple::report(reader);
        }
        file.rewind()?;
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    if formats::archive::is_zip(&bytes) {
        return archive::report(&bytes);
    }
    Ok(workouts::report(&formats::read(&bytes)?))
}

/// What is unknown is absent.
fn pruned(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, pruned(value)))
            .collect(),
        Value::Array(list) => list.into_iter().map(pruned).collect(),
        other => other,
    }
}

fn print(value: &Value, depth: usize) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let margin = "  ".repeat(depth);
        match value {
            Value::Array(list) if list.iter().all(Value::is_object) => {
                for (index, inner) in list.iter().enumerate() {
                    say(format_args!("{margin}{key} {}", index + 1));
                    print(inner, depth + 1);
                }
            }
            Value::Object(_) => {
                say(format_args!("{margin}{key}"));
                print(value, depth + 1);
            }
            Value::String(text) => say(format_args!("{margin}{key:<20} {text}")),
            other => say(format_args!("{margin}{key:<20} {other}")),
        }
    }
}
