//! Every event has a golden payload: what was written once is read for ever.

use std::collections::BTreeSet;

use crate::{contract, tree};

/// Messages of the `*_events.proto` of a package that stand for themselves: events, state values, timers' payloads.
/// A message that is only a part of others is covered with them.
fn standing_alone(package: &str) -> BTreeSet<String> {
    let pool = contract::pool();
    let messages: Vec<_> = pool
        .all_messages()
        .filter(|message| message.package_name() == package && message.parent_message().is_none())
        .filter(|message| message.parent_file().name().ends_with("_events.proto"))
        .collect();
    let parts: BTreeSet<String> = pool
        .all_messages()
        .flat_map(|message| message.fields().collect::<Vec<_>>())
        .filter_map(|field| field.kind().as_message().map(|part| part.full_name().to_owned()))
        .collect();
    messages
        .into_iter()
        .filter(|message| !parts.contains(message.full_name()) && message.name() != "Placeholder")
        .map(|message| message.name().to_owned())
        .collect()
}

#[test]
fn every_event_has_a_golden_payload() {
    let mut missing = Vec::new();
    for service in contract::services() {
        let folder = format!("services/{service}/tests/golden/");
        let golden: BTreeSet<&str> = tree::files()
            .iter()
            .filter_map(|file| file.to_str()?.strip_prefix(&folder))
            // They may lie in folders, one an aggregate.
            .filter_map(|file| file.rsplit('/').next()?.split('.').next())
            .collect();
        let events = standing_alone(&format!("stadion.{service}.v1"));
        let bare = events.iter().filter(|event| !golden.contains(event.as_str()));
        missing.extend(bare.map(|event| format!("{folder}{event}.…")));
    }
    tree::assert_none("add a golden payload (testkit::golden)", &missing);
}
