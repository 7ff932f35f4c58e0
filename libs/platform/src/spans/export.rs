//! Steps on their way to the collector: gathered for a moment, sent in batches, dropped when it does not take them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::SpanKind, status::StatusCode},
};
use prost::Message;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::Step;

const BATCH_MAX: usize = 2_048;
/// Steps are gathered for so long.
const GATHER: Duration = Duration::from_millis(500);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// A batch is sent so often; then its steps are lost.
const TRIES: u32 = 3;
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// What a collector says of its refusal, as far as anybody reads it.
const REFUSAL_BYTES_MAX: usize = 4 * 1024;

pub(super) struct Exporter {
    collector: Uri,
    instance: String,
    client: Client<HttpConnector, Full<Bytes>>,
    lost: Arc<AtomicU64>,
}

impl Exporter {
    pub(super) fn new(collector: Uri, instance: String, lost: Arc<AtomicU64>) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { collector, instance, client, lost }
    }

    /// Sends until `stop`, and then what is there.
    pub(super) async fn run(self, mut steps: mpsc::Receiver<Step>, stop: CancellationToken) {
        let mut batch = Vec::new();
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => break,
                count = steps.recv_many(&mut batch, BATCH_MAX) => if count == 0 { break },
            }
            if batch.len() < BATCH_MAX {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(GATHER) => {}
                }
            }
            while batch.len() < BATCH_MAX
                && let Ok(step) = steps.try_recv()
            {
                batch.push(step);
            }
            self.send(std::mem::take(&mut batch), &stop).await;
        }
        while let Ok(step) = steps.try_recv() {
            batch.push(step);
        }
        if !batch.is_empty() {
            self.send(batch, &stop).await;
        }
    }

    async fn send(&self, batch: Vec<Step>, stop: &CancellationToken) {
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let body = Bytes::from(self.request(batch).encode_to_vec());
        let mut tries = 0;
        let refused = loop {
            tries += 1;
            let sent = tokio::time::timeout(ANSWER_WITHIN, self.post(body.clone())).await;
            match sent.unwrap_or_else(|_| Err("it did not answer in time".to_owned())) {
                Ok(()) => break None,
                Err(error) if tries >= TRIES || stop.is_cancelled() => break Some(error),
                Err(error) => debug!(%error, "the collector of traces is asked again"),
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        };
        let overflowed = self.lost.swap(0, Ordering::Relaxed);
        let lost = overflowed + refused.as_ref().map_or(0, |_| count);
        if lost > 0 {
            let error = refused.unwrap_or_else(|| "more steps than it takes".to_owned());
            warn!(collector = %self.collector, lost, %error, "steps of traces were dropped");
        }
    }

    async fn post(&self, body: Bytes) -> Result<(), String> {
        let request = Request::post(self.collector.clone())
            .header(header::CONTENT_TYPE, "application/x-protobuf")
            .body(Full::new(body))
            .map_err(|error| error.to_string())?;
        let response = self.client.request(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        let said = http_body_util::Limited::new(response.into_body(), REFUSAL_BYTES_MAX).collect().await;
        if status.is_success() {
            return Ok(());
        }
        let said = said.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned());
        Err(format!("{status} {}", said.unwrap_or_default()))
    }

    fn request(&self, batch: Vec<Step>) -> ExportTraceServiceRequest {
        let mut services: BTreeMap<&'static str, Vec<Span>> = BTreeMap::new();
        for step in batch {
            services.entry(step.service).or_default().push(span(step));
        }
        let resource_spans = services.into_iter().map(|(service, spans)| ResourceSpans {
            resource: Some(Resource {
                attributes: vec![
                    attribute("service.name", format!("stadion-{service}")),
                    attribute("service.namespace", "stadion".to_owned()),
                    attribute("service.version", env!("CARGO_PKG_VERSION").to_owned()),
                    attribute("service.instance.id", self.instance.clone()),
                ],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: "stadion".to_owned(),
                    ..InstrumentationScope::default()
                }),
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        });
        ExportTraceServiceRequest { resource_spans: resource_spans.collect() }
    }
}

fn span(step: Step) -> Span {
    let ns = |us: i64| u64::try_from(us).unwrap_or_default().saturating_mul(1_000);
    let status = step.failure.map(|message| Status { message, code: StatusCode::Error.into() });
    let kind: SpanKind = step.side.into();
    Span {
        trace_id: step.trace.trace_bytes().to_vec(),
        span_id: step.trace.span_bytes().to_vec(),
        parent_span_id: step.trace.parent_bytes().map(Vec::from).unwrap_or_default(),
        name: step.name,
        kind: kind.into(),
        start_time_unix_nano: ns(step.began_us),
        end_time_unix_nano: ns(step.ended_us.max(step.began_us)),
        attributes: step.attributes.into_iter().map(|(key, value)| attribute(key, value)).collect(),
        status,
        ..Span::default()
    }
}

fn attribute(key: &str, value: String) -> KeyValue {
    let value = Some(AnyValue { value: Some(any_value::Value::StringValue(value)) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}
