//! gRPC: decode → app → encode.

mod days;
mod detail;
mod held;
mod imports;
mod input;
mod live;
mod resumables;
mod statistics;
mod uploads;
mod view;

use std::time::Duration;

use kernel::{AccountId, ActivityId, Code, Refusal};
use platform::{Caller, answer, status};
use proto::activity::{self as api, activities_server::Activities};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::{
    app::{App, Sender, list_activities::Wanted, read_upload::CONSENT_MISSING},
    domain::{SessionId, UploadId, facts::HeartRate},
    streams::StreamType,
    wire,
};

/// What a paired device may do: bring things, and see what it brought.
const INGEST: &str = "activity:ingest";
const WAIT_S_MAX: u32 = 30;
const CHUNK_BYTES: usize = 64 * 1024;

/// What a call comes to.
type Answered<T> = Result<Response<T>, Status>;

pub struct Api {
    app: App,
    room: uploads::Room,
}

impl Api {
    pub fn new(app: App) -> Self {
        let room = uploads::Room::new(app.config.upload_bytes_max, app.config.uploads_bytes_max);
        Self { app, room }
    }
}

/// Anybody signed in, from an app or from a device.
fn sender<T>(request: &Request<T>) -> Result<(Caller, Sender), Status> {
    let caller = Caller::of(request)?;
    let account = caller.account()?;
    let (session, device) = match &caller.actor {
        platform::Actor::Account { session_id, scopes, .. } => {
            let session = SessionId::new(session_id.uuid());
            (Some(session), !scopes.is_empty() && scopes.iter().all(|scope| scope == INGEST))
        }
        _ => (None, false),
    };
    Ok((caller, Sender { account, session, device }))
}

/// Anybody signed in, but not from a device.
fn person<T>(request: &Request<T>) -> Result<(Caller, AccountId), Status> {
    let (caller, sender) = sender(request)?;
    if sender.device {
        let refusal = Refusal::new(Code::InsufficientScope, "this token may only bring activities");
        return Err(status(refusal));
    }
    Ok((caller, sender.account))
}

/// An id that is none names nothing.
fn id<Kind>(bytes: &[u8]) -> Result<kernel::Id<Kind>, Status> {
    wire::id(bytes, "id").map_err(|_| status(Refusal::not_found()))
}

fn cursor<Kind>(text: &str) -> Result<Option<kernel::Id<Kind>>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| bad_cursor())
}

fn bad_cursor() -> Status {
    status(Refusal::new(Code::BadCursor, "this cursor is not ours"))
}

fn next<Kind>(id: Option<kernel::Id<Kind>>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}

#[tonic::async_trait]
impl Activities for Api {
    async fn upload(
        &self,
        request: Request<Streaming<api::UploadChunk>>,
    ) -> Result<Response<api::UploadView>, Status> {
        let (caller, sender) = sender(&request)?;
        let (file, how, _room) = self.room.receive(request.into_inner()).await?;
        let taken = self.app.receive_upload(caller.command(), &sender, file).await.map_err(status)?;
        platform::settled(&taken.done).await;
        let patience = Duration::from_secs(how.wait_s.min(WAIT_S_MAX).into());
        // Sent again under its key it is the upload of then, maybe of an earlier pairing: who sends the very file may hear of it.
        let sender = Sender { device: false, ..sender };
        let view = self.app.await_upload(&sender, taken.upload_id, patience).await.map_err(status)?;
        Ok(answer(&self.app.journal, &taken.done, view).await)
    }

    async fn get_upload(&self, request: Request<api::GetUploadRequest>) -> Answered<api::UploadView> {
        let (_, sender) = sender(&request)?;
        let id: UploadId = id(&request.get_ref().upload_id)?;
        self.app.show_upload(&sender, id).await.map(Response::new).map_err(status)
    }

    async fn list_uploads(
        &self,
        request: Request<api::ListUploadsRequest>,
    ) -> Result<Response<api::ListUploadsResponse>, Status> {
        let (_, sender) = sender(&request)?;
        let asked = request.into_inner();
        let page =
            self.app.list_uploads(&sender, cursor(&asked.cursor)?, asked.limit).await.map_err(status)?;
        Ok(Response::new(api::ListUploadsResponse { items: page.items, next_cursor: next(page.next) }))
    }

    async fn sync(&self, request: Request<api::SyncRequest>) -> Result<Response<api::SyncResponse>, Status> {
        let (caller, sender) = sender(&request)?;
        let synced = self.app.sync(&caller.command(), &sender, request.into_inner()).await.map_err(status)?;
        let message = api::SyncResponse { acks: synced.acks, cursor: synced.cursor, repair: synced.repair };
        Ok(match synced.done {
            Some(done) => answer(&self.app.journal, &done, message).await,
            None => Response::new(message),
        })
    }

