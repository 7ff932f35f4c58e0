//! The proto contract: what was said once is not taken back, and personal fields are marked where they can be sealed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use prost_reflect::{DescriptorPool, FieldDescriptor, MessageDescriptor};

use crate::tree;

const LOCK: &str = "proto/contract.lock";
const HEAD: &str = "# The contract as it stands: message field-number name type, enum values, methods. Lines may be added; a line leaves\n\
                    # only when its field's number and name are `reserved`. `STADION_HOUSE=write cargo test -p stadion-testkit --test it contract`\n";

pub(crate) fn pool() -> &'static DescriptorPool {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    POOL.get_or_init(|| DescriptorPool::decode(proto::DESCRIPTORS).unwrap())
}

fn ours() -> impl Iterator<Item = MessageDescriptor> {
    pool()
        .all_messages()
        .filter(|message| message.package_name().starts_with("stadion.") && !message.is_map_entry())
}

/// Services that have a package of their own.
pub(crate) fn services() -> BTreeSet<String> {
    let packages = ours().map(|message| message.package_name().to_owned());
    packages
        .filter_map(|package| package.split('.').nth(1).map(str::to_owned))
        .filter(|service| tree::root().join("services").join(service).is_dir())
        .collect()
}

fn field_type(field: &FieldDescriptor) -> String {
    let base = if field.is_map() {
        let entry = field.kind();
        let entry = entry.as_message().unwrap();
        format!(
            "map<{},{}>",
            kind_name(&entry.map_entry_key_field().kind()),
            kind_name(&entry.map_entry_value_field().kind())
        )
    } else if field.is_list() {
        format!("repeated {}", kind_name(&field.kind()))
    } else if field.field_descriptor_proto().proto3_optional() {
        format!("optional {}", kind_name(&field.kind()))
    } else {
        kind_name(&field.kind())
    };
    match field.containing_oneof().filter(|oneof| !oneof.is_synthetic()) {
        Some(oneof) => format!("{base} in {}", oneof.name()),
        None => base,
    }
}

fn kind_name(kind: &prost_reflect::Kind) -> String {
    match kind {
        prost_reflect::Kind::Message(message) => message.full_name().to_owned(),
        prost_reflect::Kind::Enum(of) => of.full_name().to_owned(),
        scalar => format!("{scalar:?}").to_lowercase(),
    }
}

/// Key (`message number`, `enum number`, `service/method`) → what it is.
fn contract() -> BTreeMap<String, String> {
    let mut lines = BTreeMap::new();
    for message in ours() {
        lines.insert(format!("message {}", message.full_name()), String::new());
        for field in message.fields() {
            let key = format!("field {} {:05}", message.full_name(), field.number());
            lines.insert(key, format!("{} {}{}", field.name(), field_type(&field), marks(&field)));
        }
    }
    for of in pool().all_enums().filter(|of| of.package_name().starts_with("stadion.")) {
        for value in of.values() {
            lines.insert(format!("value {} {:05}", of.full_name(), value.number()), value.name().to_owned());
        }
    }
    for service in pool().services().filter(|service| service.package_name().starts_with("stadion.")) {
        for method in service.methods() {
            let answer = format!("{} -> {}", method.input().full_name(), method.output().full_name());
            lines.insert(format!("rpc {}/{}", service.full_name(), method.name()), answer);
        }
    }
    lines
}

/// The sealing class is a part of the contract: an event sealed under one class cannot be read under another.
fn marks(field: &FieldDescriptor) -> String {
    sealed_class(field).map(|class| format!(" sealed {class}")).unwrap_or_default()
}

fn sealed_class(field: &FieldDescriptor) -> Option<String> {
    let extension = pool().get_extension_by_name("stadion.options.v1.sealed").unwrap();
    let options = field.options();
    let value =
        options.has_extension(&extension).then(|| options.get_extension(&extension).as_enum_number())??;
    let class = pool().get_enum_by_name("stadion.options.v1.Class").unwrap().get_value(value)?;
    Some(class.name().to_owned())
}

fn subject_of(message: &MessageDescriptor, field: &FieldDescriptor) -> Option<String> {
    let text = |options: &prost_reflect::DynamicMessage, name: &str| {
        let extension = pool().get_extension_by_name(name).unwrap();
        let value = options.get_extension(&extension);
        value.as_str().filter(|subject| !subject.is_empty()).map(str::to_owned)
    };
    text(&field.options(), "stadion.options.v1.sealed_subject")
        .or_else(|| text(&message.options(), "stadion.options.v1.subject"))
}

