//! Schema changes exist for both engines, under the same names, and make the same tables.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree;

const ENGINES: [&str; 2] = ["sqlite", "postgres"];

/// Folders that belong to one engine only, with the reason.
const ONE_ENGINE_ONLY: [(&str, &str); 1] =
    [("bus", "the fleet's bus is Kafka: there is no table of it in PostgreSQL")];

/// `engine → "service/file"`.
fn migrations(engine: &str) -> BTreeSet<String> {
    let folder = format!("migrations/{engine}/");
    let files =
        tree::files_named("sql").filter_map(|file| file.to_str()?.strip_prefix(&folder).map(str::to_owned));
    files
        .filter(|file| !ONE_ENGINE_ONLY.iter().any(|(only, _)| file.starts_with(&format!("{only}/"))))
        .collect()
}

/// Table → columns with the kind of value they hold, in order.
type Tables = BTreeMap<String, Vec<(String, &'static str)>>;

/// What a type means on either engine.
fn kind(sql_type: &str) -> &'static str {
    match sql_type {
        "INTEGER" | "BIGINT" => "number",
        "BLOB" | "BYTEA" => "bytes",
        "TEXT" => "text",
        "REAL" | "DOUBLE" => "real",
        _ => "unknown type",
    }
}

fn tables(engine: &str, file: &str) -> Tables {
    let text = tree::read(format!("migrations/{engine}/{file}"));
    let code: String =
        text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let mut tables = Tables::new();
    for statement in code.split(';') {
        let words: Vec<&str> = statement.split_whitespace().collect();
        let upper = statement.trim().to_uppercase();
        if upper.starts_with("CREATE TABLE") {
            let (head, body) = statement.split_once('(').unwrap();
            let name = head.split_whitespace().last().unwrap().to_lowercase();
            let body = body.rsplit_once(')').unwrap().0;
            tables
                .insert(name, split_columns(body).iter().filter_map(|column| parse_column(column)).collect());
        } else if upper.starts_with("ALTER TABLE") {
            let column =
                statement.to_uppercase().find("ADD COLUMN").map(|at| &statement[at + "ADD COLUMN".len()..]);
            let name = words[2].to_lowercase();
            tables.entry(name).or_default().extend(column.and_then(parse_column));
        }
    }
    tables
}

/// Cuts at the commas that are not inside brackets.
fn split_columns(body: &str) -> Vec<String> {
    let mut depth = 0_u32;
    let mut columns = vec![String::new()];
    for letter in body.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if letter == ',' && depth == 0 {
            columns.push(String::new());
        } else if let Some(column) = columns.last_mut() {
            column.push(letter);
        }
    }
    columns
}

fn parse_column(text: &str) -> Option<(String, &'static str)> {
    let mut words = text.split_whitespace();
    let name = words.next()?.to_lowercase();
    if ["primary", "unique", "check", "foreign", "constraint"].contains(&name.split('(').next()?) {
        return None;
    }
    let sql_type = words.next().unwrap_or_default().to_uppercase();
    Some((name, kind(sql_type.split('(').next()?)))
}

#[test]
fn every_migration_exists_for_both_engines() {
    assert_eq!(migrations(ENGINES[0]), migrations(ENGINES[1]), "the folders hold the same names");
    assert!(!migrations(ENGINES[0]).is_empty(), "no migration was found: the rules would pass for nothing");
}

#[test]
fn both_engines_get_the_same_tables() {
    let mut breaches = Vec::new();
    for file in migrations(ENGINES[0]) {
        let [sqlite, postgres] = ENGINES.map(|engine| tables(engine, &file));
        if sqlite != postgres {
            breaches.push(format!("{file}\n    sqlite:   {sqlite:?}\n    postgres: {postgres:?}"));
        }
        for (table, columns) in sqlite.iter().chain(&postgres) {
            let unknown = columns.iter().filter(|(_, kind)| *kind == "unknown type");
            breaches.extend(
                unknown.map(|(column, _)| format!("{file}: {table}.{column} has a type of no engine")),
            );
        }
    }
    tree::assert_none("one schema, two dialects", &breaches);
}

#[test]
fn a_migration_is_named_by_number_verb_and_noun() {
    let fits = |file: &str| {
        let name = file.rsplit('/').next().unwrap_or_default().trim_end_matches(".sql");
        let words: Vec<&str> = name.split('_').collect();
        words.len() >= 3 && words[0].len() == 4 && words[0].bytes().all(|byte| byte.is_ascii_digit())
    };
    let breaches: Vec<String> =
        ENGINES.iter().flat_map(|engine| migrations(engine)).filter(|file| !fits(file)).collect();
    tree::assert_none("NNNN_verb_noun.sql", &breaches);
}

#[test]
fn every_migration_is_compiled_in() {
    let sources: String = tree::files_named("rs").map(tree::read).collect();
    let mut breaches = Vec::new();
    for engine in ENGINES {
        for file in migrations(engine) {
            if !sources.contains(&format!("migrations/{engine}/{file}")) {
                breaches.push(format!("migrations/{engine}/{file}"));
            }
        }
    }
    tree::assert_none("include it in its service's MIGRATIONS", &breaches);
}