    async fn create_activity(
        &self,
        request: Request<api::CreateActivityRequest>,
    ) -> Result<Response<api::ActivityView>, Status> {
        let (caller, account) = person(&request)?;
        let entry = input::entry(request.into_inner(), self.app.journal.now()).map_err(status)?;
        let told = entry.heart_rate != HeartRate::default();
        let created = self.app.create_activity(&caller.command(), account, entry).await;
        let (done, seen) = created.map_err(status)?;
        let mut view = view::activity(&seen);
        if told && seen.row.whole.health.is_none() {
            view.notices.push(CONSENT_MISSING.to_owned());
        }
        Ok(answer(&self.app.journal, &done, view).await)
    }

    async fn list_activities(
        &self,
        request: Request<api::ListActivitiesRequest>,
    ) -> Result<Response<api::ListActivitiesResponse>, Status> {
        let (caller, viewer) = person(&request)?;
        let asked = request.into_inner();
        let sport = statistics::sport(&asked.sport).map_err(status)?;
        let wanted = Wanted {
            account: if asked.account_id.is_empty() { viewer } else { id(&asked.account_id)? },
            seen_by: if asked.as_account_id.is_empty() { None } else { Some(id(&asked.as_account_id)?) },
            sport,
            after_us: asked.after_us,
            before_us: asked.before_us,
            behind: cursor(&asked.cursor)?,
            limit: asked.limit,
        };
        let page = self.app.list_activities(&caller, wanted).await.map_err(status)?;
        let items = page.items.iter().map(view::activity).collect();
        Ok(Response::new(api::ListActivitiesResponse { items, next_cursor: next(page.next) }))
    }

    async fn get_activity(&self, request: Request<api::GetActivityRequest>) -> Answered<api::ActivityView> {
        let (_, viewer) = person(&request)?;
        let found = self.app.get_activity(viewer, id(&request.get_ref().activity_id)?).await;
        let (seen, detail) = found.map_err(status)?;
        let facts = seen.row.whole.facts.as_ref();
        let view = detail::with_legs(view::activity(&seen), facts);
        Ok(Response::new(api::ActivityView { detail: Some(detail::view(&detail, facts)), ..view }))
    }

    async fn change_activity(
        &self,
        request: Request<api::ChangeActivityRequest>,
    ) -> Result<Response<api::ActivityView>, Status> {
        let (caller, account) = person(&request)?;
        let asked = request.into_inner();
        let (id, expected): (ActivityId, u64) = (id(&asked.activity_id)?, asked.expected_revision);
        let edit = input::edit(asked, self.app.journal.now()).map_err(status)?;
        let changed = self.app.change_activity(&caller.command(), account, id, expected, edit).await;
        let (done, seen) = changed.map_err(status)?;
        Ok(answer(&self.app.journal, &done, view::activity(&seen)).await)
    }

    async fn delete_activity(
        &self,
        request: Request<api::DeleteActivityRequest>,
    ) -> Result<Response<api::DeleteActivityResponse>, Status> {
        let (caller, account) = person(&request)?;
        let asked = request.into_inner();
        let id = id(&asked.activity_id)?;
        let deleted = self.app.delete_activity(&caller.command(), account, id, asked.expected_revision).await;
        let (done, revision) = deleted.map_err(status)?;
        Ok(answer(&self.app.journal, &done, api::DeleteActivityResponse { revision }).await)
    }

    async fn restore_activity(
        &self,
        request: Request<api::RestoreActivityRequest>,
    ) -> Result<Response<api::ActivityView>, Status> {
        let (caller, account) = person(&request)?;
        let id = id(&request.get_ref().activity_id)?;
        let restored = self.app.restore_activity(&caller.command(), account, id).await;
        let (done, seen) = restored.map_err(status)?;
        Ok(answer(&self.app.journal, &done, view::activity(&seen)).await)
    }

    async fn history(&self, request: Request<api::HistoryRequest>) -> Answered<api::HistoryResponse> {
        let (_, account) = person(&request)?;
        let asked = request.into_inner();
        let below = match asked.cursor.as_str() {
            "" => None,
            text => Some(text.parse().map_err(|_| bad_cursor())?),
        };
        let found =
            self.app.history(account, id(&asked.activity_id)?, below, asked.limit).await.map_err(status)?;
        let next_cursor = found.next.map(|below| below.to_string()).unwrap_or_default();
        let items = found.items.into_iter().map(view::revision).collect();
        Ok(Response::new(api::HistoryResponse { items, next_cursor }))
    }

