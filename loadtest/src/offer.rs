//! A badge until its offer is held: a promo waits for `first_run`, athletes run for the first time.

use std::time::{Duration, Instant};

use anyhow::bail;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    Options,
    door::{Door, Person},
    process::{Server, binary},
    report::{Report, durations, record},
};

const ATHLETES_MAX: u32 = 40;
const LOOK_EVERY: Duration = Duration::from_millis(2);
const LOOK_FOR: Duration = Duration::from_secs(15);
const REGION: &str = "KZ-75";

pub(crate) async fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let binary = binary(options).await?;
    let folder = options.fresh_folder()?;
    let server = Server::start(&binary, folder.path()).await?;
    let door = Door::of(&server, binary, folder.path().to_owned())?;
    run_promo(&door).await?;

    let athletes = options.samples.min(ATHLETES_MAX);
    let (mut badges, mut offers, mut between) = (durations()?, durations()?, durations()?);
    for nth in 0..athletes {
        let athlete = door.sign_up(&format!("athlete-{nth}@example.org")).await?;
        let file = formats::write(&formats::synth::run(
            u64::from(nth),
            "2026-05-01T06:00:00Z".parse()?,
            5_000.0,
            330.0,
        ));
        let begun = Instant::now();
        door.upload(&athlete, file).await?;
        let (badge, offer) = tokio::try_join!(
            until(&door, &athlete, "/me/achievements", |item| item["badge"] == "first_run"),
            until(&door, &athlete, "/me/offers", |_| true),
        )?;
        record(&mut badges, badge.duration_since(begun));
        record(&mut offers, offer.duration_since(begun));
        record(&mut between, offer.saturating_duration_since(badge));
    }
    let conditions =
        format!("5 km FIT, one athlete after the other, looked for each {} ms", LOOK_EVERY.as_millis());
    report.latencies("upload → badge in `GET /me/achievements`", &badges, "", &conditions);
    report.latencies("badge seen → offer in `GET /me/offers`", &between, "< 1 s", &conditions);
    report.latencies("upload → offer", &offers, "", &conditions);
    server.stop().await
}

/// When a list first holds such an item.
async fn until(
    door: &Door,
    athlete: &Person,
    path: &str,
    wanted: impl Fn(&Value) -> bool,
) -> anyhow::Result<Instant> {
    let begun = Instant::now();
    while begun.elapsed() < LOOK_FOR {
        let list = door.get(path, athlete).await?;
        if list["items"].as_array().is_some_and(|items| items.iter().any(&wanted)) {
            return Ok(Instant::now());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    bail!("{path} never had what was waited for")
}

/// A campaign that one marketer wrote and another approved, running.
async fn run_promo(door: &Door) -> anyhow::Result<()> {
    let operator = door.operator("operator@example.org").await?;
    let author = door.sign_up("author@example.org").await?;
    let approver = door.sign_up("approver@example.org").await?;
    for marketer in [&author, &approver] {
        let path = format!("/accounts/{}/roles/marketer", marketer.account_id);
        door.call(Method::PUT, &path, Some(&operator), Some(json!({"regions": [REGION]}))).await?;
    }
    let partner =
        door.post("/partners", &operator, json!({"name": "Load Sport", "regions": [REGION]})).await?;
    let money = |amount_minor: i64| json!({"amount_minor": amount_minor, "currency": "KZT"});
    let draft = json!({
        "name": {"en": "First run"}, "partner_id": partner["id"], "regions": [REGION],
        "trigger": {"badge_unlocked": "first_run"}, "eligibility": {"region_in": [REGION]},
        "offer": {"kind": "percent_off", "percent": 15, "product_ids": [], "valid_days": 14},
        "budget": {"limit": money(500_000_000)},
        "schedule": {"start": "2026-01-01T00:00:00", "end": "2036-01-01T00:00:00", "clock": "region"},
    });
    let promo = door.post("/promos", &author, draft).await?;
    let path = format!("/promos/{}", promo["id"].as_str().unwrap_or_default());
    let submitted = door.post(&format!("{path}/submit"), &author, json!({})).await?;
    let revision = json!({"revision": submitted["revision"]});
    door.post(&format!("{path}/approve"), &approver, revision).await?;
    door.post(&format!("{path}/schedule"), &author, json!({})).await?;
    let begun = Instant::now();
    while door.get(&path, &author).await?["state"] != "running" {
        if begun.elapsed() > LOOK_FOR {
            bail!("the promo never ran");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}
