//! Rate, errors and duration of the public requests.

use std::time::Duration;

use http::{Method, StatusCode};
use platform::metrics::{Metrics, SECONDS};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
};

/// By route template, never by path: callers cannot grow the label's values.
#[derive(Clone)]
pub(crate) struct Requests {
    answered: Family<Answered, Counter>,
    seconds: Family<Route, Histogram, fn() -> Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    method: &'static str,
    route: String,
}

impl Requests {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let seconds = Family::new_with_constructor((|| Histogram::new(SECONDS)) as fn() -> Histogram);
        Self {
            answered: metrics.counters("requests", "Requests answered, by route and status"),
            seconds: metrics.register("request_seconds", "How long requests took", seconds),
        }
    }

    pub(crate) fn served(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let method = known(method);
        let answered = Answered { method, route: route.to_owned(), status: status.as_u16() };
        self.answered.get_or_create(&answered).inc();
        self.seconds.get_or_create(&Route { method, route: route.to_owned() }).observe(took.as_secs_f64());
    }
}

fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