    async fn streams(&self, request: Request<api::StreamsRequest>) -> Answered<api::StreamsView> {
        let (_, viewer) = person(&request)?;
        let asked = request.into_inner();
        let unknown = || status(Refusal::field("/types", "unknown", "not a type of stream"));
        let types = asked.types.iter().map(|text| StreamType::parse(text).ok_or_else(unknown));
        let types: Vec<StreamType> = types.collect::<Result<_, _>>()?;
        let points_max = usize::try_from(asked.points_max).unwrap_or(usize::MAX);
        let id = id(&asked.activity_id)?;
        let streams = self.app.show_streams(viewer, id, &types, points_max).await.map_err(status)?;
        Ok(Response::new(view::streams(streams)))
    }

    async fn explanation(
        &self,
        request: Request<api::ExplanationRequest>,
    ) -> Result<Response<api::ExplanationResponse>, Status> {
        let (_, viewer) = person(&request)?;
        let found = self.app.explain(viewer, id(&request.get_ref().activity_id)?).await.map_err(status)?;
        let items = found.into_iter().map(view::explanation).collect();
        Ok(Response::new(api::ExplanationResponse { items }))
    }

    type OriginalStream = ReceiverStream<Result<api::OriginalChunk, Status>>;

    async fn original(&self, request: Request<api::OriginalRequest>) -> Answered<Self::OriginalStream> {
        let (_, account) = person(&request)?;
        let found = self.app.original(account, id(&request.get_ref().activity_id)?).await.map_err(status)?;
        Ok(Response::new(uploads::send(found, CHUNK_BYTES)))
    }

    async fn show_activities(
        &self,
        request: Request<api::ShowActivitiesRequest>,
    ) -> Result<Response<api::ShowActivitiesResponse>, Status> {
        let (_, viewer) = person(&request)?;
        let ids = request.get_ref().activity_ids.iter().map(|raw| id(raw)).collect::<Result<Vec<_>, _>>()?;
        let seen = self.app.show_activities(viewer, &ids).await.map_err(status)?;
        Ok(Response::new(api::ShowActivitiesResponse { items: seen.iter().map(view::activity).collect() }))
    }

    async fn explain_visibility(
        &self,
        request: Request<api::ExplainVisibilityRequest>,
    ) -> Result<Response<api::ExplainVisibilityResponse>, Status> {
        let (caller, _) = person(&request)?;
        let asked = request.into_inner();
        let (activity, other) = (id(&asked.activity_id)?, id(&asked.account_id)?);
        let explained = self.app.explain_visibility(&caller, activity, other).await.map_err(status)?;
        let classes = explained.into_iter().map(view::explained).collect();
        Ok(Response::new(api::ExplainVisibilityResponse { classes }))
    }

    async fn settled(&self, request: Request<api::SettledRequest>) -> Answered<api::SettledResponse> {
        Caller::of(&request)?.service()?;
        let position = i64::try_from(request.get_ref().position).unwrap_or(i64::MAX);
        let told = self.app.settled(position).await.map_err(status)?;
        let head = told.head.unsigned_abs();
        Ok(Response::new(api::SettledResponse { settled: told.settled, head, waiting: told.waiting }))
    }

    async fn statistics(
        &self,
        request: Request<api::StatisticsRequest>,
    ) -> Result<Response<api::StatisticsResponse>, Status> {
        let (_, account) = person(&request)?;
        let asked = statistics::asked(request.get_ref()).map_err(status)?;
        let found = self.app.statistics(account, asked).await.map_err(status)?;
        Ok(Response::new(statistics::statistics(&found)))
    }

    async fn list_days(&self, request: Request<api::ListDaysRequest>) -> Answered<api::ListDaysResponse> {
        let (_, account) = person(&request)?;
        let wanted = days::wanted(request.into_inner()).map_err(status)?;
        self.app.list_days(account, wanted).await.map(days::page).map(Response::new).map_err(status)
    }

    async fn get_day(&self, request: Request<api::GetDayRequest>) -> Result<Response<api::DayView>, Status> {
        let (_, account) = person(&request)?;
        let (date, kind) = days::one(request.into_inner()).map_err(status)?;
        let found = self.app.get_day(account, date, kind).await.map_err(status)?;
        Ok(Response::new(days::by_minutes(&found)))
    }

    async fn records(&self, request: Request<api::RecordsRequest>) -> Answered<api::RecordsResponse> {
        let (_, account) = person(&request)?;
        let sport = statistics::sport(&request.get_ref().sport).map_err(status)?;
        let found = self.app.records(account, sport).await.map_err(status)?;
        Ok(Response::new(statistics::records(&found)))
    }

    async fn compare(&self, request: Request<api::CompareRequest>) -> Answered<api::CompareResponse> {
        let (_, account) = person(&request)?;
        let asked = statistics::comparison(request.get_ref()).map_err(status)?;
        let told = match asked {
            statistics::Wanted::Own(asked) => {
                statistics::compared(&self.app.compare(account, asked).await.map_err(status)?)
            }
            statistics::Wanted::Region(asked) => {
                statistics::beside(self.app.compare_region(account, asked).await.map_err(status)?)
            }
        };
        Ok(Response::new(told))
    }

