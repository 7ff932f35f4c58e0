//! Real files with the figures that other readers give; they live beside the repository, not in it.

use std::path::PathBuf;

use serde_json::Value;

/// The file's bytes, or a word that there is no sample set.
pub(crate) fn sample(name: &str) -> Option<Vec<u8>> {
    let bytes = std::fs::read(folder().join(name)).ok();
    if bytes.is_none() {
        println!("skipped: no sample set");
    }
    bytes
}

/// `(file, oracle)` of each file under the folder that has an oracle.
pub(crate) fn oracles(under: &str) -> Vec<(String, Value)> {
    let Some(text) = sample("oracles.json") else { return Vec::new() };
    let all: Vec<Value> = serde_json::from_slice(&text).expect("oracles are a list");
    let with_name = all.into_iter().filter_map(|entry| {
        let file = entry["file"].as_str()?.to_owned();
        Some((file, entry["oracle"].clone()))
    });
    with_name.filter(|(file, _)| file.starts_with(under)).collect()
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/samples"))
}
