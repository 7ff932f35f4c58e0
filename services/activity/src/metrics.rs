//! What operators see of uploads and changesets.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Outcome {
    pub outcome: &'static str,
}

#[derive(Clone)]
pub struct Metrics {
    uploads: Family<Outcome, Counter>,
    records: Family<Outcome, Counter>,
    pub reading_seconds: Histogram,
    pub upload_bytes: Counter,
    pub files_missing: Counter,
    pub purged: Counter,
    pub swept: Counter,
    pub sweep_faults: Counter,
}

impl Metrics {
    pub fn register(metrics: &platform::metrics::Metrics) -> Self {
        Self {
            uploads: metrics.counters("uploads", "uploads by what became of them"),
            records: metrics.counters("sync_records", "records of changesets by their answer"),
            reading_seconds: metrics.seconds("reading_seconds", "from a durable file to its activities"),
            upload_bytes: metrics.counter("upload_bytes", "bytes of files received"),
            files_missing: metrics.counter("files_missing", "looks for a received file that found none"),
            purged: metrics.counter("purged", "deleted activities of which nothing is kept any more"),
            sweep_faults: metrics.counter("sweep_faults", "files that could not be looked at, or deleted"),
            swept: metrics.counter("blobs_swept", "files that nobody referred to, deleted"),
        }
    }

    pub fn upload(&self, outcome: &'static str) {
        self.uploads.get_or_create(&Outcome { outcome }).inc();
    }

    pub fn record(&self, outcome: &'static str) {
        self.records.get_or_create(&Outcome { outcome }).inc();
    }
}