fn printed(contract: &BTreeMap<String, String>) -> String {
    let lines: String =
        contract.iter().map(|(key, what)| format!("{}\n", format!("{key} {what}").trim_end())).collect();
    format!("{HEAD}{lines}")
}

/// Reserved, so that neither its number nor its name can come back with another meaning.
fn is_reserved(key: &str, what: &str) -> bool {
    let mut words = key.split(' ').skip(1);
    let (Some(message), Some(number)) = (words.next(), words.next()) else { return false };
    let Some(message) = pool().get_message_by_name(message) else { return false };
    let Ok(number) = number.parse::<u32>() else { return false };
    let name = what.split(' ').next().unwrap_or_default();
    message.reserved_ranges().any(|range| range.contains(&number))
        && message.reserved_names().any(|reserved| reserved == name)
}

#[test]
fn nothing_that_was_said_is_taken_back() {
    let now = contract();
    let committed = tree::read(LOCK);
    let mut breaches = Vec::new();
    for line in committed.lines().filter(|line| !line.starts_with('#')) {
        let words_of_key = if line.starts_with("field ") || line.starts_with("value ") { 3 } else { 2 };
        let words: Vec<&str> = line.splitn(words_of_key + 1, ' ').collect();
        let key = words[..words_of_key.min(words.len())].join(" ");
        let what = words.get(words_of_key).copied().unwrap_or_default();
        match now.get(&key) {
            Some(found) if found == what => {}
            Some(found) => breaches.push(format!("{key}: was `{what}`, is `{found}`")),
            None if is_reserved(&key, what) => {}
            None => breaches.push(format!("{key}: `{what}` is gone and not reserved")),
        }
    }
    tree::assert_none("old readers and old events would misunderstand", &breaches);
    tree::assert_snapshot(LOCK, &printed(&now));
}

#[test]
fn personal_fields_are_marked_at_the_top_of_messages_that_name_a_subject() {
    let parts: BTreeSet<String> = ours()
        .flat_map(|message| message.fields().collect::<Vec<_>>())
        .filter_map(|field| field.kind().as_message().map(|part| part.full_name().to_owned()))
        .collect();
    let mut breaches = Vec::new();
    let mut marked = 0;
    for message in ours() {
        for field in message.fields().filter(|field| sealed_class(field).is_some()) {
            marked += 1;
            let name = field.full_name();
            if parts.contains(message.full_name()) || message.parent_message().is_some() {
                breaches.push(format!("{name}: a part of another message: mark the part's field instead"));
            }
            if field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic()) {
                breaches.push(format!("{name}: in a oneof, which cannot be lifted out"));
            }
            match subject_of(&message, &field).map(|subject| (message.get_field_by_name(&subject), subject)) {
                None => breaches.push(format!("{name}: no subject is named")),
                Some((None, subject)) => breaches.push(format!("{name}: its subject {subject} is no field")),
                Some((Some(subject), _)) => {
                    if !matches!(subject.kind(), prost_reflect::Kind::Bytes)
                        || sealed_class(&subject).is_some()
                    {
                        breaches.push(format!("{name}: its subject is not 16 open bytes"));
                    }
                }
            }
        }
    }
    tree::assert_none("a mark that the codec could not honour", &breaches);
    assert!(marked > 10, "only {marked} marked fields: the walk does not see them");
}

/// Words that name something personal; a top-level event field called so must be marked, or stand here with a reason.
const PERSONAL: [&str; 14] = [
    "email",
    "display_name",
    "handle",
    "birth_year",
    "phone",
    "latitude",
    "longitude",
    "heart_rate_avg_bpm",
    "heart_rate_max_bpm",
    "profile",
    "guardian_email",
    "filename",
    "distance_m",
    "device_name",
];

#[test]
fn what_sounds_personal_in_an_event_is_sealed() {
    let parts: BTreeSet<String> = ours()
        .flat_map(|message| message.fields().collect::<Vec<_>>())
        .filter_map(|field| field.kind().as_message().map(|part| part.full_name().to_owned()))
        .collect();
    let open: Vec<String> = ours()
        .filter(|message| message.parent_file().name().ends_with("_events.proto"))
        .filter(|message| !parts.contains(message.full_name()) && message.parent_message().is_none())
        .flat_map(|message| message.fields().collect::<Vec<_>>())
        .filter(|field| PERSONAL.contains(&field.name()) && sealed_class(field).is_none())
        .map(|field| field.full_name().to_owned())
        .collect();
    tree::assert_none("an event would be written with this in the clear", &open);
}
