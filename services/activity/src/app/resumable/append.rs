//! The next bytes of a file, kept piece by piece as they come: what is durable counts, whatever becomes of the rest.

use bytes::{Bytes, BytesMut};
use eventing::Error;
use kernel::{AccountId, Code, Refusal};

use crate::{
    app::App,
    domain::ResumableId,
    readers::Job,
    store::resumables::{self, OPEN, Part, RECEIVED, Row},
};

/// One who sends.
pub struct Appending<'a> {
    app: &'a App,
    row: Row,
    buffer: BytesMut,
}

impl App {
    /// Goes on with a file at this byte.
    ///
    /// # Errors
    /// `conflict` when its durable bytes do not end there.
    pub async fn append_resumable(
        &self,
        account: AccountId,
        id: ResumableId,
        offset: i64,
    ) -> Result<Appending<'_>, Refusal> {
        let row = self.own_resumable(account, id).await?;
        if row.received != offset {
            return Err(elsewhere(row.received));
        }
        Ok(Appending { app: self, row, buffer: BytesMut::new() })
    }
}

pub(super) fn bytes_of(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

fn elsewhere(received: i64) -> Refusal {
    Refusal::new(Code::Conflict, format!("the file goes on at byte {received}"))
}

impl Appending<'_> {
    /// # Errors
    /// More than the file's length; somebody else sends the same file.
    pub async fn take(&mut self, data: Bytes) -> Result<(), Refusal> {
        let held = self.row.received.saturating_add(bytes_of(self.buffer.len() + data.len()));
        if held > self.row.length {
            let detail = format!("the file was said to have {} bytes", self.row.length);
            return Err(Refusal::new(Code::PayloadTooLarge, detail));
        }
        self.buffer.extend_from_slice(&data);
        if self.buffer.len() >= self.app.config.resumable_part_bytes.max(1) {
            self.keep().await
        } else {
            Ok(())
        }
    }

    /// What is held becomes durable.
    async fn keep(&mut self) -> Result<(), Refusal> {
        if self.buffer.is_empty() || self.row.state != OPEN {
            return Ok(());
        }
        let (app, row) = (self.app, &self.row);
        let bytes = self.buffer.split().freeze();
        let size = bytes_of(bytes.len());
        let blob = app.blobs.put_part(row.account_id, row.resumable_id, row.received, bytes).await?;
        let part = Part { start: row.received, size, blob: blob.clone() };
        let expires_us = app.resumable_expires_us();
        if !resumables::advance(&app.db, row, part, expires_us).await.map_err(Error::from)? {
            app.blobs.delete(&blob).await?;
            let now = app.own_resumable(row.account_id, row.resumable_id).await?;
            return Err(elsewhere(now.received));
        }
        app.metrics.upload_bytes.inc_by(size.unsigned_abs());
        self.row.received += size;
        self.row.expires_us = expires_us;
        if self.row.received == self.row.length {
            RECEIVED.clone_into(&mut self.row.state);
            app.queue.offer(Job::Resumable(self.row.resumable_id));
        }
        Ok(())
    }

    /// Nothing more comes for now, for whatever reason.
    pub async fn end(mut self) -> Result<Row, Refusal> {
        self.keep().await?;
        Ok(self.row)
    }
}
