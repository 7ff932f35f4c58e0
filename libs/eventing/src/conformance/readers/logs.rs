//! Logs with a fault: one that answers nobody, one that forgot its beginning, one that refuses a topic.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;

use crate::bus::{Batch, Bus, BusError, LogSink, LogSource, Routed, Topic};

/// A log that can be made to answer nobody.
pub(super) struct Muted {
    pub(super) bus: Arc<dyn Bus>,
    pub(super) silent: Arc<AtomicBool>,
}

impl Muted {
    fn heard(&self) -> Result<&Arc<dyn Bus>, BusError> {
        if self.silent.load(Ordering::Acquire) {
            return Err(BusError::Unavailable("nobody there".to_owned()));
        }
        Ok(&self.bus)
    }
}

#[async_trait]
impl LogSink for Muted {
    async fn publish(&self, topic: &Topic, records: &[Routed]) -> Result<(), BusError> {
        self.heard()?.publish(topic, records).await
    }
}

#[async_trait]
impl Bus for Muted {
    async fn exclusive_sink(&self, name: &str) -> Result<Arc<dyn LogSink>, BusError> {
        self.heard()?.exclusive_sink(name).await
    }

    async fn source(
        &self,
        reader: &str,
        topic: &Topic,
        from: &[(u32, i64)],
    ) -> Result<Box<dyn LogSource>, BusError> {
        let source = self.heard()?.source(reader, topic, from).await?;
        Ok(Box::new(MutedSource { source, silent: self.silent.clone() }))
    }

    async fn ends(&self, topic: &Topic) -> Result<Vec<i64>, BusError> {
        self.heard()?.ends(topic).await
    }

    async fn begins(&self, topic: &Topic) -> Result<Vec<i64>, BusError> {
        self.heard()?.begins(topic).await
    }
}

struct MutedSource {
    source: Box<dyn LogSource>,
    silent: Arc<AtomicBool>,
}

#[async_trait]
impl LogSource for MutedSource {
    async fn poll(&mut self, max: usize) -> Result<Vec<Batch>, BusError> {
        let batches = self.source.poll(max).await?;
        // What was fetched while nobody answered is lost with the source.
        if self.silent.load(Ordering::Acquire) {
            return Err(BusError::Unavailable("nobody there".to_owned()));
        }
        Ok(batches)
    }
}

/// A log that forgot its first records, as after its days of keeping.
pub(super) struct Forgetful(pub(super) Arc<dyn Bus>, pub(super) Vec<i64>);

#[async_trait]
impl LogSink for Forgetful {
    async fn publish(&self, topic: &Topic, records: &[Routed]) -> Result<(), BusError> {
        self.0.publish(topic, records).await
    }
}

#[async_trait]
impl Bus for Forgetful {
    async fn exclusive_sink(&self, name: &str) -> Result<Arc<dyn LogSink>, BusError> {
        self.0.exclusive_sink(name).await
    }

    async fn source(
        &self,
        reader: &str,
        topic: &Topic,
        from: &[(u32, i64)],
    ) -> Result<Box<dyn LogSource>, BusError> {
        for (part, offset) in from {
            assert!(*offset >= self.1[*part as usize], "nobody reads what is no longer there");
        }
        self.0.source(reader, topic, from).await
    }

    async fn ends(&self, topic: &Topic) -> Result<Vec<i64>, BusError> {
        self.0.ends(topic).await
    }

    async fn begins(&self, _: &Topic) -> Result<Vec<i64>, BusError> {
        Ok(self.1.clone())
    }
}

/// A log that can be made to refuse a topic.
pub(super) struct Refusing {
    pub(super) bus: Arc<dyn Bus>,
    pub(super) topic: String,
    pub(super) refuses: Arc<AtomicBool>,
}

struct RefusingSink {
    sink: Arc<dyn LogSink>,
    topic: String,
    refuses: Arc<AtomicBool>,
}

#[async_trait]
impl LogSink for RefusingSink {
    async fn publish(&self, topic: &Topic, records: &[Routed]) -> Result<(), BusError> {
        if topic.name == self.topic && self.refuses.load(Ordering::Acquire) {
            return Err(BusError::Refused("told so".to_owned()));
        }
        self.sink.publish(topic, records).await
    }
}

#[async_trait]
impl LogSink for Refusing {
    async fn publish(&self, topic: &Topic, records: &[Routed]) -> Result<(), BusError> {
        self.bus.publish(topic, records).await
    }
}

#[async_trait]
impl Bus for Refusing {
    async fn exclusive_sink(&self, name: &str) -> Result<Arc<dyn LogSink>, BusError> {
        let sink = self.bus.exclusive_sink(name).await?;
        Ok(Arc::new(RefusingSink { sink, topic: self.topic.clone(), refuses: self.refuses.clone() }))
    }

    async fn source(
        &self,
        reader: &str,
        topic: &Topic,
        from: &[(u32, i64)],
    ) -> Result<Box<dyn LogSource>, BusError> {
        self.bus.source(reader, topic, from).await
    }

    async fn ends(&self, topic: &Topic) -> Result<Vec<i64>, BusError> {
        self.bus.ends(topic).await
    }

    async fn begins(&self, topic: &Topic) -> Result<Vec<i64>, BusError> {
        self.bus.begins(topic).await
    }
}
