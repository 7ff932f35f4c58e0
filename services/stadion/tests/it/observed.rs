//! What operators see: everything that alerts, dashboards and runbooks speak of stands on the page of a running process.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use serde_json::{Value, json};
use stadion::demo::door::Door;
use testkit::mail::{MailServer, Manners};

use crate::{
    embedded,
    fleet::{Engines, Fleet, PARTS},
};

fn observability() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/observability"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(observability().join(path)).unwrap()
}

/// The samples of a page: a metric's name → the labels that any of its samples has.
fn samples(page: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut samples: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, rest)) = line.split_once(['{', ' ']) else { continue };
        let labels = rest.rsplit_once('}').map_or("", |(labels, _)| labels);
        samples.entry(name.to_owned()).or_default().extend(labels_of(labels));
    }
    samples
}

/// The names before `=`, `=~`, `!=` and `!~`, outside of quotes.
fn labels_of(matchers: &str) -> BTreeSet<String> {
    let unquoted: String = matchers.split('"').step_by(2).collect::<Vec<_>>().join("\"");
    let names = unquoted.split(',').filter_map(|one| one.split(['=', '!']).next());
    names.map(|name| name.trim_matches(['"', ' ']).to_owned()).filter(|name| !name.is_empty()).collect()
}

/// What an expression asks for.
#[derive(Debug, Default)]
struct Asked {
    /// Names of metrics; `.+` stands for a service's.
    metrics: BTreeSet<String>,
    labels: BTreeSet<String>,
    recorded: BTreeSet<String>,
}

/// Reads PromQL as far as the house writes it: selectors begin with `stadion_`, `stadion:` or `{__name__=~"…"`. That it is
/// PromQL at all is Prometheus' own tool's to say (`cargo dev check`).
fn asked(expression: &str) -> Asked {
    let mut asked = Asked::default();
    let word = |text: &str| -> String {
        text.chars().take_while(|c| c.is_ascii_alphanumeric() || "_:".contains(*c)).collect()
    };
    for (at, _) in expression.match_indices("stadion") {
        let name = word(&expression[at..]);
        let before = expression[..at].chars().next_back().unwrap_or(' ');
        if before == '"' || before.is_ascii_alphanumeric() || "_:".contains(before) {
            continue;
        }
        if name.starts_with("stadion:") {
            asked.recorded.insert(name);
            continue;
        }
        if let Some(rest) = expression[at + name.len()..].strip_prefix('{') {
            asked.labels.extend(labels_of(&rest[..closing(rest)]));
        }
        asked.metrics.insert(name);
    }
    for (at, begin) in expression.match_indices("{__name__=~\"") {
        let rest = &expression[at + 1..];
        asked.labels.extend(labels_of(&rest[..closing(rest)]));
        let name = &expression[at + begin.len()..];
        asked.metrics.insert(name[..name.find('"').unwrap()].to_owned());
    }
    for (at, by) in expression.match_indices(" by (") {
        let list = &expression[at + by.len()..];
        asked.labels.extend(list[..list.find(')').unwrap()].split(',').map(|one| one.trim().to_owned()));
    }
    asked.labels.remove("__name__");
    asked
}

/// Where the braces end that were opened before the text.
fn closing(text: &str) -> usize {
    let mut quoted = false;
    let end = text.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == '}' && !quoted
    });
    end.expect("a closing brace").0
}

/// Every expression of the alerts, with the name of its rule.
fn rules() -> Vec<(String, String)> {
    let text = read("alerts.yaml");
    let mut rules: Vec<(String, String)> = Vec::new();
    let mut indent = None;
    for line in text.lines() {
        let trimmed = line.trim();
        let depth = line.len() - line.trim_start().len();
        if let Some(name) = trimmed.strip_prefix("- alert: ").or_else(|| trimmed.strip_prefix("- record: ")) {
            rules.push((name.to_owned(), String::new()));
        } else if let Some(expression) = trimmed.strip_prefix("expr: ") {
            rules.last_mut().unwrap().1 = expression.trim_start_matches(">-").to_owned();
            indent = Some(depth);
        } else if indent.is_some_and(|indent| depth > indent) {
            let rule = &mut rules.last_mut().unwrap().1;
            rule.push(' ');
            rule.push_str(trimmed);
        } else {
            indent = None;
        }
    }
    rules
}

