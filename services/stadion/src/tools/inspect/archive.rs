//! What an archive holds: each file with what it is, or why it is not read.

use serde_json::{Value, json};

use super::{Fault, workouts};

/// Files that are read whole for the report.
const READ_MAX: usize = 100;

pub(super) fn report(bytes: &[u8]) -> Result<Value, Fault> {
    let archive = formats::archive::open(bytes)?;
    let mut files = Vec::new();
    for (index, member) in archive.members().iter().enumerate() {
        let mut file = json!({ "name": member.name, "size": member.size });
        if let Some(fault) = member.fault {
            file["problem"] = json!(fault.detail());
        } else if index < READ_MAX {
            match formats::archive::unpack(bytes, member).and_then(|bytes| formats::read(&bytes)) {
                Ok(reading) => {
                    file["format"] = json!(reading.format.as_str());
                    file["activities"] = reading.activities.iter().map(workouts::summary).collect();
                    file["lost"] = json!(reading.salvage.map(|salvage| salvage.reasons));
                }
                Err(problem) => file["problem"] = json!(problem.to_string()),
            }
        }
        files.push(file);
    }
    Ok(json!({ "format": archive.kind().as_str(), "files": files }))
}
