//! Read models made anew: the owner's side of `stadion replay --rebuild`. The work goes on in the owner whether or not
//! anybody looks.

use std::{
    collections::BTreeMap,
    os::unix::fs::MetadataExt,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{anyhow, bail};
use eventing::{
    Spine,
    rebuild::{Begun, Comparison, Difference, Model, Outcome, Place, Progress, Wanted},
};
use platform::Tasks;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::parked::Spines;

/// What is wished for. `model` is `service/reader`, or a reader alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    List,
    Begin { model: String, flip: bool, differing: bool },
    Look { model: String },
    Back { model: String },
    Forget { model: String },
}

/// The rebuilds of this process, by service and model: those that run, and how the last of each ended.
pub(super) struct Workshop {
    tasks: Tasks,
    jobs: Mutex<BTreeMap<String, Job>>,
}

#[derive(Clone)]
struct Job {
    told: watch::Receiver<Progress>,
    ended: watch::Receiver<Option<Result<Outcome, String>>>,
}

/// A model where it was found.
struct Found<'s> {
    service: &'static str,
    spine: &'s Arc<Spine>,
    model: Model,
}

impl Found<'_> {
    fn name(&self) -> String {
        format!("{}/{}", self.service, self.model.name())
    }
}

impl Workshop {
    pub(super) fn new(tasks: Tasks) -> Self {
        Self { tasks, jobs: Mutex::default() }
    }

    pub(super) async fn answer(&self, spines: &Spines, wish: Wish) -> anyhow::Result<Value> {
        match wish {
            Wish::List => list(spines).await,
            Wish::Begin { model, flip, differing } => {
                self.begin(&found(spines, &model)?, Wanted { flip, differing })
            }
            Wish::Look { model } => self.look(&found(spines, &model)?),
            Wish::Back { model } => {
                let found = self.idle(spines, &model)?;
                found.spine.rebuilds().back(&found.model).await?;
                Ok(json!({ "model": found.name() }))
            }
            Wish::Forget { model } => {
                let found = self.idle(spines, &model)?;
                let forgotten = found.spine.rebuilds().forget(&found.model).await?;
                Ok(json!({ "model": found.name(), "forgotten": forgotten }))
            }
        }
    }

    fn job(&self, name: &str) -> Option<Job> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn idle<'s>(&self, spines: &'s Spines, model: &str) -> anyhow::Result<Found<'s>> {
        let found = found(spines, model)?;
        match self.job(&found.name()) {
            Some(job) if job.ended.borrow().is_none() => {
                bail!("{} is being made anew just now", found.name())
            }
            _ => Ok(found),
        }
    }

    fn begin(&self, found: &Found<'_>, wanted: Wanted) -> anyhow::Result<Value> {
        let program = program()?;
        let name = found.name();
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let running = jobs.get(&name).is_some_and(|job| job.ended.borrow().is_none());
        if running {
            return Ok(json!({ "model": name, "running": true }));
        }
        let (tell, told) = watch::channel(Progress::default());
        let (end, ended) = watch::channel(None);
        let (spine, model) = (found.spine.clone(), found.model.clone());
        self.tasks.spawn_one("rebuild", async move {
            let ended = spine.rebuilds().run(&model, &program, wanted, &tell).await;
            end.send_replace(Some(ended.map_err(|error| error.to_string())));
        });
        jobs.insert(name.clone(), Job { told, ended });
        Ok(json!({ "model": name, "running": false }))
    }

    fn look(&self, found: &Found<'_>) -> anyhow::Result<Value> {
        let name = found.name();
        let job = self.job(&name).ok_or_else(|| anyhow!("{name} is not being made anew"))?;
        let progress = job.told.borrow().clone();
        // Without an end, and with nobody who could tell of it: the work was cut off.
        let ended = job.ended.borrow().clone();
        let cut_off = job.ended.has_changed().is_err() && ended.is_none();
        let mut said = json!({
            "model": name,
            "begun": begun_said(&progress.begun),
            "doing": progress.doing,
            "done": progress.done,
            "of": progress.of,
        });
        match ended {
            Some(Ok(outcome)) => said["outcome"] = outcome_said(&outcome),
            Some(Err(error)) => said["error"] = json!(error),
            None if cut_off => said["error"] = json!("it was cut off; asked for again, it goes on"),
            None => {}
        }
        Ok(said)
    }
}