/// Every expression of the dashboards, with the title of its panel.
fn panels() -> Vec<(String, String)> {
    let mut panels = Vec::new();
    for entry in std::fs::read_dir(observability().join("dashboards")).unwrap() {
        let path = entry.unwrap().path();
        let board: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let list = |value: &Value, key: &str| value[key].as_array().unwrap().clone();
        for panel in list(&board, "panels") {
            for target in list(&panel, "targets") {
                let text = |value: &Value, key: &str| value[key].as_str().unwrap().to_owned();
                panels.push((
                    format!("{}: {}", text(&board, "title"), text(&panel, "title")),
                    text(&target, "expr"),
                ));
            }
        }
    }
    panels
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once(".+") {
        Some((head, tail)) => {
            name.len() > head.len() + tail.len() && name.starts_with(head) && name.ends_with(tail)
        }
        None => pattern == name,
    }
}

/// What Prometheus adds by itself.
const ADDED: [&str; 2] = ["instance", "job"];

/// What nothing on the page answers to.
fn missing(page: &str, unknown_here: &[&str]) -> Vec<String> {
    let samples = samples(page);
    let declared: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let rules = rules();
    let recorded: BTreeSet<&str> = rules.iter().map(|(name, _)| name.as_str()).collect();
    let mut missing = Vec::new();
    for (place, expression) in rules.iter().chain(&panels()) {
        let asked = asked(expression);
        assert!(
            !asked.metrics.is_empty() || !asked.recorded.is_empty(),
            "{place} asks for nothing: {expression}"
        );
        missing.extend(
            asked
                .recorded
                .iter()
                .filter(|name| !recorded.contains(name.as_str()))
                .map(|name| format!("{place}: nobody records {name}")),
        );
        let mut labels: BTreeSet<&str> = ADDED.into();
        let is_unknown = |name: &String| unknown_here.iter().any(|here| name.ends_with(here));
        let mut is_measured = !asked.metrics.iter().any(is_unknown);
        for metric in asked.metrics.iter().filter(|name| !is_unknown(name)) {
            let found: Vec<_> = samples.iter().filter(|(name, _)| fits(metric, name)).collect();
            labels.extend(found.iter().flat_map(|(_, labels)| labels.iter().map(String::as_str)));
            is_measured &= !found.is_empty();
            let family = metric.trim_end_matches("_total");
            if found.is_empty() && !declared.iter().any(|name| fits(family, name)) {
                missing.push(format!("{place}: there is no {metric}"));
            }
        }
        // What is declared and was not measured yet has no labels to show.
        for label in asked.labels.iter().filter(|label| is_measured && !labels.contains(label.as_str())) {
            if !asked.metrics.is_empty() {
                missing.push(format!("{place}: {label} is no label of {:?}", asked.metrics));
            }
        }
    }
    missing
}

/// Somebody knocks, signs up and asks for what there is not.
async fn knock(base: &str) {
    let door = Door::new(base).unwrap();
    let account = json!({
        "email": "aigerim@example.org", "password": "seven hills of Almaty", "display_name": "Aigerim",
        "birth_year": 1990, "sex": "f", "country": "KZ", "region": "KZ-75", "time_zone": "Asia/Almaty",
        "locale": "en", "consents": [{ "purpose": "terms", "text_version": "1" }],
    });
    door.post("/v1/accounts").json(&account).expect(202).await.unwrap();
    door.get("/v1/me").expect(401).await.unwrap();
}

