//! Live sessions: told by whoever does the workout, watched by whoever may.

use futures::{StreamExt, stream::BoxStream};
use kernel::Refusal;
use platform::{answer, status};
use privacy::Audience;
use proto::activity::{self as api, LiveFrame, LivePoint, LiveSessionView, live_frame};
use tonic::{Request, Response, Status};

use super::{Api, id, input, person, sender};
use crate::{
    app::{
        start_live::{Begin, Session},
        watch_live::Frame,
    },
    domain::{input::Check, live::Point},
    store::live::Told,
    wire,
};

pub(super) type Frames = BoxStream<'static, Result<LiveFrame, Status>>;

impl Api {
    pub(super) async fn answer_live_start(
        &self,
        request: Request<api::StartLiveSessionRequest>,
    ) -> Result<Response<LiveSessionView>, Status> {
        person(&request)?;
        let (caller, sender) = sender(&request)?;
        let begin = begin(request.into_inner(), self.app.journal.now()).map_err(status)?;
        let started = self.app.start_live(&caller.command(), &sender, begin).await;
        let (done, session) = started.map_err(status)?;
        Ok(answer(&self.app.journal, &done, view(&session, true)).await)
    }

    pub(super) async fn answer_beacons(
        &self,
        request: Request<api::SendBeaconsRequest>,
    ) -> Result<Response<api::SendBeaconsResponse>, Status> {
        person(&request)?;
        let (_, sender) = sender(&request)?;
        let asked = request.into_inner();
        let live = id(&asked.session_id)?;
        let sent = self.app.send_beacons(&sender, live, asked.beacons).await.map_err(status)?;
        Ok(Response::new(api::SendBeaconsResponse {
            acks: sent.acks,
            points: sent.points,
            ends_us: sent.ends_us,
            notices: sent.notices,
        }))
    }

    pub(super) async fn answer_live_finish(
        &self,
        request: Request<api::FinishLiveSessionRequest>,
    ) -> Result<Response<LiveSessionView>, Status> {
        person(&request)?;
        let (caller, sender) = sender(&request)?;
        let live = id(&request.get_ref().session_id)?;
        let finished = self.app.finish_live(&caller.command(), &sender, live).await;
        let (done, session) = finished.map_err(status)?;
        let view = view(&session, true);
        Ok(match done {
            Some(done) => answer(&self.app.journal, &done, view).await,
            None => Response::new(view),
        })
    }

    pub(super) async fn answer_live_watch(
        &self,
        request: Request<api::WatchLiveSessionRequest>,
    ) -> Result<Response<Frames>, Status> {
        let (_, viewer) = person(&request)?;
        let asked = request.into_inner();
        let watcher = self.app.watch_live(viewer, id(&asked.session_id)?, asked.last_sequence).await;
        let watcher = watcher.map_err(status)?;
        let frames = futures::stream::unfold(watcher, |watcher| async {
            let (next, watcher) = watcher.next().await?;
            Some((Ok(frame(next)), watcher))
        });
        Ok(Response::new(frames.boxed()))
    }
}

fn begin(asked: api::StartLiveSessionRequest, now: jiff::Timestamp) -> Result<Begin, Refusal> {
    let mut check = Check::default();
    let sport = check.sport(&asked.sport).unwrap_or(kernel::Sport::Other);
    let sub_sport = check.sub_sport(&asked.sub_sport);
    let name = check.name(&asked.name);
    if let Some(start_us) = asked.start_us {
        check.start("start_at", start_us, now);
    }
    check.offset("start_at", asked.utc_offset_s);
    check.zone(&asked.time_zone);
    let visibility = input::visibility(&mut check, asked.visibility.as_ref());
    check.done()?;
    Ok(Begin {
        sport,
        sub_sport,
        name,
        start_us: asked.start_us,
        stated_offset_s: asked.utc_offset_s,
        stated_zone: (!asked.time_zone.is_empty()).then_some(asked.time_zone),
        visibility,
    })
}

/// `own`: to its owner. Others see what the activity would show; when it began is what they see first.
fn view(session: &Session, own: bool) -> LiveSessionView {
    let live = &session.live;
    let course = live.plan.as_ref().and_then(|plan| plan.course.as_ref());
    let ending = live.ending.as_ref();
    let row = session.row.as_ref().filter(|_| own);
    let points = row.map(|row| row.points).or_else(|| ending.filter(|_| own).map(|ending| ending.points));
    LiveSessionView {
        id: wire::bytes(session.id),
        account_id: live.account_id.map(wire::bytes).unwrap_or_default(),
        sport: course.map(|course| course.sport.as_str().to_owned()).unwrap_or_default(),
        sub_sport: course.and_then(|course| course.sub_sport.clone()).unwrap_or_default(),
        name: live.plan.as_ref().and_then(|plan| plan.name.clone()).unwrap_or_default(),
        visibility: live.plan.as_ref().filter(|_| own).and_then(visibility),
        state: live.state().to_owned(),
        started_us: course.filter(|_| own).map(|course| course.start_us),
        points,
        newest_us: row.and_then(|row| row.newest_us),
        ends_us: session.ends_us.filter(|_| own),
        ended_by: ending.filter(|_| own).map(|ending| ending.by.as_str().to_owned()).unwrap_or_default(),
        activity_id: ending.and_then(|ending| ending.activity_id).map(wire::bytes).unwrap_or_default(),
    }
}

fn visibility(plan: &crate::domain::live::Plan) -> Option<api::Visibility> {
    let own: Option<&Audience> = plan.visibility.as_ref();
    own.map(wire::live::visibility)
}

fn frame(frame: Frame) -> LiveFrame {
    let (told, frame) = match frame {
        Frame::Snapshot { session, own, told } => {
            let points = told.iter().map(point).collect();
            let session = Some(view(&session, own));
            (told, live_frame::Frame::Snapshot(api::LiveSnapshot { session, points }))
        }
        Frame::Points(told) => {
            let points = told.iter().map(point).collect();
            (told, live_frame::Frame::Points(api::LivePoints { points }))
        }
        Frame::Closed { code, activity_id } => {
            let activity_id = activity_id.map(wire::bytes).unwrap_or_default();
            let closed = api::LiveClosed { code: code.to_owned(), activity_id };
            (Vec::new(), live_frame::Frame::Closed(closed))
        }
    };
    let sequence = told.last().map_or(0, |last| last.sequence.unsigned_abs());
    LiveFrame { sequence, frame: Some(frame) }
}

fn point(told: &Told) -> LivePoint {
    let Point { latlng, .. } = told.point;
    let (latitude, longitude) = latlng.unzip();
    LivePoint {
        at_us: told.point.at_us,
        latitude,
        longitude,
        altitude_m: told.point.altitude_m,
        heart_rate_bpm: told.point.heart_rate_bpm,
        power_w: told.point.power_w,
        cadence_rpm: told.point.cadence_rpm,
        speed_mps: told.point.speed_mps,
        temperature_c: told.point.temperature_c,
        distance_m: told.point.distance_m,
    }
}
