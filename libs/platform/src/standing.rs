//! How a service's spine stands, as metrics: looked at when the page is asked for, and not before.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use eventing::{
    Spine, Status,
    sql::Load,
    status::{Lag, ReaderKind},
    store::Writer,
    tally::Counted,
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet},
    metrics::MetricType,
};
use tracing::warn;

/// A store that does not answer within this time is shown as one that does not.
const LOOK_WITHIN: Duration = Duration::from_secs(2);
const US: f64 = 1e-6;

/// One service's spine, and what was seen of it last.
pub(crate) struct Standing {
    service: &'static str,
    /// The registry outlives services; nothing of them is kept alive by it.
    spine: Weak<Spine>,
    seen: Mutex<Option<Status>>,
}

impl Standing {
    pub(crate) fn of(service: &'static str, spine: &Arc<Spine>) -> Self {
        Self { service, spine: Arc::downgrade(spine), seen: Mutex::new(None) }
    }

    /// What cannot be seen now is shown by no number.
    pub(crate) async fn look(&self) {
        let seen = match self.spine.upgrade() {
            Some(spine) => match tokio::time::timeout(LOOK_WITHIN, spine.status()).await {
                Ok(Ok(status)) => Some(status),
                Ok(Err(error)) => {
                    warn!(service = self.service, %error, "it cannot be told how the spine stands");
                    None
                }
                Err(_) => {
                    warn!(service = self.service, "the store did not tell in time how the spine stands");
                    None
                }
            },
            None => None,
        };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standing").field("service", &self.service).finish_non_exhaustive()
    }
}

impl Collector for Standing {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        if self.spine.strong_count() == 0 {
            return Ok(());
        }
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut page = Page { encoder, service: self.service };
        page.one("store_answers", "Whether the store told how the spine stands", flag(seen.is_some()))?;
        let Some(status) = &*seen else { return Ok(()) };
        journal(&mut page, status)?;
        readers(&mut page, status)?;
        page.one("leases_owned", "Resources of the spine that are this process' own", number(status.owned))?;
        page.one("leases_wanted", "Resources of the spine, over all processes", number(status.resources))?;
        if let Some(load) = status.database {
            database(&mut page, load)?;
        }
        status.writer.as_ref().map_or(Ok(()), |counted| writer(&mut page, counted))
    }
}

fn journal(page: &mut Page<'_>, status: &Status) -> fmt::Result {
    page.one("journal_head", "Position of the journal's last event", wide(status.head.unsigned_abs()))?;
    page.one("relay_lag_events", "Events that are not published yet", wide(status.relay.events))?;
    if let Some(age) = status.relay.age {
        page.one(
            "relay_lag_seconds",
            "Age of the oldest event that is not published yet",
            age.as_secs_f64(),
        )?;
    }
    page.one("outbox_depth", "State values that wait to be published", wide(status.outbox))?;
    page.one("timers_overdue", "Timers that are due and have not fired", wide(status.timers.overdue))?;
    page.one("timers_late_seconds", "How late the first of them is", status.timers.late.as_secs_f64())?;
    match status.log_answers {
        Some(answers) => page.one("log_answers", "Whether the log says where it ends", flag(answers)),
        None => Ok(()),
    }
}

fn readers(page: &mut Page<'_>, status: &Status) -> fmt::Result {
    let known: Vec<([(&str, &str); 3], Lag)> = status
        .readers
        .iter()
        .filter_map(|one| {
            let kind = match one.kind {
                ReaderKind::Projection => "projection",
                ReaderKind::Reactor => "reactor",
            };
            Some(([("reader", one.reader), ("source", one.source.as_str()), ("kind", kind)], one.lag?))
        })
        .collect();
    page.family(
        "reader_lag_events",
        "Records that a reader has not taken yet",
        known.iter().map(|(labels, lag)| (labels, wide(lag.events))),
    )?;
    page.family(
        "reader_lag_seconds",
        "Age of the oldest record that a reader has not taken yet; a projection's age",
        known.iter().filter_map(|(labels, lag)| Some((labels, lag.age?.as_secs_f64()))),
    )?;
    let parked: Vec<_> = status.parked.iter().map(|one| ([("reader", one.reader.as_str())], one)).collect();
    page.family(
        "parked_keys",
        "Keys that wait for a person behind a record that failed",
        parked.iter().map(|(labels, one)| (labels, wide(one.keys))),
    )?;
    page.family(
        "parked_records",
        "Records that wait for a person",
        parked.iter().map(|(labels, one)| (labels, wide(one.records))),
    )?;
    let followers: Vec<_> = status.followers.iter().map(|one| ([("reader", one.follower)], one)).collect();
    page.family(
        "follower_caught_up",
        "Whether a follower has read its whole topic once",
        followers.iter().map(|(labels, one)| (labels, flag(one.caught_up))),
    )?;
    page.family(
        "follower_silence_seconds",
        "How long the log has not answered a follower",
        followers.iter().map(|(labels, one)| (labels, one.silence.as_secs_f64())),
    )
}

fn database(page: &mut Page<'_>, load: Load) -> fmt::Result {
    page.one(
        "database_waiting",
        "Units of work that wait for the writer or for a connection",
        number(load.waiting),
    )?;
    if load.connections_max == 0 {
        return Ok(());
    }
    page.one("database_connections_busy", "Connections in use", f64::from(load.connections_busy))?;
    page.one("database_connections_max", "Connections that may be in use", f64::from(load.connections_max))
}

fn writer(page: &mut Page<'_>, writer: &Writer) -> fmt::Result {
    page.one("append_queue", "Appends that wait for the writer", number(writer.waiting))?;
    page.histogram("append_group", "Appends committed by one transaction", &writer.groups, 1.0)?;
    page.histogram("append_seconds", "From an append's arrival to its answer", &writer.answers_us, US)
}

/// The page under a service's prefix.
struct Page<'e> {
    encoder: DescriptorEncoder<'e>,
    service: &'static str,
}

impl Page<'_> {
    fn one(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let name = format!("stadion_{}_{name}", self.service);
        self.encoder.encode_descriptor(&name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn family<'l, L: EncodeLabelSet + 'l>(
        &mut self,
        name: &str,
        help: &str,
        values: impl Iterator<Item = (&'l L, f64)>,
    ) -> fmt::Result {
        let name = format!("stadion_{}_{name}", self.service);
        let mut metric = self.encoder.encode_descriptor(&name, help, None, MetricType::Gauge)?;
        for (labels, value) in values {
            metric.encode_family(labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    /// `unit`: what one of the counted is in the unit that is shown.
    fn histogram(&mut self, name: &str, help: &str, counted: &Counted, unit: f64) -> fmt::Result {
        let name = format!("stadion_{}_{name}", self.service);
        let bound = |bound| if bound == u64::MAX { f64::MAX } else { wide(bound) * unit };
        let buckets: Vec<(f64, u64)> =
            counted.counts.iter().map(|(most, count)| (bound(*most), *count)).collect();
        let count = counted.counts.iter().map(|(_, count)| count).sum();
        let mut metric = self.encoder.encode_descriptor(&name, help, None, MetricType::Histogram)?;
        metric.encode_histogram::<NoLabelSet>(wide(counted.sum) * unit, count, &buckets, None)
    }
}

/// Exact up to 2^53, which no count of these reaches.
#[expect(clippy::cast_precision_loss, reason = "Prometheus knows floating point numbers only")]
fn wide(count: u64) -> f64 {
    count as f64
}

fn number(count: usize) -> f64 {
    wide(u64::try_from(count).unwrap_or(u64::MAX))
}

fn flag(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}
