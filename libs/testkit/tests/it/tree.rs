//! The repository as the rules see it: its files, its packages, its committed snapshots.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use cargo_metadata::{Metadata, MetadataCommand};

/// Set to `write` to bring committed snapshots up to date, where their rule allows the change.
pub(crate) const WRITE: &str = "STADION_HOUSE";

/// The top of the repository.
pub(crate) fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let here =
            std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
        fs::canonicalize(Path::new(&here).join("../..")).unwrap()
    })
}

/// The workspace's packages with what they declare to depend on; nothing is resolved or fetched.
pub(crate) fn metadata() -> &'static Metadata {
    static METADATA: OnceLock<Metadata> = OnceLock::new();
    METADATA.get_or_init(|| {
        MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap()
    })
}

/// Every file that is or would be committed, relative to the top, in order.
pub(crate) fn files() -> &'static [PathBuf] {
    static FILES: OnceLock<Vec<PathBuf>> = OnceLock::new();
    FILES.get_or_init(|| {
        let listed = Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
            .current_dir(root())
            .output()
            .ok()
            .filter(|output| output.status.success());
        // A source archive has no git: then the folder is what there is.
        let mut files: Vec<PathBuf> = match listed {
            Some(output) => {
                String::from_utf8(output.stdout).unwrap().split('\0').map(PathBuf::from).collect()
            }
            None => walked(root()),
        };
        files.retain(|file| root().join(file).is_file());
        files.sort();
        files.dedup();
        files
    })
}

fn walked(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if name != "target" && name != ".git" && name != "stadion-data" {
                files.extend(walked(&path));
            }
        } else {
            files.push(path.strip_prefix(root()).unwrap().to_owned());
        }
    }
    files
}

/// Files with this extension.
pub(crate) fn files_named(extension: &str) -> impl Iterator<Item = &'static PathBuf> {
    files().iter().filter(move |file| file.extension().is_some_and(|found| found == extension))
}

pub(crate) fn read(file: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(file.as_ref())).unwrap_or_default()
}

/// Compares with a committed snapshot, or writes it when asked to.
#[track_caller]
pub(crate) fn assert_snapshot(file: &str, now: &str) {
    if std::env::var(WRITE).as_deref() == Ok("write") {
        fs::write(root().join(file), now).unwrap();
    }
    let committed = read(file);
    let (old, new): (Vec<&str>, Vec<&str>) = (committed.lines().collect(), now.lines().collect());
    let gone = old.iter().filter(|line| !new.contains(line)).map(|line| format!("- {line}\n"));
    let added = new.iter().filter(|line| !old.contains(line)).map(|line| format!("+ {line}\n"));
    let changed: String = gone.chain(added).take(60).collect();
    assert!(
        committed == now,
        "{file} is out of date; if the change is meant, run\n  {WRITE}=write cargo test -p stadion-testkit --test it\n{changed}"
    );
}

/// Fails with all breaches at once.
#[track_caller]
pub(crate) fn assert_none(rule: &str, breaches: &[String]) {
    assert!(breaches.is_empty(), "{rule}\n  {}", breaches.join("\n  "));
}
