//! Prometheus metrics: one registry a process, names `stadion_<service>_…`, each with its label `service`: so that one
//! expression can be said of all services at once.

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use eventing::Spine;
use futures::future::join_all;
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Metric, Registry},
};

use crate::standing::Standing;

/// Bounds of durations in seconds: 1 ms to 10 s, and 300 ms, within which the public door promises to answer.
pub const SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0];

/// A service's view of the process' registry. Register once, at start; clone the metric, not this.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    standings: Arc<Mutex<Vec<Arc<Standing>>>>,
    service: &'static str,
}

impl Metrics {
    /// A fresh registry, for one process; services get theirs by [`Metrics::of`].
    pub fn new() -> Self {
        Self { registry: Arc::default(), standings: Arc::default(), service: "process" }
    }

    /// The same registry under a service's name.
    pub fn of(&self, service: &'static str) -> Self {
        Self { service, ..self.clone() }
    }

    /// Registers any metric; the name gets the prefix `stadion_<service>_`. Counters get `_total` when rendered.
    pub fn register<M: Metric + Clone>(&self, name: &str, help: &str, metric: M) -> M {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        room(&mut registry, self.service).register(
            format!("stadion_{}_{name}", self.service),
            help,
            metric.clone(),
        );
        metric
    }

    pub fn counter(&self, name: &str, help: &str) -> Counter {
        self.register(name, help, Counter::default())
    }

    pub fn gauge(&self, name: &str, help: &str) -> Gauge {
        self.register(name, help, Gauge::default())
    }

    /// Durations in seconds.
    pub fn seconds(&self, name: &str, help: &str) -> Histogram {
        self.register(name, help, Histogram::new(SECONDS))
    }

    /// Counters told apart by labels; keep the label values few.
    pub fn counters<L>(&self, name: &str, help: &str) -> Family<L, Counter>
    where
        L: Clone + Eq + std::hash::Hash + EncodeLabelSet + fmt::Debug + Send + Sync + 'static,
    {
        self.register(name, help, Family::default())
    }

    /// Shows how a service's spine stands, on every page, for as long as the spine lives.
    pub fn watch(&self, spine: &Arc<Spine>) {
        let standing = Arc::new(Standing::of(self.service, spine));
        let mut standings = self.standings.lock().unwrap_or_else(PoisonError::into_inner);
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        room(&mut registry, self.service).register_collector(Box::new(standing.clone()));
        standings.push(standing);
    }

    /// Looks how every watched spine stands, then renders everything.
    pub async fn page(&self) -> Result<String, fmt::Error> {
        let standings = self.standings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        join_all(standings.iter().map(|standing| standing.look())).await;
        self.render()
    }

    /// The exposition text of everything registered (OpenMetrics).
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut page = String::new();
        text::encode(&mut page, &self.registry.lock().unwrap_or_else(PoisonError::into_inner))?;
        Ok(page)
    }
}

/// Where a service's metrics are: each of them gets the label.
fn room<'r>(registry: &'r mut Registry, service: &'static str) -> &'r mut Registry {
    registry.sub_registry_with_label((Cow::Borrowed("service"), Cow::Borrowed(service)))
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Rate, errors, duration of a service's gRPC calls.
#[derive(Clone)]
pub(crate) struct Calls {
    answered: Family<Answer, Counter>,
    seconds: Family<Method, Histogram, fn() -> Histogram>,
    shed: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    method: String,
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Method {
    method: String,
}

impl Calls {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let seconds = Family::new_with_constructor((|| Histogram::new(SECONDS)) as fn() -> Histogram);
        Self {
            answered: metrics.counters("grpc_calls", "gRPC calls answered, by method and code"),
            seconds: metrics.register("grpc_call_seconds", "How long gRPC calls took", seconds),
            shed: metrics.counter("grpc_calls_shed", "gRPC calls refused because too many ran"),
        }
    }

    /// `method` must be one that exists, so that callers cannot grow the label's values.
    pub(crate) fn answered(&self, method: &str, code: tonic::Code, took: Duration) {
        let method = if code == tonic::Code::Unimplemented { "unknown" } else { method };
        let answer = Answer { method: method.to_owned(), code: format!("{code:?}") };
        self.answered.get_or_create(&answer).inc();
        self.seconds.get_or_create(&Method { method: method.to_owned() }).observe(took.as_secs_f64());
    }

    pub(crate) fn shed(&self) {
        self.shed.inc();
    }
}
