//! Traces for a collector: each step that a trace of the house takes, sent by OTLP (HTTP, protobuf).
//!
//! HTTP → gRPC → event → reader: the ids are those of [`Trace`], which travels anyway; so a step is written down by those
//! who take it, with its parent known, and the log's spans have no part in it. Without `telemetry.otlp` a step costs one
//! look at an empty cell. What the collector does not take in time is dropped and counted, never waited for.

mod export;

use std::{
    fmt::Display,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use eventing::{Failure, Incoming, Recorded, Witness, sql::BoxFuture};
use http::Uri;
use kernel::{Clock, time::micros};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{config::Telemetry, context::Ambient, tasks::Task, trace::Trace};

/// Steps that may wait for the collector.
const QUEUE_MAX: usize = 8_192;

/// One a process, as the log's subscriber is.
static RECORDER: OnceLock<Recorder> = OnceLock::new();

struct Recorder {
    queue: mpsc::Sender<Step>,
    clock: Arc<dyn Clock>,
    /// Traces whose random part is below this are kept: the same ones in every process.
    kept_below: u64,
    lost: Arc<AtomicU64>,
}

/// On which side of what a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Answers a call or a request.
    Server,
    /// Hands an event on.
    Producer,
    /// Takes an event.
    Consumer,
}

impl From<Side> for SpanKind {
    fn from(side: Side) -> Self {
        match side {
            Side::Server => Self::Server,
            Side::Producer => Self::Producer,
            Side::Consumer => Self::Consumer,
        }
    }
}

/// A step that was taken.
#[derive(Debug)]
struct Step {
    service: &'static str,
    trace: Trace,
    side: Side,
    name: String,
    began_us: i64,
    ended_us: i64,
    attributes: Vec<(&'static str, String)>,
    failure: Option<String>,
}

/// Starts sending, when `telemetry.otlp` says where to: the task that does. Once in a process; `instance` is its name.
pub fn start(
    telemetry: &Telemetry,
    instance: &str,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> Option<Task> {
    let collector: Uri = telemetry.traces()?;
    let (queue, steps) = mpsc::channel(QUEUE_MAX);
    let lost = Arc::new(AtomicU64::new(0));
    let recorder = Recorder { queue, clock, kept_below: telemetry.kept_below(), lost: lost.clone() };
    RECORDER.set(recorder).ok()?;
    let exporter = export::Exporter::new(collector, instance.to_owned(), lost);
    Some(Task::new("traces", async move {
        exporter.run(steps, stop).await;
        Ok(())
    }))
}

impl Recorder {
    /// The recorder, when this trace is to be kept.
    fn of(trace: Trace) -> Option<&'static Self> {
        RECORDER.get().filter(|recorder| trace.is_sampled() && trace.randomness() < recorder.kept_below)
    }

    fn now_us(&self) -> i64 {
        micros(self.clock.now())
    }

    fn keep(&self, step: Step) {
        if self.queue.try_send(step).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A step under way; taken when it is dropped, however that comes.
#[must_use]
pub struct Taking(Option<Box<Step>>);

/// Begins a step whose id is the trace's own.
pub fn take(service: &'static str, trace: Trace, side: Side, name: impl FnOnce() -> String) -> Taking {
    let Some(recorder) = Recorder::of(trace) else { return Taking(None) };
    let now_us = recorder.now_us();
    Taking(Some(Box::new(Step {
        service,
        trace,
        side,
        name: name(),
        began_us: now_us,
        ended_us: now_us,
        attributes: Vec::new(),
        failure: None,
    })))
}

impl Taking {
    /// Of what nobody follows.
    pub fn none() -> Self {
        Self(None)
    }

    /// Never a personal value.
    pub fn tell(&mut self, what: &'static str, value: impl Display) {
        if let Some(step) = &mut self.0 {
            step.attributes.push((what, value.to_string()));
        }
    }

    pub fn fail(&mut self, why: impl Display) {
        if let Some(step) = &mut self.0 {
            step.failure = Some(why.to_string());
        }
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        if let (Some(mut step), Some(recorder)) = (self.0.take(), RECORDER.get()) {
            step.ended_us = recorder.now_us();
            recorder.keep(*step);
        }
    }
}

/// Writes down what becomes of events, and lets reactions go on in the trace of what they react to.
pub(crate) struct EventSteps;

impl EventSteps {
    fn step(
        (service, side): (&'static str, Side),
        event: &Recorded,
        name: impl FnOnce(&str) -> String,
        began_us: i64,
    ) {
        let Ok(cause) = event.meta.trace_parent.parse::<Trace>() else { return };
        let Some(recorder) = Recorder::of(cause) else { return };
        let kind = event.kind.rsplit('.').next().unwrap_or_default();
        recorder.keep(Step {
            service,
            trace: cause.child(),
            side,
            name: name(kind),
            began_us,
            ended_us: recorder.now_us(),
            attributes: of_event(event),
            failure: None,
        });
    }
}

fn of_event(event: &Recorded) -> Vec<(&'static str, String)> {
    vec![
        ("messaging.message.id", event.event_id.to_string()),
        ("stadion.event.type", event.kind.clone()),
        ("stadion.event.position", event.position.to_string()),
    ]
}

impl Witness for EventSteps {
    fn published(&self, service: &'static str, events: &[Recorded], began_us: i64) {
        if RECORDER.get().is_none() {
            return;
        }
        for event in events {
            let began_us = event.at_us.min(began_us);
            Self::step((service, Side::Producer), event, |kind| format!("publish {kind}"), began_us);
        }
    }

    fn projected(
        &self,
        service: &'static str,
        projection: &'static str,
        events: &[&Incoming],
        began_us: i64,
    ) {
        if RECORDER.get().is_none() {
            return;
        }
        for incoming in events {
            let name = |kind: &str| format!("{projection} {kind}");
            Self::step((service, Side::Consumer), &incoming.event, name, began_us);
        }
    }

    fn reacting<'a>(
        &'a self,
        service: &'static str,
        reactor: &'static str,
        incoming: &'a Incoming,
        reaction: BoxFuture<'a, Result<(), Failure>>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        let event = &incoming.event;
        let trace = Trace::continue_or_begin(Some(&event.meta.trace_parent));
        let correlation_id = uuid::Uuid::from_slice(&event.meta.correlation_id).unwrap_or(event.event_id);
        let ambient = Ambient { trace, correlation_id, ..Ambient::new() };
        let kind = || event.kind.rsplit('.').next().unwrap_or_default();
        let mut taking = take(service, trace, Side::Consumer, || format!("{reactor} {}", kind()));
        if let Some(step) = &mut taking.0 {
            step.attributes = of_event(event);
        }
        Box::pin(ambient.scope(async move {
            let reacted = reaction.await;
            if let Err(failure) = &reacted {
                taking.fail(failure);
            }
            reacted
        }))
    }
}
