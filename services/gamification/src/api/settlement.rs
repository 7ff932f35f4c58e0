//! The RPC of the final order.

use bytes::Bytes;
use platform::{Caller, actor::Actor, status};
use proto::gamification::{
    self as wire,
    settlement_response::{Adjustment, SettledPlace},
};
use tonic::{Request, Response, Status};

use super::challenges::challenge_id;
use crate::{
    app::{
        App,
        challenges::read::Asker,
        settlement::{self, Place},
    },
    store::placements::Adjustment as Told,
    wire::{
        bytes_of,
        placed::{placement_to_wire, team_to_wire},
    },
};

pub(super) async fn settlement(
    app: &App,
    request: Request<wire::SettlementRequest>,
) -> Result<Response<wire::SettlementResponse>, Status> {
    let asker = match Caller::of(&request)?.actor {
        Actor::Account { account_id, .. } => Asker::Account(account_id),
        Actor::Service { .. } => Asker::Service,
        Actor::Partner { .. } | Actor::Anonymous { .. } => Asker::Stranger,
    };
    let wire::SettlementRequest { challenge_id: id, cursor, limit } = request.into_inner();
    let found = settlement::settlement(app, asker, challenge_id(&id)?, &cursor, limit).await;
    let found = found.map_err(status)?;
    Ok(Response::new(wire::SettlementResponse {
        settled_us: found.settled_us,
        stopped_us: found.stopped_us.unwrap_or_default(),
        participants: found.participants,
        placements: found.places.into_iter().map(|place| place_to_wire(asker, place)).collect(),
        next_cursor: found.next_cursor,
        adjustments: found.adjustments.into_iter().map(adjustment_to_wire).collect(),
        teams: found.teams.iter().map(team_to_wire).collect(),
        of_teams: found.of_teams,
    }))
}

/// Who sees no name learns no account, nor the team, which may be a team of few; siblings aside.
fn place_to_wire(asker: Asker, place: Place) -> SettledPlace {
    let mut placement = placement_to_wire(&place.placement);
    if place.display_name.is_none() && !matches!(asker, Asker::Service) {
        placement.account_id = Bytes::new();
        placement.team = None;
    }
    SettledPlace {
        placement: Some(placement),
        display_name: place.display_name.unwrap_or_default(),
        percentile: place.percentile,
    }
}

fn adjustment_to_wire(told: Told) -> Adjustment {
    Adjustment {
        account_id: bytes_of(told.account),
        before: told.score_before,
        after: told.score_after,
        reason: told.reason,
        at_us: told.at_us,
    }
}