    async fn recompute(&self, request: Request<api::RecomputeRequest>) -> Answered<api::RecomputeResponse> {
        let caller = Caller::of(&request)?;
        caller.service()?;
        let asked = request.get_ref();
        let dry = asked.dry_after.map(|after| i64::try_from(after).unwrap_or(i64::MAX));
        let done = self.app.recompute(&caller.command(), &asked.run, asked.events_max, dry).await;
        let done = done.map_err(status)?;
        Ok(Response::new(api::RecomputeResponse {
            position: done.position.unsigned_abs(),
            head: done.head.unsigned_abs(),
            ended: done.ended,
            read: done.read,
            changed: done.changed,
            unreadable: done.unreadable,
        }))
    }

    async fn create_resumable(&self, request: Request<api::CreateResumableRequest>) -> resumables::Answer {
        resumables::create(self, request).await
    }

    async fn get_resumable(&self, request: Request<api::ResumableRequest>) -> resumables::Answer {
        resumables::get(self, request).await
    }

    async fn append_resumable(&self, request: Request<Streaming<api::ResumableChunk>>) -> resumables::Answer {
        resumables::append(self, request).await
    }

    async fn drop_resumable(&self, request: Request<api::ResumableRequest>) -> resumables::Dropped {
        resumables::abandon(self, request).await
    }

    async fn open_import(
        &self,
        request: Request<Streaming<api::UploadChunk>>,
    ) -> Result<Response<api::ImportView>, Status> {
        imports::open(self, request).await
    }

    async fn get_import(&self, request: Request<api::GetImportRequest>) -> Answered<api::ImportView> {
        imports::get(self, request).await
    }

    async fn run_import(&self, request: Request<api::ImportRequest>) -> Answered<api::ImportView> {
        imports::run(self, request).await
    }

    async fn resume_import(&self, request: Request<api::ImportRequest>) -> Answered<api::ImportView> {
        imports::resume(self, request).await
    }

    async fn roll_back_import(&self, request: Request<api::ImportRequest>) -> Answered<api::ImportView> {
        imports::roll_back(self, request).await
    }

    type ExportStream = ReceiverStream<Result<api::OriginalChunk, Status>>;

    async fn export(&self, request: Request<api::ExportRequest>) -> Answered<Self::ExportStream> {
        imports::export(self, request).await
    }

    async fn duplicates(
        &self,
        request: Request<api::DuplicatesRequest>,
    ) -> Result<Response<api::DuplicatesResponse>, Status> {
        self.answer_duplicates(request).await
    }

    async fn link_duplicate(
        &self,
        request: Request<api::LinkDuplicateRequest>,
    ) -> Result<Response<api::ActivityView>, Status> {
        self.answer_link(request, true).await
    }

    async fn split_duplicate(
        &self,
        request: Request<api::LinkDuplicateRequest>,
    ) -> Result<Response<api::ActivityView>, Status> {
        self.answer_link(request, false).await
    }

    async fn verdict(&self, request: Request<api::VerdictRequest>) -> Answered<api::VerdictView> {
        self.answer_verdict(request).await
    }

    async fn crop(&self, request: Request<api::CropRequest>) -> Result<Response<api::ActivityView>, Status> {
        Box::pin(self.answer_crop(request)).await
    }

    async fn appeal(&self, request: Request<api::AppealRequest>) -> Answered<api::VerdictView> {
        self.answer_appeal(request).await
    }

    async fn list_verdicts(
        &self,
        request: Request<api::ListVerdictsRequest>,
    ) -> Result<Response<api::ListVerdictsResponse>, Status> {
        self.answer_verdicts(request).await
    }

    async fn decide_verdict(
        &self,
        request: Request<api::DecideVerdictRequest>,
    ) -> Result<Response<api::VerdictView>, Status> {
        self.answer_decision(request).await
    }

    async fn start_live_session(
        &self,
        request: Request<api::StartLiveSessionRequest>,
    ) -> Result<Response<api::LiveSessionView>, Status> {
        self.answer_live_start(request).await
    }

    async fn send_beacons(
        &self,
        request: Request<api::SendBeaconsRequest>,
    ) -> Result<Response<api::SendBeaconsResponse>, Status> {
        self.answer_beacons(request).await
    }

    async fn finish_live_session(
        &self,
        request: Request<api::FinishLiveSessionRequest>,
    ) -> Result<Response<api::LiveSessionView>, Status> {
        self.answer_live_finish(request).await
    }

    type WatchLiveSessionStream = live::Frames;

    async fn watch_live_session(
        &self,
        request: Request<api::WatchLiveSessionRequest>,
    ) -> Result<Response<Self::WatchLiveSessionStream>, Status> {
        self.answer_live_watch(request).await
    }
}
