//! `/v1/activities/{id}/export`: an activity as a file.

use axum::extract::State;
use proto::activity;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{IdParam, file};
use crate::{
    answer::Answer,
    caller::Account,
    query::{Params, PathId},
    routes::Shared,
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct How {
    /// `gpx`, `tcx` or `fit`
    #[param(example = "gpx")]
    format: String,
}

/// An activity as a file that other programs read, as far as I may see it: somebody else's without what lies in their
/// zones. GPX needs positions.
#[utoipa::path(get, path = "/activities/{id}/export", tag = "activities", params(IdParam, How),
    responses((status = 200, content((String = "application/vnd.ant.fit"), (String = "application/gpx+xml"),
        (String = "application/vnd.garmin.tcx+xml")))))]
pub(super) async fn export(
    State(door): Shared,
    caller: Account,
    id: PathId,
    Params(how): Params<How>,
) -> Answer {
    let request = activity::ExportRequest { activity_id: id.bytes(), format: how.format };
    file(caller.call(door.peers.activity().export(request)).await?).await
}
