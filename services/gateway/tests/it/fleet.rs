//! Services that answer what a test says, and remember what they were asked and for whom.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    sync::{Arc, Mutex},
};

use axum::{body::Body, extract::Request, response::Response};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures::{Stream, StreamExt, stream};
use http::HeaderMap;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use kernel::Refusal;
use platform::Caller;
use prost::Message;
use tokio::sync::mpsc;
use tonic::{Status, service::Routes};

/// What every service of the fleet shares: calls are told apart by their method alone.
#[derive(Clone, Default)]
pub(crate) struct Fleet(Arc<Mutex<Said>>);

#[derive(Default)]
struct Said {
    asked: Vec<Asked>,
    answers: HashMap<&'static str, VecDeque<Result<Reply, Status>>>,
}

struct Asked {
    method: String,
    actor: String,
    message: Bytes,
}

enum Reply {
    Message(Bytes),
    Stream(mpsc::Receiver<Bytes>),
}

impl Fleet {
    /// The next answer to `method`; the last one is given again and again.
    pub(crate) fn answers(&self, method: &'static str, message: &impl Message) -> &Self {
        self.add(method, Ok(Reply::Message(framed(message))))
    }

    pub(crate) fn refuses(&self, method: &'static str, refusal: Refusal) -> &Self {
        self.add(method, Err(platform::status(refusal)))
    }

    /// A stream without an end until the sender is dropped.
    pub(crate) fn streams(&self, method: &'static str) -> mpsc::Sender<Bytes> {
        let (sender, receiver) = mpsc::channel(16);
        self.add(method, Ok(Reply::Stream(receiver)));
        sender
    }

    fn add(&self, method: &'static str, answer: Result<Reply, Status>) -> &Self {
        self.0.lock().unwrap().answers.entry(method).or_default().push_back(answer);
        self
    }

    /// What `method` was asked, in order.
    pub(crate) fn asked<M: Message + Default>(&self, method: &str) -> Vec<M> {
        let said = self.0.lock().unwrap();
        let asked = said.asked.iter().filter(|asked| asked.method == method);
        asked.map(|asked| M::decode(asked.message.clone()).unwrap()).collect()
    }

    /// For whom `method` was asked.
    pub(crate) fn actors(&self, method: &str) -> Vec<String> {
        let said = self.0.lock().unwrap();
        said.asked.iter().filter(|asked| asked.method == method).map(|asked| asked.actor.clone()).collect()
    }

    pub(crate) fn routes(&self) -> Routes {
        let fleet = self.clone();
        Routes::from(axum::Router::new().fallback(move |request: Request| {
            let fleet = fleet.clone();
            async move { fleet.serve(request).await }
        }))
    }

    async fn serve(&self, request: Request) -> Response {
        let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
        let actor = request.extensions().get::<Arc<Caller>>().map(|caller| caller.actor.name());
        let mut message = request.into_body().collect().await.unwrap().to_bytes();
        message.advance(5);
        let mut said = self.0.lock().unwrap();
        said.asked.push(Asked { method: method.clone(), actor: actor.unwrap_or_default(), message });
        let Some(queue) = said.answers.get_mut(method.as_str()) else {
            return Status::unimplemented(method).into_http();
        };
        let next = match queue.front() {
            Some(Ok(Reply::Message(message))) if queue.len() == 1 => {
                Some(Ok(Reply::Message(message.clone())))
            }
            _ => queue.pop_front(),
        };
        match next {
            Some(Ok(Reply::Message(message))) => answered(stream::iter([message])),
            Some(Ok(Reply::Stream(frames))) => answered(stream::unfold(frames, |mut frames| async {
                frames.recv().await.map(|frame| (frame, frames))
            })),
            Some(Err(status)) => status.into_http(),
            None => Status::unimplemented(method).into_http(),
        }
    }
}

/// A message as gRPC frames it.
pub(crate) fn framed(message: &impl Message) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.encoded_len()).unwrap());
    message.encode(&mut frame).unwrap();
    frame.freeze()
}

fn answered(frames: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let trailers = HeaderMap::from_iter([(Status::GRPC_STATUS, http::HeaderValue::from_static("0"))]);
    let frames = frames.map(Frame::data).chain(stream::iter([Frame::trailers(trailers)]));
    let body = Body::new(StreamBody::new(frames.map(Ok::<_, Infallible>)));
    http::Response::builder().header("content-type", "application/grpc").body(body).unwrap()
}
