//! Golden payloads: what was written once must be read for ever.
//!
//! `tests/golden/<Event>.<case>.hex` holds the plain protobuf as hexadecimal text, `<Event>.<case>.expected` the domain
//! event it must decode to, as `{:#?}` prints it. A new shape of an event gets a new case; old cases are never edited.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    fs,
    path::{Path, PathBuf},
};

use eventing::event::{DomainEvent, Plain};
use prost::{Message, Name};

/// Set to `write` to add the cases that are missing; existing ones are never touched.
const WRITE: &str = "STADION_GOLDEN";

/// Checks a crate's golden events. `package` is the full name of its proto package (`stadion.auth.v1`), `folder` is
/// `concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden")`, `current` names a case for each event of today.
///
/// # Panics
/// When a committed payload no longer decodes to what stands beside it, when an event of today is not among them, or
/// when it is encoded to other bytes than those committed for its case.
#[track_caller]
pub fn check<E: DomainEvent + Debug>(package: &str, folder: &str, current: &[(&str, E)]) {
    let folder = Path::new(folder);
    for (case, event) in current {
        add_if_asked(folder, case, event);
    }
    let committed = committed(folder);
    for (name, payload) in &committed {
        let kind = format!("{package}.{}", name.split('.').next().unwrap_or_default());
        let plain = Plain { kind, schema_ver: 1, payload: payload.clone().into(), erased: Vec::new() };
        let decoded = E::decode(&plain).unwrap_or_else(|error| panic!("{name}: {error}"));
        let expected = fs::read_to_string(folder.join(format!("{name}.expected"))).unwrap_or_default();
        assert_eq!(format!("{decoded:#?}\n"), expected, "{name} is read otherwise than it was written");
    }
    for (case, event) in current {
        let plain = event.encode();
        let name = file_stem(&plain, case);
        let payload =
            committed.get(&name).unwrap_or_else(|| panic!("{name} is missing: run with {WRITE}=write"));
        assert_eq!(
            hex::encode(payload),
            hex::encode(&plain.payload),
            "{name} is written otherwise than before"
        );
    }
}

/// As [`check`], for what is kept and is no event: values of state topics, snapshots, timers' payloads. What they must
/// decode to is the message itself.
///
/// # Panics
/// As [`check`].
#[track_caller]
pub fn check_message<M: Message + Name + Default + Debug>(folder: &str, case: &str, message: &M) {
    let folder = Path::new(folder);
    let plain = Plain::of(message);
    let file = folder.join(format!("{}.hex", file_stem(&plain, case)));
    if !file.exists() && std::env::var(WRITE).as_deref() == Ok("write") {
        write(&file.with_extension("expected"), &format!("{message:#?}\n"));
        write(&file, &format!("{}\n", hex::encode(&plain.payload)));
    }
    assert!(file.exists(), "{} is missing: run with {WRITE}=write", file.display());
    let (name, payload) = read(file.clone());
    let decoded = M::decode(payload.as_slice()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let expected = fs::read_to_string(file.with_extension("expected")).unwrap_or_default();
    assert_eq!(format!("{decoded:#?}\n"), expected, "{name} is read otherwise than it was written");
    assert_eq!(hex::encode(&payload), hex::encode(&plain.payload), "{name} is written otherwise than before");
}

fn file_stem(plain: &Plain, case: &str) -> String {
    format!("{}.{case}", plain.kind.rsplit('.').next().unwrap_or_default())
}

fn add_if_asked<E: DomainEvent + Debug>(folder: &Path, case: &str, event: &E) {
    let plain = event.encode();
    let payload = folder.join(format!("{}.hex", file_stem(&plain, case)));
    if payload.exists() || std::env::var(WRITE).as_deref() != Ok("write") {
        return;
    }
    // What it decodes to, not what it was: fields that the wire does not carry show up in review.
    let decoded = E::decode(&plain).unwrap_or_else(|error| panic!("{}: {error}", payload.display()));
    write(&payload.with_extension("expected"), &format!("{decoded:#?}\n"));
    write(&payload, &format!("{}\n", hex::encode(&plain.payload)));
}

fn write(path: &Path, text: &str) {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    }
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn committed(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let paths = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "hex")).map(read).collect()
}

fn read(path: PathBuf) -> (String, Vec<u8>) {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let payload = hex::decode(text.trim()).unwrap_or_else(|error| panic!("{name}: {error}"));
    (name, payload)
}
