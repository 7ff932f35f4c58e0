//! The next bytes of a file, kept piece by piece as they come: what is durable counts, whatever becomes of the rest. Of a part with a
//! checksum nothing counts before all of it has come and fits.

use bytes::{Bytes, BytesMut};
use eventing::Error;
use kernel::{AccountId, Code, Refusal};

use super::checksum::Checksum;
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
    checksum: Option<Checksum>,
    /// Durable, and to be counted when the checksum fits.
    held: Vec<Part>,
}

impl App {
    /// Goes on with a file at this byte. `checksum`: of the whole part, with its algorithm, where one is named.
    ///
    /// # Errors
    /// `conflict` when its durable bytes do not end there; `bad_checksum`.
    pub async fn append_resumable(
        &self,
        account: AccountId,
        id: ResumableId,
        offset: i64,
        checksum: (&str, Bytes),
    ) -> Result<Appending<'_>, Refusal> {
        let checksum = Checksum::of(checksum.0, checksum.1)?;
        let row = self.own_resumable(account, id).await?;
        if row.received != offset {
            return Err(elsewhere(row.received));
        }
        Ok(Appending { app: self, row, buffer: BytesMut::new(), checksum, held: Vec::new() })
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
        let taken = self.take_in(&data).await;
        if taken.is_err() {
            self.let_go().await?;
        }
        taken
    }

    async fn take_in(&mut self, data: &[u8]) -> Result<(), Refusal> {
        let end = self.end_of_pieces().saturating_add(bytes_of(self.buffer.len() + data.len()));
        if end > self.row.length {
            let detail = format!("the file was said to have {} bytes", self.row.length);
            return Err(Refusal::new(Code::PayloadTooLarge, detail));
        }
        if let Some(checksum) = &mut self.checksum {
            checksum.add(data);
        }
        self.buffer.extend_from_slice(data);
        if self.buffer.len() >= self.app.config.resumable_part_bytes.max(1) {
            self.keep().await
        } else {
            Ok(())
        }
    }

    fn end_of_pieces(&self) -> i64 {
        self.held.last().map_or(self.row.received, |piece| piece.start + piece.size)
    }

    /// What came becomes durable.
    async fn keep(&mut self) -> Result<(), Refusal> {
        if self.buffer.is_empty() || self.row.state != OPEN {
            return Ok(());
        }
        let bytes = self.buffer.split().freeze();
        let (start, size) = (self.end_of_pieces(), bytes_of(bytes.len()));
        let blob = self.app.blobs.put_part(self.row.account_id, self.row.resumable_id, start, bytes).await?;
        self.held.push(Part { start, size, blob });
        if self.checksum.is_none() { self.count().await } else { Ok(()) }
    }

    /// The pieces are the file's from here on.
    async fn count(&mut self) -> Result<(), Refusal> {
        let app = self.app;
        while !self.held.is_empty() {
            // Where no answer comes it may count all the same: then it is not to be let go any more.
            let piece = self.held.remove(0);
            let (size, blob, expires_us) = (piece.size, piece.blob.clone(), app.resumable_expires_us());
            if !resumables::advance(&app.db, &self.row, piece, expires_us).await.map_err(Error::from)? {
                app.blobs.delete(&blob).await?;
                self.let_go().await?;
                let now = app.own_resumable(self.row.account_id, self.row.resumable_id).await?;
                return Err(elsewhere(now.received));
            }
            app.metrics.upload_bytes.inc_by(size.unsigned_abs());
            self.row.received += size;
            self.row.expires_us = expires_us;
            if self.row.received == self.row.length {
                RECEIVED.clone_into(&mut self.row.state);
                app.queue.offer(Job::Resumable(self.row.resumable_id));
            }
        }
        Ok(())
    }

    /// Nothing of what is not counted stays.
    async fn let_go(&mut self) -> Result<(), Refusal> {
        self.buffer.clear();
        for piece in std::mem::take(&mut self.held) {
            self.app.blobs.delete(&piece.blob).await?;
        }
        Ok(())
    }

    /// Nothing more comes for now, for whatever reason.
    ///
    /// # Errors
    /// `checksum_mismatch`: nothing of the part is kept.
    pub async fn end(mut self) -> Result<Row, Refusal> {
        self.keep().await?;
        if let Some(checksum) = self.checksum.take() {
            if let Err(mismatch) = checksum.check() {
                self.let_go().await?;
                return Err(mismatch);
            }
            self.count().await?;
        }
        Ok(self.row)
    }
}