fn found<'s>(spines: &'s Spines, named: &str) -> anyhow::Result<Found<'s>> {
    let (service, reader) = named.split_once('/').unwrap_or(("", named));
    // A model may be named as it is shown: all its readers.
    let reader = reader.split('+').next().unwrap_or_default();
    if !service.is_empty() && !spines.contains_key(service) {
        bail!("{service} keeps no read models in the process that answers here: ask where it runs");
    }
    for (known, spine) in spines.iter().filter(|(known, _)| service.is_empty() || service == **known) {
        match spine.rebuilds().model(reader) {
            Ok(model) => return Ok(Found { service: known, spine, model }),
            Err(eventing::rebuild::Error::Unknown(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bail!("there is no read model {named}: see `stadion replay --rebuild list`")
}

async fn list(spines: &Spines) -> anyhow::Result<Value> {
    let mut all = Vec::new();
    for (service, spine) in spines {
        let rebuilds = spine.rebuilds();
        for model in rebuilds.models() {
            let standing = rebuilds.standing(&model).await?;
            let readers: Vec<String> = model.readers.iter().map(|one| format!("{service}/{one}")).collect();
            all.push(json!({
                "readers": readers,
                "tables": model.tables,
                "never": model.never,
                "served": places_said(&standing.served),
                "made": places_said(&standing.made),
                "kept": places_said(&standing.kept),
                "since": (standing.since_us > 0).then(|| time(standing.since_us)),
            }));
        }
    }
    Ok(Value::Array(all))
}

/// The same program on the same schema goes on with what was begun; another one may mean other rows.
fn program() -> anyhow::Result<String> {
    let file = std::env::current_exe().and_then(std::fs::metadata)?;
    Ok(format!("{} {} {}", env!("CARGO_PKG_VERSION"), file.size(), file.mtime()))
}

fn begun_said(begun: &Begun) -> Value {
    match begun {
        Begun::NotYet => Value::Null,
        Begun::Afresh => json!("it is made from the beginning"),
        Begun::GoesOn { since_us } => json!(format!("it goes on with what was begun at {}", time(*since_us))),
        Begun::Anew { since_us } => json!(format!(
            "what was begun at {} is thrown away, the program or the schema is another one: it is made from the beginning",
            time(*since_us)
        )),
    }
}

fn outcome_said(outcome: &Outcome) -> Value {
    let Outcome { comparison, flipped } = outcome;
    let Comparison { places, tables, parked_served, parked_made } = comparison;
    json!({
        "equal": comparison.is_equal(),
        "flipped": flipped,
        "places": places_said(places),
        "parked_old": parked_served,
        "parked_new": parked_made,
        "tables": tables.iter().map(difference_said).collect::<Vec<_>>(),
    })
}

fn difference_said(table: &Difference) -> Value {
    json!({
        "table": table.table,
        "old": { "rows": table.served.rows, "checksum": format!("{:016x}", table.served.checksum) },
        "new": { "rows": table.made.rows, "checksum": format!("{:016x}", table.made.checksum) },
        "equal": table.served == table.made,
        "only_old": table.only_served,
        "only_new": table.only_made,
        "columns": table.columns,
        "named": table.named,
    })
}

fn places_said(places: &[Place]) -> Vec<String> {
    places
        .iter()
        .map(|Place { reader, source, least, last }| {
            if least == last {
                format!("{reader} {source} {last}")
            } else {
                format!("{reader} {source} {least}–{last}")
            }
        })
        .collect()
}

fn time(us: i64) -> String {
    kernel::time::from_micros(us).to_string()
}
