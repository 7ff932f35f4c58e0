//! Bodies in: a bound on each, a bound on all of them together, and a time by which they must have arrived.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use http::header;
use http_body_util::BodyExt;
use kernel::{Code, Refusal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{exchange::Exchange, problem::Problem};

/// How long a body may take to arrive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience(pub(crate) Duration);

/// The memory that the bodies of all requests may take together, counted in blocks.
#[derive(Clone)]
pub(crate) struct Room(Arc<Semaphore>);

const BLOCK_BYTES: usize = 64 * 1024;

/// A refused body of this length is still read to its end, and thrown away.
const PASSED_OVER_MAX: u64 = 8 << 20;

impl Room {
    pub(crate) fn of_bytes(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes / BLOCK_BYTES).max(1))))
    }

    fn block(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.0).try_acquire_owned().map_err(|_| {
            Refusal::new(Code::Overloaded, "too many bodies are arriving at the moment").retry_after_s(2)
        })
    }
}

/// The whole body, at most `bytes_max` long.
///
/// # Errors
/// `payload_too_large`, `timeout`, `overloaded`, `unsupported_media_type` (an encoded body).
pub(crate) async fn read(request: Request, bytes_max: usize) -> Result<Bytes, Refusal> {
    if request.headers().get(header::CONTENT_ENCODING).is_some_and(|value| value != "identity") {
        return Err(Refusal::new(
            Code::UnsupportedMediaType,
            "a Content-Encoding is not taken; send the file as it is",
        ));
    }
    let declared: Option<u64> =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let patience =
        request.extensions().get::<Patience>().map_or(Duration::from_secs(30), |patience| patience.0);
    if let Some(bytes) = declared.filter(|bytes| *bytes > bytes_max as u64) {
        if bytes <= PASSED_OVER_MAX {
            pass_over(request.into_body(), patience).await;
        }
        return Err(too_large(bytes_max));
    }
    let room = request.extensions().get::<Room>().cloned();
    let exchange = Exchange::of(&request)?;
    let arrived = collect(request.into_body(), bytes_max, room);
    let late = |_| Refusal::new(Code::Timeout, "the body took too long to arrive");
    let (bytes, taken) = tokio::time::timeout(patience, arrived).await.map_err(late)??;
    exchange.hold(taken);
    Ok(bytes)
}

/// Lets a body that is refused arrive all the same: a client that is still sending would not read why.
async fn pass_over(mut body: axum::body::Body, patience: Duration) {
    let passing = async { while let Some(Ok(_)) = body.frame().await {} };
    // Whoever is too slow finds the connection closed.
    let _ = tokio::time::timeout(patience, passing).await;
}

async fn collect(
    mut body: axum::body::Body,
    bytes_max: usize,
    room: Option<Room>,
) -> Result<(Bytes, Vec<OwnedSemaphorePermit>), Refusal> {
    let mut whole = BytesMut::new();
    let mut taken = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::new(Code::Timeout, "the body broke off before its end"))?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        whole.extend_from_slice(&data);
        if let Some(room) = &room {
            while taken.len() * BLOCK_BYTES < whole.len() {
                taken.push(room.block()?);
            }
        }
    }
    Ok((whole.freeze(), taken))
}

pub(crate) fn too_large(bytes_max: usize) -> Refusal {
    Refusal::new(Code::PayloadTooLarge, format!("at most {bytes_max} bytes are taken here"))
}

/// A refusal of an extractor as a response.
pub(crate) fn refuse(refusal: Refusal) -> Response {
    Problem(refusal).into_response()
}
