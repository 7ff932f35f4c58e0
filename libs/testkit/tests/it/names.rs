//! Names say what a thing is for, and the tree speaks of itself alone.

use std::path::Path;

use crate::tree;

const EMPTY_NAMES: [&str; 8] =
    ["utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"];

#[test]
fn no_file_or_folder_has_a_name_that_says_nothing() {
    let breaches: Vec<String> = tree::files()
        .iter()
        .filter(|file| {
            let parts = file.iter().map(|part| part.to_string_lossy());
            parts.map(|part| part.split('.').next().unwrap_or_default().to_lowercase()).any(|part| {
                EMPTY_NAMES.contains(&part.as_str()) || part.split(['_', '-']).any(|word| word == "utils")
            })
        })
        .map(|file| file.display().to_string())
        .collect();
    tree::assert_none("name it by what it is for", &breaches);
}

/// Words put together here, so that this file does not hold them itself.
fn forbidden() -> Vec<(String, &'static str)> {
    let hosts = ["index.crates", "static.crates", "proxy.golang", "files.pythonhosted", "registry.npmjs"];
    let mut words: Vec<(String, &str)> = hosts
        .into_iter()
        .map(|host| (format!("{host}."), "a registry is configured where it is used, not named in the tree"))
        .collect();
    words.push((["/work", "/"].concat(), "a path of one machine"));
    words.push((["/root", "/"].concat(), "a path of one machine"));
    words.push((["BEGIN ", "PRIVATE KEY"].concat(), "a private key"));
    words.push((["BEGIN RSA ", "PRIVATE KEY"].concat(), "a private key"));
    words
}

#[test]
fn no_registry_host_machine_path_or_key_stands_in_the_tree() {
    let forbidden = forbidden();
    let mut breaches = Vec::new();
    for file in tree::files() {
        // The lock file is cargo's own and names the registry it resolved from.
        if file == Path::new("Cargo.lock") {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(tree::root().join(file)) else { continue };
        for (index, line) in text.lines().enumerate() {
            for (word, why) in forbidden.iter().filter(|(word, _)| line.contains(word.as_str())) {
                breaches.push(format!("{}:{}: {word:?}: {why}", file.display(), index + 1));
            }
        }
    }
    tree::assert_none("the tree speaks of itself alone", &breaches);
}

#[test]
fn a_crate_has_one_test_binary() {
    let breaches: Vec<String> = tree::files_named("rs")
        .filter(|file| {
            let parts: Vec<_> = file.iter().map(|part| part.to_string_lossy()).collect();
            let Some(tests) = parts.iter().position(|part| part == "tests") else { return false };
            // `tests/x.rs` would be a binary of its own; `src/…/tests/` are modules.
            !parts.contains(&"src".into()) && parts.len() == tests + 2
        })
        .map(|file| file.display().to_string())
        .collect();
    tree::assert_none("tests live under tests/it", &breaches);
}