/// The page, once nothing is missing on it.
async fn whole_page(admins: &[String], unknown_here: &[&str]) -> String {
    let mut lacks = Vec::new();
    for _ in 0..1_200 {
        let mut page = String::new();
        for admin in admins {
            let answer = reqwest::get(format!("{admin}/metrics")).await.unwrap();
            assert_eq!(
                answer.headers()["content-type"],
                "application/openmetrics-text; version=1.0.0; charset=utf-8"
            );
            page.push_str(&answer.text().await.unwrap());
        }
        lacks = missing(&page, unknown_here);
        if lacks.is_empty() {
            return page;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{lacks:#?}")
}

/// Only a pool of connections has those.
const OF_POOLS: [&str; 2] = ["_database_connections_busy", "_database_connections_max"];
/// Only what runs elsewhere is reached by an address.
const OF_FLEETS: [&str; 3] = ["_peer_endpoints", "_peer_retries_total", "_peer_calls_failed_total"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_alerts_and_dashboards_speak_of_is_measured_in_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let server = MailServer::start(Manners::default());
    let running = embedded::mailing(folder.path(), server.address).await;
    knock(&format!("http://{}", running.http)).await;
    server.mail_to("aigerim@example.org").await;
    let page =
        whole_page(&[format!("http://{}", running.admin)], &[&OF_POOLS[..], &OF_FLEETS].concat()).await;
    named(&page, &[]);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_alerts_and_dashboards_speak_of_is_measured_in_a_fleet() {
    let Some(engines) = Engines::of("the pages of a fleet") else { return };
    let server = MailServer::start(Manners::default());
    let fleet = Fleet::on(engines, 1)
        .set("STADION_MAIL__SMTP", &server.address.to_string())
        .set("STADION_MAIL__TLS", "none");
    let mut parts: Vec<_> = (0..PARTS.len()).map(|part| fleet.start(part, 0)).collect();
    parts.iter_mut().for_each(|part| {
        part.ready();
    });
    knock(&fleet.base()).await;
    server.mail_to("aigerim@example.org").await;
    let admins: Vec<String> = PARTS.iter().map(|services| fleet.admin(services[0])).collect();
    let page = whole_page(&admins, &[]).await;
    named(&page, &OF_POOLS);
}

/// What an operator is promised of every service that keeps a store.
fn named(page: &str, more: &[&str]) {
    let samples = samples(page);
    for service in ["auth", "activity", "gamification", "promo", "social"] {
        let names = [
            "_relay_lag_events",
            "_relay_lag_seconds",
            "_outbox_depth",
            "_reader_lag_events",
            "_reader_lag_seconds",
            "_append_group_bucket",
            "_append_queue",
            "_append_seconds_bucket",
            "_database_waiting",
            "_leases_owned",
            "_timers_overdue",
        ];
        for name in names.iter().chain(more) {
            let name = format!("stadion_{service}{name}");
            assert!(samples.contains_key(&name), "{name}");
        }
    }
    // Of a topic too, the age is told, not only the number.
    let of_topic = |line: &&str| line.contains("_reader_lag_seconds{") && line.contains("source=\"topic:");
    assert!(page.lines().any(|line| of_topic(&line)), "no reader of a topic tells its age");
    assert!(page.contains("# TYPE stadion_social_parked_keys gauge"), "parked keys are counted");
}

/// `## A reader is behind` → `a-reader-is-behind`
fn anchor(title: &str) -> String {
    title.to_lowercase().replace(' ', "-").replace(['\'', ',', '.'], "")
}

#[test]
fn every_alert_has_its_entry_and_a_test_and_every_number_worth_an_alarm_an_alert() {
    let runbooks = std::fs::read_to_string(observability().join("../../docs/runbooks.md")).unwrap();
    let entries: BTreeSet<String> =
        runbooks.lines().filter_map(|line| line.strip_prefix("## ")).map(anchor).collect();
    let rows =
        runbooks.lines().filter(|line| line.starts_with("| `stadion_") || line.starts_with("| sum of"));
    let worth: BTreeSet<String> =
        rows.map(|row| row.split("](#").nth(1).unwrap().split(')').next().unwrap().to_owned()).collect();
    let (alerts, tests) = (read("alerts.yaml"), read("alerts_test.yaml"));
    let mut linked = BTreeSet::new();
    for block in alerts.split("- alert: ").skip(1) {
        let name = block.lines().next().unwrap();
        let link = block.split("runbook_url: docs/runbooks.md#").nth(1).unwrap_or_default();
        let link = link.lines().next().unwrap_or_default().to_owned();
        assert!(entries.contains(&link), "{name} has no entry: {link:?}");
        linked.insert(link);
        let fires = format!("alertname: {name}\n        exp_alerts:\n");
        let silent = format!("alertname: {name}, exp_alerts: []");
        assert!(
            tests.contains(&fires) && tests.contains(&silent),
            "no test says when {name} fires and when not"
        );
    }
    assert_eq!(worth, linked);
}

#[test]
fn expressions_are_read_as_prometheus_reads_them() {
    let sum = r#"sum by (service, le) (rate({__name__=~"stadion_.+_append_seconds_bucket", service=~"$service"}[5m]))"#;
    let asked_of = asked(sum);
    assert_eq!(asked_of.metrics, BTreeSet::from(["stadion_.+_append_seconds_bucket".to_owned()]));
    assert_eq!(asked_of.labels, BTreeSet::from(["service".to_owned(), "le".to_owned()]));
    let door = asked(
        r#"1 - sum(rate(stadion_gateway_request_seconds_bucket{le="0.3", route!~"/v1/{a},b"}[5m])) > stadion:x:y"#,
    );
    assert_eq!(door.labels, BTreeSet::from(["le".to_owned(), "route".to_owned()]));
    assert_eq!(door.recorded, BTreeSet::from(["stadion:x:y".to_owned()]));
    let page = "# TYPE stadion_auth_logins counter\nstadion_auth_logins_total{service=\"auth\"} 0\n";
    assert!(missing(page, &[]).iter().any(|lack| lack.contains("there is no stadion_.+_relay_lag_seconds")));
}
