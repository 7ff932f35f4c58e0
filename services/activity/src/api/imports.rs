//! Imports and exports.

use kernel::{AccountId, Refusal};
use platform::{answer, status};
use proto::activity as api;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::{Api, CHUNK_BYTES, bad_cursor, id, person, sender, uploads};
use crate::domain::ImportId;

type Answer = Result<Response<api::ImportView>, Status>;

pub(super) async fn open(api: &Api, request: Request<Streaming<api::UploadChunk>>) -> Answer {
    person(&request)?;
    let (caller, sender) = sender(&request)?;
    let (file, how, _room) = api.room.receive(request.into_inner()).await?;
    let opened = api.app.open_import(caller.command(), &sender, file, how.dry_run).await.map_err(status)?;
    answered(api, sender.account, opened.import_id, &opened.done).await
}

pub(super) async fn get(api: &Api, request: Request<api::GetImportRequest>) -> Answer {
    let (_, account) = person(&request)?;
    let asked = request.into_inner();
    let from = match asked.cursor.as_str() {
        "" => 0,
        text => text.parse().map_err(|_| bad_cursor())?,
    };
    let shown = api.app.show_import(account, id(&asked.import_id)?, from, asked.limit).await;
    shown.map(Response::new).map_err(status)
}

pub(super) async fn run(api: &Api, request: Request<api::ImportRequest>) -> Answer {
    let (caller, account) = person(&request)?;
    let id = id(&request.get_ref().import_id)?;
    let done = api.app.run_import(&caller.command(), account, id).await.map_err(status)?;
    answered(api, account, id, &done).await
}

pub(super) async fn resume(api: &Api, request: Request<api::ImportRequest>) -> Answer {
    let (_, account) = person(&request)?;
    let id = id(&request.get_ref().import_id)?;
    api.app.resume_import(account, id).await.map_err(status)?;
    api.app.show_import(account, id, 0, 0).await.map(Response::new).map_err(status)
}

pub(super) async fn roll_back(api: &Api, request: Request<api::ImportRequest>) -> Answer {
    let (caller, account) = person(&request)?;
    let id = id(&request.get_ref().import_id)?;
    let done = api.app.roll_back_import(&caller.command(), account, id).await.map_err(status)?;
    answered(api, account, id, &done).await
}

async fn answered(api: &Api, account: AccountId, id: ImportId, done: &eventing::Done) -> Answer {
    platform::settled(done).await;
    let view = api.app.show_import(account, id, 0, 0).await.map_err(status)?;
    Ok(answer(&api.app.journal, done, view).await)
}

pub(super) async fn export(
    api: &Api,
    request: Request<api::ExportRequest>,
) -> Result<Response<ReceiverStream<Result<api::OriginalChunk, Status>>>, Status> {
    let (_, viewer) = person(&request)?;
    let asked = request.into_inner();
    let formats = [formats::Format::Gpx, formats::Format::Tcx, formats::Format::Fit];
    let format = formats.into_iter().find(|format| format.as_str() == asked.format);
    let format = format.ok_or_else(|| status(Refusal::field("/format", "unknown", "gpx, tcx or fit")))?;
    let file = api.app.export(viewer, id(&asked.activity_id)?, format).await.map_err(status)?;
    Ok(Response::new(uploads::send(file, CHUNK_BYTES)))
}
