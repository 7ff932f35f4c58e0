//! Each schema of the public API has a name of its own: of two with one name the document keeps either.

use std::collections::BTreeMap;

use crate::tree;

/// The schemas that a file of the gateway makes, by the names in the document.
fn schemas(text: &str) -> Vec<String> {
    let mut lines = text.lines().map(str::trim);
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if !(line.starts_with("#[derive(") && line.contains("ToSchema")) {
            continue;
        }
        let mut renamed = None;
        for line in lines.by_ref() {
            let said = line.strip_prefix("#[schema(").and_then(|rest| rest.split("as = ").nth(1));
            renamed = renamed.or(said.map(word));
            let item = ["struct ", "enum "].iter().find_map(|kind| line.split(kind).nth(1));
            if let Some(item) = item.filter(|_| !line.starts_with(['#', '/'])) {
                found.push(renamed.unwrap_or_else(|| word(item)));
                break;
            }
        }
    }
    found
}

fn word(text: &str) -> String {
    text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

#[test]
fn no_two_schemas_of_the_public_api_have_one_name() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in tree::files_named("rs").filter(|file| file.starts_with("services/gateway/src")) {
        for schema in schemas(&tree::read(file)) {
            places.entry(schema).or_default().push(file.display().to_string());
        }
    }
    assert!(places.len() > 50, "only {} schemas are seen", places.len());
    places.retain(|_, files| files.len() > 1);
    assert!(places.is_empty(), "{places:#?}");
}

#[test]
fn a_schema_is_known_by_what_it_is_called_in_the_document() {
    let text = "#[derive(Debug, ToSchema)]\n/// A struct of words.\n#[schema(as = Board)]\npub(super) struct Page {\n\
        #[derive(ToSchema)]\nenum Kind<T> {\n#[derive(Debug)]\nstruct Other {";
    assert_eq!(schemas(text), ["Board", "Kind"]);
}
