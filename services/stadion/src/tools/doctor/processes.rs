//! The processes that run on this data folder, and, where none does, whether one could.

use std::net::TcpListener;

use super::finding::{Area, Finding};
use crate::{about::About, settings::Settings, socket, tools::Request};

pub(super) async fn look(settings: &Settings) -> Vec<Finding> {
    let answers = match socket::ask_each(&settings.platform.data, &Request::Standing).await {
        Ok(answers) => answers,
        Err(error) => {
            let mend = "run the doctor as the user that the processes run as";
            return vec![Finding::wrong(Area::Process, "processes", format!("{error:#}"), mend)];
        }
    };
    if answers.is_empty() {
        return idle(settings);
    }
    answers.into_iter().map(standing).collect()
}

fn standing(answer: anyhow::Result<serde_json::Value>) -> Finding {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let mend = "look at its log; end it when it hangs, others take over";
            return Finding::wrong(Area::Process, "process", format!("{error:#}"), mend);
        }
    };
    let about = serde_json::from_value::<About>(answer["process"].clone());
    let (what, services) = about.map_or_else(
        |_| ("process".to_owned(), String::new()),
        |about| (format!("process {} ({})", about.process, about.name), about.services.join(", ")),
    );
    let readiness = &answer["readiness"];
    if readiness["ready"] == true {
        return Finding::ok(Area::Process, what, format!("serves {services}"));
    }
    let reasons = readiness["reasons"].as_object().into_iter().flatten();
    let reasons: Vec<String> =
        reasons.map(|(what, why)| format!("{what}: {}", why.as_str().unwrap_or_default())).collect();
    let means = format!("serves {services} and is not ready: {}", reasons.join("; "));
    Finding::warning(Area::Process, what, means, "mend what it waits for; it becomes ready by itself")
}

/// Nobody runs: would somebody be able to?
fn idle(settings: &Settings) -> Vec<Finding> {
    let mut findings =
        vec![Finding::ok(Area::Process, "processes", "none runs on this data folder at the moment")];
    let platform = &settings.platform;
    let mut doors = vec![("http.addr", platform.http.addr), ("admin.addr", platform.admin.addr)];
    if !platform.peers.is_empty() {
        doors.push(("grpc.addr", platform.grpc.addr));
    }
    for (setting, address) in doors {
        findings.push(match TcpListener::bind(address) {
            Ok(_) => Finding::ok(Area::Process, setting, format!("{address} is free")),
            Err(error) => Finding::wrong(
                Area::Process,
                setting,
                format!("{address} cannot be listened on: {error}"),
                "end who has it, or set another address",
            ),
        });
    }
    findings
}
