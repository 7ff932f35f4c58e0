//! Links of the documents lead somewhere.

use std::path::{Path, PathBuf};

use crate::tree;

/// Targets of `[text](target)` outside code blocks, with their line.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for part in line.split("](").skip(1) {
            if let Some((target, _)) = part.split_once(')') {
                found.push((index + 1, target.to_owned()));
            }
        }
    }
    found
}

/// A heading's anchor as Markdown viewers make it.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

fn breach(file: &Path, target: &str) -> Option<String> {
    let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
    let document: PathBuf =
        if path.is_empty() { file.to_owned() } else { file.parent().unwrap_or(Path::new("")).join(path) };
    if !tree::root().join(&document).exists() {
        return Some(format!("{target} leads nowhere"));
    }
    let text = tree::read(&document);
    let known =
        || text.lines().filter(|line| line.starts_with('#')).any(|heading| anchor(heading) == fragment);
    (!fragment.is_empty() && !known()).then(|| format!("{target}: no such heading"))
}

#[test]
fn relative_links_lead_somewhere() {
    let mut breaches = Vec::new();
    for file in tree::files_named("md") {
        for (line, target) in links(&tree::read(file)) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            breaches.extend(breach(file, &target).map(|what| format!("{}:{line}: {what}", file.display())));
        }
    }
    tree::assert_none("mend the link", &breaches);
}

#[test]
fn every_decision_record_is_listed() {
    let index = tree::read("docs/adr/README.md");
    let unlisted: Vec<String> = tree::files_named("md")
        .filter(|file| file.starts_with("docs/adr") && !file.ends_with("README.md"))
        .filter_map(|file| file.file_name()?.to_str())
        .filter(|name| !index.contains(name))
        .map(str::to_owned)
        .collect();
    tree::assert_none("list it in docs/adr/README.md", &unlisted);
}
