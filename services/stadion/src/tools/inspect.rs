//! `stadion inspect FILE`: what a device file holds, an archive of them, or an Apple Health export.

mod apple;
mod archive;
mod workouts;

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    path::Path,
    process,
};

use anyhow::anyhow;
use formats::{
    Problem,
    apple::{Document, detect},
    archive::ReadAt,
};
use serde_json::{Value, json};

use super::say::say;

/// Of one that is read whole.
const FILE_BYTES_MAX: u64 = 1 << 30;

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
    let file = OnDisk::open(path)?;
    // An export may be larger than memory: it is never read whole.
    if let Some(wrapping) = detect(&file) {
        return apple::report(Document::open(&file, wrapping).read_from(0)?, None);
    }
    let mut head = [0; 4];
    file.read_at(0, &mut head)?;
    if formats::archive::is_zip(&head) {
        return archive::report(&file);
    }
    if file.size() > FILE_BYTES_MAX {
        return Err(Problem::Unreadable("it is too large for a device file".into()).into());
    }
    let mut bytes = Vec::new();
    (&file.file).read_to_end(&mut bytes)?;
    Ok(workouts::report(&formats::read(&bytes)?))
}

/// A file, read by place.
struct OnDisk {
    file: File,
    size: u64,
}

impl OnDisk {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        Ok(Self { file, size })
    }
}

impl ReadAt for OnDisk {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<usize> {
        FileExt::read_at(&self.file, out, at)
    }
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
