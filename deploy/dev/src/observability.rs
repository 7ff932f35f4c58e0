//! Alarms and dashboards, judged by Prometheus' own tool. That their metrics exist is a test of the binary's.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{
    install,
    stage::{self, Stage, announce, failed, skipped},
};

const FOLDER: &str = "deploy/observability";

/// The rules are readable, and each says what its tests say.
pub(crate) fn alerts() -> Stage {
    let name = "alarms: rules and their tests";
    promtool(name, |promtool| {
        let mut check = Command::new(promtool);
        check.current_dir(stage::root().join(FOLDER)).args(["check", "rules", "--lint-fatal", "alerts.yaml"]);
        stage::output(&mut check)?;
        let mut test = Command::new(promtool);
        test.current_dir(stage::root().join(FOLDER)).args(["test", "rules", "alerts_test.yaml"]);
        Ok(test)
    })
}

/// Every expression of the dashboards is PromQL.
pub(crate) fn dashboards() -> Stage {
    promtool("dashboards: expressions", |promtool| {
        let rules = rules_of(&stage::root().join(FOLDER).join("dashboards"))?;
        let path = stage::target().join("dashboards.rules.json");
        fs::write(&path, serde_json::to_vec(&rules)?).with_context(|| path.display().to_string())?;
        let mut check = Command::new(promtool);
        check.args(["check", "rules"]).arg(path);
        Ok(check)
    })
}

/// The tool's last word, or why it was not asked: in CI that is a failure.
fn promtool(name: &str, command: impl Fn(&Path) -> Result<Command>) -> Stage {
    let promtool = match install::promtool() {
        Ok(promtool) => promtool,
        Err(error) if !stage::in_ci() => return skipped(name, format!("{error:#}")),
        Err(error) => {
            announce(name);
            return failed(name, format!("{error:#}"), Default::default());
        }
    };
    match command(&promtool) {
        Ok(mut command) => stage::run(name, &mut command),
        Err(error) => {
            announce(name);
            failed(name, format!("{error:#}"), Default::default())
        }
    }
}

/// The expressions as rules to record (JSON is YAML), with what Grafana puts in for its variables.
fn rules_of(folder: &Path) -> Result<Value> {
    let mut rules = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let board: Value = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
        for target in list(&board, "panels").iter().flat_map(|panel| list(panel, "targets")) {
            let expression = target["expr"].as_str().context("a panel without an expression")?;
            let expression = expression.replace("$__rate_interval", "1m").replace("$service", ".+");
            rules.push(json!({ "record": format!("panel:{}", rules.len()), "expr": expression }));
        }
    }
    Ok(json!({ "groups": [{ "name": "panels", "rules": rules }] }))
}
