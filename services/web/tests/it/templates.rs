//! The rules that templates and scripts keep so that the policy of the pages can be strict.

use std::{fs, path::Path};

fn files(folder: &str, extension: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let files = entries.filter(|path| path.extension().is_some_and(|found| found == extension));
    files.map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn templates_hold_nothing_inline_and_trust_nothing() {
    let banned =
        ["|safe", "| safe", "style=", "<style", "<script>", "javascript:", "hx-on", "js:", "escape=\"none\""];
    for (file, text) in files("templates", "html") {
        for word in banned {
            assert!(!text.contains(word), "{file}: {word}");
        }
        let handlers = text.split_whitespace().filter(|word| word.starts_with("on") && word.contains('='));
        assert_eq!(handlers.collect::<Vec<_>>(), Vec::<&str>::new(), "{file}: handlers");
        // An attribute without quotes would let a value end it.
        let open = text.split_whitespace().filter_map(|word| word.split_once("={{"));
        assert!(open.into_iter().all(|(before, _)| before.contains('"')), "{file}: an unquoted attribute");
    }
}

#[test]
fn scripts_make_no_markup_of_text_and_run_none() {
    let banned = ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"];
    for (file, text) in files("assets", "js") {
        for word in banned {
            assert!(!text.contains(word), "{file}: {word}");
        }
        assert!(text.lines().count() < 500, "{file} has two subjects");
    }
}
