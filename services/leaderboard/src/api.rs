//! gRPC: decode → app → encode.

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use kernel::{Id, Refusal, time::micros};
use platform::{Actor, Caller, status};
use proto::leaderboard::{self as wire, leaderboard_server::Leaderboard};
use tonic::{Request, Response, Status};

use crate::{
    app::{
        App, access::Viewer, around::Around, history::History, page, ranks::Ranks, top::Top, watch::Watch,
    },
    live::Frame,
};

pub struct Api(pub App);

#[tonic::async_trait]
impl Leaderboard for Api {
    async fn top(&self, request: Request<wire::TopRequest>) -> Result<Response<wire::BoardPage>, Status> {
        let viewer = viewer(&request)?;
        let asked = request.into_inner();
        let top = Top {
            challenge: id(&asked.challenge_id, "/challenge_id")?,
            segment: asked.segment,
            limit: asked.limit as usize,
            cursor: asked.cursor,
        };
        answer(self.0.top(viewer, top).await)
    }

    async fn around(
        &self,
        request: Request<wire::AroundRequest>,
    ) -> Result<Response<wire::BoardPage>, Status> {
        let viewer = viewer(&request)?;
        let asked = request.into_inner();
        let around = Around {
            challenge: id(&asked.challenge_id, "/challenge_id")?,
            segment: asked.segment,
            span: asked.span as usize,
        };
        answer(self.0.around(viewer, around).await)
    }

    async fn ranks(&self, request: Request<wire::RanksRequest>) -> Result<Response<wire::BoardPage>, Status> {
        let viewer = viewer(&request)?;
        let asked = request.into_inner();
        let accounts = asked.account_ids.iter().map(|account| id(account, "/accounts"));
        let ranks = Ranks {
            challenge: id(&asked.challenge_id, "/challenge_id")?,
            segment: asked.segment,
            accounts: accounts.collect::<Result<_, _>>()?,
        };
        answer(self.0.ranks(viewer, ranks).await)
    }

    async fn history(
        &self,
        request: Request<wire::HistoryRequest>,
    ) -> Result<Response<wire::BoardPage>, Status> {
        let viewer = viewer(&request)?;
        let asked = request.into_inner();
        let top = Top {
            challenge: id(&asked.challenge_id, "/challenge_id")?,
            segment: asked.segment,
            limit: asked.limit as usize,
            cursor: asked.cursor,
        };
        answer(self.0.history(viewer, History { at_us: asked.at_us, top }).await)
    }

    type LiveStream = BoxStream<'static, Result<wire::LiveFrame, Status>>;

    async fn live(&self, request: Request<wire::LiveRequest>) -> Result<Response<Self::LiveStream>, Status> {
        let viewer = viewer(&request)?;
        let asked = request.into_inner();
        let watch = Watch {
            challenge: id(&asked.challenge_id, "/challenge_id")?,
            segment: asked.segment,
            limit: asked.limit as usize,
            last_sequence: asked.last_sequence,
        };
        let watcher = self.0.watch(viewer, watch).await.map_err(status)?;
        Ok(Response::new(watcher.frames().map(|one| Ok(frame(one))).boxed()))
    }
}

fn viewer<T>(request: &Request<T>) -> Result<Viewer, Status> {
    let caller = Caller::of(request)?;
    Ok(Viewer { account: caller.viewer(), trusted: matches!(caller.actor, Actor::Service { .. }) })
}

fn id<Kind>(bytes: &[u8], pointer: &str) -> Result<Id<Kind>, Status> {
    crate::wire::id(bytes).map_err(|error| status(Refusal::field(pointer, "malformed", error.to_string())))
}

fn answer(page: Result<page::Page, Refusal>) -> Result<Response<wire::BoardPage>, Status> {
    let page = page.map_err(status)?;
    Ok(Response::new(wire::BoardPage {
        entries: page.entries.into_iter().map(entry).collect(),
        sequence: page.sequence,
        as_of_us: micros(page.as_of),
        segment: page.segment,
        participants: u32::try_from(page.participants).unwrap_or(u32::MAX),
        next_cursor: page.next.map(|next| next.to_string()).unwrap_or_default(),
        metric: page.metric,
    }))
}

fn entry(entry: page::Entry) -> wire::Entry {
    let (name, account_id) = entry.named.map_or_else(Default::default, |named| {
        (named.display_name, Bytes::copy_from_slice(named.account.as_bytes()))
    });
    let (title, team_id, members) = entry.team.map_or_else(Default::default, |team| {
        (team.title.unwrap_or_default(), Bytes::copy_from_slice(team.id.as_bytes()), team.members)
    });
    wire::Entry {
        rank: entry.place.rank,
        member: entry.number,
        display_name: if title.is_empty() { name } else { title },
        account_id,
        score: entry.score,
        tied: entry.place.tied,
        percentile: entry.place.percentile,
        team_id,
        members,
    }
}

fn frame(frame: Frame) -> wire::LiveFrame {
    wire::LiveFrame { event: frame.event.to_owned(), sequence: frame.sequence, data: frame.data }
}
