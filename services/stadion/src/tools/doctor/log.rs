//! The log between services.

use backends::{
    KafkaBus,
    kafka::{Fit, OpenError},
};
use platform::config::{BusEngine, BusEngines};

use super::{
    clock,
    finding::{Area, Finding},
};
use crate::{
    settings::Settings,
    stores::{on_kafka, topics},
};

pub(super) async fn look(settings: &Settings, marks: &[String]) -> Vec<Finding> {
    let bus = &settings.platform.bus;
    if bus.engine == BusEngine::Sqlite {
        return vec![Finding::ok(Area::Engine, "log", "SQLite, in the data folder")];
    }
    let what = format!("Kafka {}", bus.brokers);
    let before_us = clock::now_us();
    let log = match KafkaBus::open(on_kafka(bus, "doctor")).await {
        Ok(log) => log,
        Err(error) => {
            let mend = match error {
                OpenError::TooFewBrokers { .. } => "start more brokers, or lower bus.replication",
                OpenError::Settings(_) => "mend the setting under [bus]",
                _ => {
                    "start it, or mend bus.brokers; see that this machine reaches every broker's advertised listener"
                }
            };
            return vec![Finding::wrong(Area::Engine, what, error, mend)];
        }
    };
    let took_ms = (clock::now_us() - before_us) / 1_000;
    let mut findings = vec![Finding::ok(Area::Engine, &what, format!("answers in {took_ms} ms"))];
    findings.push(whose(&log, bus, marks).await);
    findings.extend(fit(&log, bus).await);
    findings
}

async fn whose(log: &KafkaBus, bus: &BusEngines, marks: &[String]) -> Finding {
    let what = format!("topics «{}stadion.…»", bus.prefix);
    match log.owner().await {
        Ok(Some(owner)) if !marks.is_empty() && !marks.contains(&owner) => Finding::wrong(
            Area::Engine,
            what,
            format!("they belong to the installation {owner}, and we are {}", marks.join(", ")),
            "give each installation a bus.prefix of its own, or this one the right installation.key_file",
        ),
        Ok(Some(owner)) => {
            Finding::ok(Area::Engine, what, format!("they belong to the installation {owner}"))
        }
        Ok(None) => Finding::ok(Area::Engine, what, "they are nobody's yet: the first start takes them"),
        Err(error) => Finding::wrong(Area::Engine, what, error, "see that the topic may be read"),
    }
}

async fn fit(log: &KafkaBus, bus: &BusEngines) -> Vec<Finding> {
    let topics = topics();
    let fits = match log.fit(&topics).await {
        Ok(fits) => fits,
        Err(error) => {
            let mend = "see that topics may be described (ACL: Describe, DescribeConfigs)";
            return vec![Finding::wrong(Area::Engine, "topics", error, mend)];
        }
    };
    let mut findings = Vec::new();
    let (mut missing, mut fitting) = (0, 0);
    for (topic, fit) in topics.iter().zip(fits) {
        let what = format!("topic {}{}", bus.prefix, topic.name);
        match fit {
            Fit::Missing => missing += 1,
            Fit::Unfit(why) => {
                let mend = "do as it says: no process starts with it";
                findings.push(Finding::wrong(Area::Engine, what, why, mend));
            }
            Fit::Unclear(why) => {
                let mend = "look again; when it stays, bring the missing brokers back";
                findings.push(Finding::warning(Area::Engine, what, why, mend));
            }
            Fit::Fits { copies, in_sync } if in_sync < copies => findings.push(Finding::warning(
                Area::Engine,
                what,
                format!("a partition has {in_sync} of {copies} copies in step"),
                "bring the missing brokers back",
            )),
            Fit::Fits { copies, .. } if copies < usize::from(bus.replication) => {
                findings.push(Finding::warning(
                    Area::Engine,
                    what,
                    format!("a partition has {copies} copies, and bus.replication is {}", bus.replication),
                    "add copies with kafka-reassign-partitions.sh: the setting is for topics that are made",
                ));
            }
            Fit::Fits { .. } => fitting += 1,
        }
    }
    let means = format!("{fitting} are as they have to be, {missing} are made when they are first used");
    findings.push(Finding::ok(Area::Engine, "topics", means));
    findings
}
