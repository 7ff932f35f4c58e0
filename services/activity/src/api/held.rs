//! What is held about activities: their duplicates, and what the rules say of them.

use kernel::{ActivityId, Refusal};
use platform::{answer, status};
use proto::activity::{self as api, Duplicate, VerdictView};
use tonic::{Request, Response, Status};

use super::{Api, cursor, id, next, person, view};
use crate::{
    app::{twins::Twin, verdict::Case},
    domain::{cheat::RULES_VERSION, facts::Facts},
    wire,
};

impl Api {
    pub(super) async fn answer_duplicates(
        &self,
        request: Request<api::DuplicatesRequest>,
    ) -> Result<Response<api::DuplicatesResponse>, Status> {
        let (_, account) = person(&request)?;
        let twins =
            self.app.duplicates(account, id(&request.get_ref().activity_id)?).await.map_err(status)?;
        Ok(Response::new(api::DuplicatesResponse {
            items: twins.into_iter().filter_map(duplicate).collect(),
        }))
    }

    pub(super) async fn answer_link(
        &self,
        request: Request<api::LinkDuplicateRequest>,
        are_same: bool,
    ) -> Result<Response<api::ActivityView>, Status> {
        let (caller, account) = person(&request)?;
        let asked = request.into_inner();
        let (one, other): (ActivityId, ActivityId) = (id(&asked.activity_id)?, id(&asked.other_id)?);
        let command = caller.command();
        let said = match are_same {
            true => self.app.link_duplicate(&command, account, one, other).await,
            false => self.app.split_duplicate(&command, account, one, other).await,
        };
        let (done, seen) = said.map_err(status)?;
        let view = view::activity(&seen);
        Ok(match done {
            Some(done) => answer(&self.app.journal, &done, view).await,
            None => Response::new(view),
        })
    }

    pub(super) async fn answer_verdict(
        &self,
        request: Request<api::VerdictRequest>,
    ) -> Result<Response<VerdictView>, Status> {
        let (_, viewer) = person(&request)?;
        let case = self.app.verdict(viewer, id(&request.get_ref().activity_id)?).await.map_err(status)?;
        Ok(Response::new(verdict(&case)))
    }

    pub(super) async fn answer_crop(
        &self,
        request: Request<api::CropRequest>,
    ) -> Result<Response<api::ActivityView>, Status> {
        let (caller, account) = person(&request)?;
        let asked = request.into_inner();
        if asked.from_s.is_none() && asked.to_s.is_none() {
            return Err(status(Refusal::field("/from_s", "required", "from_s, to_s, or both")));
        }
        let one = id(&asked.activity_id)?;
        let cropped = self.app.crop(&caller.command(), account, one, asked.from_s, asked.to_s).await;
        let (done, seen) = cropped.map_err(status)?;
        Ok(answer(&self.app.journal, &done, view::activity(&seen)).await)
    }

    pub(super) async fn answer_appeal(
        &self,
        request: Request<api::AppealRequest>,
    ) -> Result<Response<VerdictView>, Status> {
        let (caller, account) = person(&request)?;
        let asked = request.into_inner();
        let appealed =
            self.app.appeal(&caller.command(), account, id(&asked.activity_id)?, &asked.text).await;
        let (done, case) = appealed.map_err(status)?;
        Ok(answer(&self.app.journal, &done, verdict(&case)).await)
    }

    pub(super) async fn answer_verdicts(
        &self,
        request: Request<api::ListVerdictsRequest>,
    ) -> Result<Response<api::ListVerdictsResponse>, Status> {
        let (_, reviewer) = person(&request)?;
        let asked = request.into_inner();
        let cases = self.app.cases(reviewer, &asked.state, cursor(&asked.cursor)?, asked.limit).await;
        let (cases, behind) = cases.map_err(status)?;
        let items = cases.iter().map(verdict).collect();
        Ok(Response::new(api::ListVerdictsResponse { items, next_cursor: next(behind) }))
    }

    pub(super) async fn answer_decision(
        &self,
        request: Request<api::DecideVerdictRequest>,
    ) -> Result<Response<VerdictView>, Status> {
        let (caller, reviewer) = person(&request)?;
        let asked = request.into_inner();
        let unknown = || status(Refusal::field("/ruling", "unknown", "one of upheld, cleared"));
        let upheld = wire::marks::ruling(&asked.ruling).ok_or_else(unknown)?;
        let one = id(&asked.activity_id)?;
        let decided = self.app.decide_verdict(&caller.command(), reviewer, one, upheld, &asked.reason).await;
        let (done, case) = decided.map_err(status)?;
        Ok(answer(&self.app.journal, &done, verdict(&case)).await)
    }
}

fn duplicate(twin: Twin) -> Option<Duplicate> {
    let facts: &Facts = twin.record.facts.as_ref()?;
    Some(Duplicate {
        activity_id: wire::bytes(twin.id),
        state: twin.state.to_owned(),
        source: twin.record.origin.source().to_owned(),
        start_us: facts.start_us,
        utc_offset_s: facts.utc_offset_s,
        elapsed_time_s: facts.elapsed_time_s,
        distance_m: facts.distance_m,
        devices: twin.record.devices.iter().map(wire::record::device_to_proto).collect(),
        by: if twin.by_owner { "owner" } else { "found" }.to_owned(),
        gives: twin.gives.into_iter().map(str::to_owned).collect(),
        because: twin.because,
    })
}

fn verdict(case: &Case) -> VerdictView {
    let record = &case.record;
    VerdictView {
        activity_id: wire::bytes(case.id),
        account_id: wire::bytes(case.account),
        state: record.marks.verdict.as_str().to_owned(),
        judgement: record.judgement.as_ref().map(wire::marks::judgement_to_proto),
        rules_version: RULES_VERSION,
        sport: record.facts.as_ref().map(|facts| facts.sport.as_str().to_owned()).unwrap_or_default(),
    }
}
