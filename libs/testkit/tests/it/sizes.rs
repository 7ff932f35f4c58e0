//! Files and functions stay small: 500 and 70 lines. What was larger once stands in `docs/size-ratchet.txt` with its
//! size and may only shrink; what fits leaves the list.

use std::{collections::BTreeMap, path::Path};

use syn::{ImplItemFn, ItemFn, TraitItemFn, spanned::Spanned, visit::Visit};

use crate::tree;

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const RATCHET: &str = "docs/size-ratchet.txt";
const HEAD: &str = "# Rust files over 500 lines and functions over 70, with their size. Entries may only shrink or leave:\n\
                    # `STADION_HOUSE=write cargo test -p stadion-testkit --test it sizes` takes over what has shrunk.\n";

struct Functions {
    /// Name → lines; the larger of two with the same name in a file.
    lines: BTreeMap<String, usize>,
}

impl Functions {
    fn note(&mut self, name: &syn::Ident, body: &syn::Block) {
        let span = body.span();
        let lines = span.end().line + 1 - span.start().line;
        let known = self.lines.entry(name.to_string()).or_default();
        *known = lines.max(*known);
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.note(&function.sig.ident, &function.block);
        syn::visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.note(&function.sig.ident, &function.block);
        syn::visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = &function.default {
            self.note(&function.sig.ident, body);
        }
        syn::visit::visit_trait_item_fn(self, function);
    }
}

/// What is over its limit now: `path` or `path::function` → lines.
fn oversized() -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for file in tree::files_named("rs") {
        let text = tree::read(file);
        let name = file.display();
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            found.insert(name.to_string(), lines);
        }
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut functions = Functions { lines: BTreeMap::new() };
        functions.visit_file(&parsed);
        let long = functions.lines.into_iter().filter(|(_, lines)| *lines > FUNCTION_LINES_MAX);
        found.extend(long.map(|(function, lines)| (format!("{name}::{function}"), lines)));
    }
    found
}

fn allowed() -> BTreeMap<String, usize> {
    let text = tree::read(RATCHET);
    let entries = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    entries
        .map(|line| {
            let (lines, what) = line.split_once(' ').unwrap_or_else(|| panic!("{RATCHET}: {line:?}"));
            (what.trim().to_owned(), lines.parse().unwrap_or_else(|_| panic!("{RATCHET}: {line:?}")))
        })
        .collect()
}

#[test]
fn files_and_functions_stay_small() {
    let (now, allowed) = (oversized(), allowed());
    let grown: Vec<String> = now
        .iter()
        .filter(|(what, lines)| allowed.get(*what).is_none_or(|limit| limit < lines))
        .map(|(what, lines)| match allowed.get(what) {
            Some(limit) => format!("{what}: {lines} lines, {limit} before"),
            None => format!("{what}: {lines} lines"),
        })
        .collect();
    tree::assert_none("it has two subjects: name them, and give each a room", &grown);

    let text: String = now.iter().map(|(what, lines)| format!("{lines} {what}\n")).collect();
    tree::assert_snapshot(RATCHET, &format!("{HEAD}{text}"));
}

#[test]
fn long_functions_are_counted() {
    let body = "    let _ = 1;\n".repeat(80);
    let parsed = syn::parse_file(&format!("struct A;\nimpl A {{\nfn long() {{\n{body}}}\n}}\n")).unwrap();
    let mut functions = Functions { lines: BTreeMap::new() };
    functions.visit_file(&parsed);
    assert_eq!(functions.lines["long"], 82);
    assert!(Path::new(tree::root()).join("Cargo.toml").exists());
}
