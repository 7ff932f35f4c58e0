//! Traces at a collector: what a request caused is one tree, across doors, services, the log and its readers.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, http::HeaderMap, routing::post};
use opentelemetry_proto::tonic::{collector::trace::v1::ExportTraceServiceRequest, trace::v1::Span};
use proto::Message;

use crate::embedded::binary;

/// A span with the service that sent it.
#[derive(Clone)]
struct Sent {
    service: String,
    span: Span,
}

type Heap = Arc<Mutex<Vec<Sent>>>;

async fn collector() -> (String, Heap) {
    let heap = Heap::default();
    let kept = heap.clone();
    let take = move |headers: HeaderMap, body: Bytes| async move {
        assert_eq!(headers["content-type"], "application/x-protobuf");
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        for group in request.resource_spans {
            let attributes = group.resource.unwrap().attributes;
            let service = attributes.iter().find(|one| one.key == "service.name").unwrap();
            let service = format!("{:?}", service.value.as_ref().unwrap().value);
            let spans = group.scope_spans.into_iter().flat_map(|scope| scope.spans);
            let sent = spans.map(|span| Sent { service: service.clone(), span });
            kept.lock().unwrap().extend(sent);
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    #[expect(clippy::disallowed_methods, reason = "the collector ends with its test")]
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/v1/traces", post(take))).await });
    (address, heap)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_is_one_trace_from_the_door_to_its_readers() {
    let (address, heap) = collector().await;
    let folder = tempfile::tempdir().unwrap();
    let mut demo = binary("demo --exit", folder.path());
    demo.args(["--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).env("STADION_TELEMETRY__OTLP", address);
    let ended = tokio::task::spawn_blocking(move || demo.output()).await.unwrap().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));

    for _ in 0..200 {
        if let Some(trace) = upload(&heap.lock().unwrap()) {
            is_one_tree(&trace);
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let heap = heap.lock().unwrap();
    let uploads: HashSet<Vec<u8>> = heap
        .iter()
        .filter(|one| one.span.name.starts_with("POST /v1/uploads"))
        .map(|one| one.span.trace_id.clone())
        .collect();
    let told = heap.iter().filter(|one| uploads.contains(&one.span.trace_id));
    let told: HashSet<String> = told.map(|one| format!("{} {}", one.service, one.span.name)).collect();
    panic!("no upload was traced to its end: {told:#?}");
}

/// The trace of an upload, once everything is there.
fn upload(heap: &[Sent]) -> Option<Vec<Sent>> {
    let mut traces: HashMap<Vec<u8>, Vec<Sent>> = HashMap::new();
    for one in heap {
        traces.entry(one.span.trace_id.clone()).or_default().push(one.clone());
    }
    let has = |trace: &[Sent], service: &str, name: &str| {
        trace.iter().any(|one| one.service.contains(service) && one.span.name.contains(name))
    };
    traces.into_values().find(|trace| {
        has(trace, "gateway", "POST /v1/uploads")
            && has(trace, "activity", "stadion.activity.v1.Activities/Upload")
            && has(trace, "activity", "publish UploadReceived")
            && has(trace, "activity", "activity.rows.1 UploadReceived")
            && has(trace, "gamification", "gamification-activities UploadReceived")
            && has(trace, "social", "social-posts UploadReceived")
    })
}

fn is_one_tree(trace: &[Sent]) {
    let ids: HashSet<&[u8]> = trace.iter().map(|one| one.span.span_id.as_slice()).collect();
    assert_eq!(ids.len(), trace.len(), "every step has an id of its own");
    let roots: Vec<&Sent> = trace.iter().filter(|one| one.span.parent_span_id.is_empty()).collect();
    assert_eq!(roots.len(), 1, "one step began it");
    assert!(roots[0].span.name.starts_with("POST /v1/uploads"), "{}", roots[0].span.name);
    for one in trace {
        let parent = one.span.parent_span_id.as_slice();
        assert!(parent.is_empty() || ids.contains(parent), "{} hangs in the air", one.span.name);
        assert!(one.span.start_time_unix_nano <= one.span.end_time_unix_nano);
    }
}
