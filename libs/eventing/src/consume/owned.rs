//! Loops that run where their resource is owned, and nowhere else.

use std::{collections::BTreeMap, future::Future};

use tokio::sync::watch;
use tracing::warn;

use super::{Failures, Ground, source_name};
use crate::{bus::PARTITIONS, leases::Owned, readers::Source};

/// The partitions of a reader's source that this process owns, each under its epoch.
pub(crate) type Parts = BTreeMap<u32, i64>;

/// The resources of a reader: one a partition of its source.
pub(crate) fn resources(consumer: &str, source: Source, service: &str) -> Vec<String> {
    parts_of(source).map(|part| resource(consumer, &source_name(source, service), part)).collect()
}

pub(crate) fn parts_of(source: Source) -> std::ops::Range<u32> {
    match source {
        Source::OwnJournal => 0..1,
        Source::Topic(_) => 0..PARTITIONS,
    }
}

fn resource(consumer: &str, source: &str, part: u32) -> String {
    format!("{consumer}/{source}/{part}")
}

/// Runs `work` over the partitions that this process owns of a reader's source, anew whenever those change, until the
/// process stops. Work that fails begins again.
pub(crate) async fn over_owned<F, Fut>(ground: &Ground, consumer: &str, source: Source, work: F)
where
    F: Fn(Parts) -> Fut,
    Fut: Future<Output = Result<(), String>>,
{
    let name = source_name(source, ground.service);
    let parts = |owned: &Owned| -> Parts {
        let own = |part| Some((part, owned.epoch(&resource(consumer, &name, part))?));
        parts_of(source).filter_map(own).collect()
    };
    run(ground, consumer, |owned| Some(parts(owned)).filter(|parts| !parts.is_empty()), work).await;
}

/// Runs `work` under the epoch of a resource while this process owns it, until the process stops.
pub(crate) async fn while_owned<F, Fut>(ground: &Ground, resource: &str, work: F)
where
    F: Fn(i64) -> Fut,
    Fut: Future<Output = Result<(), String>>,
{
    run(ground, resource, |owned| owned.epoch(resource), work).await;
}

/// `what` is owned decides: `None`, nothing runs; another answer than before, and the work ends and begins again.
async fn run<T, W, F, Fut>(ground: &Ground, name: &str, what: W, work: F)
where
    T: Clone + PartialEq,
    W: Fn(&Owned) -> Option<T>,
    F: Fn(T) -> Fut,
    Fut: Future<Output = Result<(), String>>,
{
    let mut owned: watch::Receiver<Owned> = ground.leases.owned();
    let mut failures = Failures::none();
    while !ground.shutdown.is_cancelled() {
        let own = what(&owned.borrow_and_update());
        let Some(own) = own else {
            tokio::select! {
                biased;
                () = ground.shutdown.cancelled() => return,
                _ = owned.changed() => {}
            }
            continue;
        };
        let ended = tokio::select! {
            biased;
            // Dropped where it stands: what it writes is transactions, each under the epoch; what it publishes or commands is
            // known again by position, revision or key.
            _ = owned.wait_for(|owned| what(owned).as_ref() != Some(&own)) => {
                failures = Failures::none();
                continue;
            }
            ended = work(own.clone()) => ended,
        };
        if let Err(error) = ended {
            warn!(service = ground.service, name, %error, "it starts again");
        }
        if !failures.back_off(&ground.shutdown).await {
            return;
        }
    }
}
