//! Places in the final order, of participants and of teams: proto ↔ domain.

use eventing::DecodeError;
use proto::gamification as wire;

use super::{bytes_of, id};
use crate::domain::challenge::{Event, Placement, TeamPlace, TeamPlacement};

pub(crate) fn placement_to_wire(placement: &Placement) -> wire::Placement {
    wire::Placement {
        account_id: bytes_of(placement.account),
        rank: placement.rank,
        member: placement.member,
        score: placement.score,
        reached_us: placement.reached_us,
        tied: placement.tied,
        anonymous: placement.anonymous,
        team: placement.team.map(|team| wire::TeamPlace {
            team_id: bytes_of(team.team),
            rank: team.rank,
            score: team.score,
        }),
        earned: placement.earned,
    }
}

pub(crate) fn team_to_wire(team: &TeamPlacement) -> wire::TeamPlacement {
    wire::TeamPlacement {
        team_id: bytes_of(team.team),
        rank: team.rank,
        score: team.score,
        reached_us: team.reached_us,
        tied: team.tied,
        members: team.members,
        behind: team.behind,
    }
}

pub(super) fn teams_fixed(event: wire::TeamsFixed) -> Result<Event, DecodeError> {
    let team = |team: wire::TeamPlacement| {
        let wire::TeamPlacement { rank, score, reached_us, tied, members, behind, .. } = team;
        Ok(TeamPlacement { team: id(&team.team_id)?, rank, score, reached_us, tied, members, behind })
    };
    let teams = event.teams.into_iter().map(team).collect::<Result<_, DecodeError>>()?;
    Ok(Event::TeamsFixed { challenge: id(&event.challenge_id)?, teams })
}

pub(super) fn placements_fixed(event: wire::PlacementsFixed) -> Result<Event, DecodeError> {
    let placement = |placement: wire::Placement| {
        let wire::Placement { rank, member, score, reached_us, tied, anonymous, earned, .. } = placement;
        let account = id(&placement.account_id)?;
        let of_team = |team: wire::TeamPlace| {
            Ok(TeamPlace { team: id(&team.team_id)?, rank: team.rank, score: team.score })
        };
        let team = placement.team.map(of_team).transpose()?;
        Ok(Placement { account, rank, member, score, reached_us, tied, anonymous, team, earned })
    };
    let placements = event.placements.into_iter().map(placement).collect::<Result<_, DecodeError>>()?;
    Ok(Event::PlacementsFixed { challenge: id(&event.challenge_id)?, placements })
}
