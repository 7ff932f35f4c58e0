//! Files on their way in, within a bound of bytes, and on their way out.

use std::sync::Arc;

use bytes::BytesMut;
use kernel::{Code, Refusal};
use platform::status;
use proto::activity::{OriginalChunk, OriginalHeader, UploadChunk, original_chunk, upload_chunk};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::app::{original::Original, receive_upload::Incoming};

/// Room is given in pieces of this size.
const PIECE_BYTES: usize = 16 * 1024;

/// What a sender says with a file.
pub(super) struct How {
    pub(super) wait_s: u32,
    /// Of an import.
    pub(super) dry_run: bool,
}

/// Room for files that are on their way in.
pub(super) struct Room {
    file_bytes_max: usize,
    pieces: Arc<Semaphore>,
}

impl Room {
    pub(super) fn new(file_bytes_max: usize, bytes_max: usize) -> Self {
        let pieces = (bytes_max.max(file_bytes_max) / PIECE_BYTES + 1).min(Semaphore::MAX_PERMITS);
        Self { file_bytes_max, pieces: Arc::new(Semaphore::new(pieces)) }
    }

    /// The whole file, what its sender says with it, and the room it takes until dropped.
    pub(super) async fn receive(
        &self,
        mut chunks: Streaming<UploadChunk>,
    ) -> Result<(Incoming, How, Option<OwnedSemaphorePermit>), Status> {
        let mut header = None;
        let mut bytes = BytesMut::new();
        let mut room: Option<OwnedSemaphorePermit> = None;
        let mut pieces = 0;
        while let Some(chunk) = chunks.message().await? {
            match chunk.part {
                Some(upload_chunk::Part::Header(first)) => header = header.or(Some(first)),
                Some(upload_chunk::Part::Data(data)) => {
                    if bytes.len() + data.len() > self.file_bytes_max {
                        let most = self.file_bytes_max;
                        let refusal =
                            Refusal::new(Code::PayloadTooLarge, format!("a file has at most {most} bytes"));
                        return Err(status(refusal));
                    }
                    bytes.extend_from_slice(&data);
                    let needed = bytes.len().div_ceil(PIECE_BYTES);
                    if needed > pieces {
                        let more = self.enter(needed - pieces)?;
                        pieces = needed;
                        match &mut room {
                            Some(room) => room.merge(more),
                            None => room = Some(more),
                        }
                    }
                }
                None => {}
            }
        }
        let header = header.unwrap_or_default();
        let file = Incoming { filename: header.filename, source: header.source, bytes: bytes.freeze() };
        Ok((file, How { wait_s: header.wait_s, dry_run: header.dry_run }, room))
    }

    /// Room for so many bytes, until dropped.
    pub(super) fn enter_bytes(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Status> {
        self.enter(bytes.div_ceil(PIECE_BYTES))
    }

    fn enter(&self, pieces: usize) -> Result<OwnedSemaphorePermit, Status> {
        let pieces = u32::try_from(pieces).unwrap_or(u32::MAX);
        let room = self.pieces.clone().try_acquire_many_owned(pieces);
        room.map_err(|_| {
            status(Refusal::new(Code::Overloaded, "too many files at the moment").retry_after_s(2))
        })
    }
}

/// A file in chunks. It is in memory already, so all chunks wait in a queue that is as long as they are many.
pub(super) fn send(file: Original, chunk_bytes: usize) -> ReceiverStream<Result<OriginalChunk, Status>> {
    let count = file.bytes.len().div_ceil(chunk_bytes);
    let (sender, receiver) = mpsc::channel(count + 1);
    let header = OriginalHeader {
        filename: file.filename,
        content_type: file.content_type.to_owned(),
        size_bytes: i64::try_from(file.bytes.len()).unwrap_or(i64::MAX),
    };
    let header = original_chunk::Part::Header(header);
    let data = (0..count).map(|chunk| {
        let end = file.bytes.len().min((chunk + 1) * chunk_bytes);
        original_chunk::Part::Data(file.bytes.slice(chunk * chunk_bytes..end))
    });
    for part in std::iter::once(header).chain(data) {
        // There is room for every chunk, and the receiver is still here.
        let _ = sender.try_send(Ok(OriginalChunk { part: Some(part) }));
    }
    ReceiverStream::new(receiver)
}
