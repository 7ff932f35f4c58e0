//! Files in parts.

use kernel::{Code, Refusal};
use platform::status;
use proto::activity::{self as api, resumable_chunk::Part};
use tonic::{Request, Response, Status, Streaming};

use super::{Api, id, person, sender};
use crate::app::resumable::view;

pub(super) type Answer = Result<Response<api::ResumableView>, Status>;
pub(super) type Dropped = Result<Response<api::DropResumableResponse>, Status>;

pub(super) async fn create(api: &Api, request: Request<api::CreateResumableRequest>) -> Answer {
    person(&request)?;
    let (caller, sender) = sender(&request)?;
    let asked = request.into_inner();
    let how = asked.how.unwrap_or_default();
    let made = api.app.create_resumable(&caller.command(), &sender, asked.length, how).await;
    made.map(|row| Response::new(view(row))).map_err(status)
}

pub(super) async fn get(api: &Api, request: Request<api::ResumableRequest>) -> Answer {
    let (_, account) = person(&request)?;
    let shown = api.app.show_resumable(account, id(&request.get_ref().resumable_id)?).await;
    shown.map(Response::new).map_err(status)
}

pub(super) async fn append(api: &Api, request: Request<Streaming<api::ResumableChunk>>) -> Answer {
    let (_, account) = person(&request)?;
    let mut chunks = request.into_inner();
    let first = chunks.message().await?.and_then(|chunk| chunk.part);
    let Some(Part::Header(header)) = first else {
        return Err(status(Refusal::new(Code::InvalidField, "a part begins with where it goes")));
    };
    let _room = api.room.enter_bytes(api.app.config.resumable_part_bytes)?;
    let id = id(&header.resumable_id)?;
    let checksum = (header.checksum_algorithm.as_str(), header.checksum);
    let mut appending =
        api.app.append_resumable(account, id, header.offset, checksum).await.map_err(status)?;
    loop {
        match chunks.message().await {
            Ok(Some(chunk)) => {
                if let Some(Part::Data(data)) = chunk.part {
                    appending.take(data).await.map_err(status)?;
                }
            }
            Ok(None) => break,
            // It broke off: what came counts.
            Err(broken) => {
                appending.end().await.map_err(status)?;
                return Err(broken);
            }
        }
    }
    appending.end().await.map(|row| Response::new(view(row))).map_err(status)
}

pub(super) async fn abandon(api: &Api, request: Request<api::ResumableRequest>) -> Dropped {
    let (_, account) = person(&request)?;
    api.app.abandon_resumable(account, id(&request.get_ref().resumable_id)?).await.map_err(status)?;
    Ok(Response::new(api::DropResumableResponse {}))
}
