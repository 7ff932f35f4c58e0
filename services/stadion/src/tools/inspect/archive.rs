//! What an archive holds: each file with what it is, or why it is not read.

use formats::apple::Document;
use serde_json::{Value, json};

use super::{Fault, OnDisk, apple, workouts};

/// Files that are read whole for the report.
const READ_MAX: usize = 100;

pub(super) fn report(file: &OnDisk) -> Result<Value, Fault> {
    let archive = formats::archive::open(file)?;
    if let Some(member) = archive.health_export().and_then(|index| archive.members().get(index)) {
        let reader = Document::member(file, member)?.read_from(0)?;
        let mut report = apple::report(reader, Some((file, archive.members())))?;
        report["document"] = json!(member.name);
        report["files"] = json!(archive.members().len());
        report["bytes_lost"] = json!(archive.bytes_lost());
        return Ok(report);
    }
    let mut files = Vec::new();
    for (index, member) in archive.members().iter().enumerate() {
        let mut shown = json!({ "name": member.name, "size": member.size });
        if let Some(fault) = member.fault {
            shown["problem"] = json!(fault.detail());
        } else if index < READ_MAX {
            match formats::archive::unpack(file, member).and_then(|bytes| formats::read(&bytes)) {
                Ok(reading) => {
                    shown["format"] = json!(reading.format.as_str());
                    shown["activities"] = reading.activities.iter().map(workouts::summary).collect();
                    shown["lost"] = json!(reading.salvage.map(|salvage| salvage.reasons));
                }
                Err(problem) => shown["problem"] = json!(problem.to_string()),
            }
        }
        files.push(shown);
    }
    // Of one that is cut off or damaged, so that its list of files is gone.
    let bytes_lost = archive.bytes_lost();
    Ok(json!({ "format": archive.kind().as_str(), "files": files, "bytes_lost": bytes_lost }))
}
