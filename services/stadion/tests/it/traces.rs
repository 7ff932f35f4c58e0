//! Traces at a collector: what a request caused is one tree, across doors, services, the log, its readers, to those who
//! watch – in one process and across several.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, http::HeaderMap, routing::post};
use opentelemetry_proto::tonic::{collector::trace::v1::ExportTraceServiceRequest, trace::v1::Span};
use proto::Message;
use stadion::demo::{contest::Contest, journey::Journey};

use crate::{
    embedded::binary,
    fleet::{Engines, Fleet, PARTS},
    serve::play,
};

/// A span with the service that sent it.
#[derive(Clone)]
struct Sent {
    service: String,
    /// The process.
    instance: String,
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
            let said = |key: &str| {
                let one = attributes.iter().find(|one| one.key == key).unwrap();
                format!("{:?}", one.value.as_ref().unwrap().value)
            };
            let (service, instance) = (said("service.name"), said("service.instance.id"));
            let spans = group.scope_spans.into_iter().flat_map(|scope| scope.spans);
            let sent = spans.map(|span| Sent { service: service.clone(), instance: instance.clone(), span });
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
async fn what_a_request_causes_is_one_trace_from_the_door_to_those_who_watch() {
    let (address, heap) = collector().await;
    let folder = tempfile::tempdir().unwrap();
    let mut demo = binary("demo --exit", folder.path());
    demo.args(["--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).env("STADION_TELEMETRY__OTLP", address);
    let ended = tokio::task::spawn_blocking(move || demo.output()).await.unwrap().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    both_are_told(&heap).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_one_trace_across_the_processes_of_a_fleet() {
    let Some(engines) = Engines::of("traces of a fleet") else { return };
    let (address, heap) = collector().await;
    let fleet = Fleet::on(engines, 1).set("STADION_TELEMETRY__OTLP", &address);
    let mut parts: Vec<_> = (0..PARTS.len()).map(|part| fleet.start(part, 0)).collect();
    for part in &mut parts {
        part.ready();
    }
    play::<Journey>(&fleet).await;
    play::<Contest>(&fleet).await;
    both_are_told(&heap).await;
    let heap = heap.lock().unwrap();
    let processes: HashSet<&str> = heap.iter().map(|one| one.instance.as_str()).collect();
    assert_eq!(processes.len(), PARTS.len(), "{processes:?}");
}

/// A file, from the door to those who read what was found in it.
const UPLOAD: &[(&str, &str)] = &[
    ("gateway", "POST /v1/uploads"),
    ("activity", "stadion.activity.v1.Activities/Upload"),
    ("activity", "publish UploadReceived"),
    ("activity", "activity.rows.1 UploadReceived"),
    ("activity", "activity-reader UploadReceived"),
    ("activity", "publish ActivityRecorded"),
    ("gamification", "gamification-activities ActivityRecorded"),
    ("social", "social-posts ActivityRecorded"),
];

/// Somebody passes somebody who watches.
const OVERTAKING: &[(&str, &str)] = &[
    ("gateway", "POST /v1/sync"),
    ("activity", "stadion.activity.v1.Activities/"),
    ("activity", "publish ActivityRecorded"),
    ("gamification", "gamification-activities ActivityRecorded"),
    ("gamification", "gamification-scores ActivityCounted"),
    ("leaderboard", "push board"),
];

async fn both_are_told(heap: &Heap) {
    for steps in [UPLOAD, OVERTAKING] {
        is_one_tree(&told(heap, steps).await, steps[0].1);
    }
}

/// The trace that took all these steps, once it is there, and all that was sent has its parent there.
async fn told(heap: &Heap, steps: &[(&str, &str)]) -> Vec<Sent> {
    for _ in 0..2_400 {
        if let Some(trace) =
            traces(&heap.lock().unwrap()).into_iter().find(|trace| took(trace, steps) && is_whole(trace))
        {
            return trace;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let heap = heap.lock().unwrap();
    let begun = traces(&heap).into_iter().filter(|trace| took(trace, &steps[..1]));
    let name = |one: &Sent| format!("{} {}", one.service, one.span.name);
    let seen: Vec<Vec<String>> = begun.map(|trace| trace.iter().map(name).collect()).collect();
    panic!("no trace took all of {steps:?}: {seen:#?}");
}

fn is_whole(trace: &[Sent]) -> bool {
    let ids: HashSet<&[u8]> = trace.iter().map(|one| one.span.span_id.as_slice()).collect();
    let parents = trace.iter().map(|one| one.span.parent_span_id.as_slice());
    parents.into_iter().all(|parent| parent.is_empty() || ids.contains(parent))
}

fn traces(heap: &[Sent]) -> Vec<Vec<Sent>> {
    let mut traces: HashMap<Vec<u8>, Vec<Sent>> = HashMap::new();
    for one in heap {
        traces.entry(one.span.trace_id.clone()).or_default().push(one.clone());
    }
    traces.into_values().collect()
}

fn took(trace: &[Sent], steps: &[(&str, &str)]) -> bool {
    steps.iter().all(|(service, name)| {
        trace.iter().any(|one| one.service.contains(service) && one.span.name.contains(name))
    })
}

fn is_one_tree(trace: &[Sent], door: &str) {
    let ids: HashSet<&[u8]> = trace.iter().map(|one| one.span.span_id.as_slice()).collect();
    assert_eq!(ids.len(), trace.len(), "every step has an id of its own");
    let roots: Vec<&Sent> = trace.iter().filter(|one| one.span.parent_span_id.is_empty()).collect();
    assert_eq!(roots.len(), 1, "one step began it");
    assert!(roots[0].span.name.starts_with(door), "{}", roots[0].span.name);
    for one in trace {
        let parent = one.span.parent_span_id.as_slice();
        assert!(parent.is_empty() || ids.contains(parent), "{} hangs in the air", one.span.name);
        assert!(one.span.start_time_unix_nano <= one.span.end_time_unix_nano);
    }
}
