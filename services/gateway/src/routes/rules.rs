//! `/v1/rules`: the rules of the game, for operators.

use axum::extract::State;
use kernel::Code;
use proto::gamification::{self, preview_rules_response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    caller::Account,
    json::Json,
    problem::Problem,
    routes::{Doors, Shared},
    values::AnId,
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(preview))
}

/// The rules in force.
#[derive(Debug, Serialize, ToSchema)]
struct Rules {
    version: u32,
    /// The declarative document.
    #[schema(value_type = Object)]
    rules: Value,
    backfill: RulesBackfill,
}

/// How far the rules in force have come among the accounts.
#[derive(Debug, Default, Serialize, ToSchema)]
struct RulesBackfill {
    version: u32,
    accounts_done: i64,
    accounts: i64,
    finished: bool,
}

/// The rules in force.
#[utoipa::path(get, path = "/rules", tag = "operators", responses((status = 200, body = Rules)))]
async fn show(State(door): Shared, caller: Account) -> Answer {
    let reply = caller.call(door.peers.gamification().list_rules(gamification::ListRulesRequest {})).await?;
    let rules = serde_json::from_str(&reply.rules_json)
        .map_err(|error| Problem::new(Code::Internal, format!("the rules are no JSON: {error}")))?;
    let backfill = reply.backfill.map_or_else(RulesBackfill::default, |backfill| RulesBackfill {
        version: backfill.version,
        accounts_done: backfill.accounts_done,
        accounts: backfill.accounts,
        finished: backfill.finished,
    });
    answer::ok(&Rules { version: reply.version, rules, backfill })
}

/// A document of rules to try.
#[derive(Deserialize, ToSchema)]
struct Trial {
    #[schema(value_type = Object)]
    rules: Box<RawValue>,
}

/// What other rules would change, and for whom.
#[derive(Debug, Serialize, ToSchema)]
struct Preview {
    accounts_looked_at: u32,
    /// false: there are more accounts than one preview looks at.
    complete: bool,
    badges: Vec<BadgeChange>,
    xp_up: u32,
    xp_down: u32,
}

#[derive(Debug, Serialize, ToSchema)]
struct BadgeChange {
    badge: String,
    gained: u32,
    lost: u32,
    /// At most 100.
    gained_account_ids: Vec<AnId>,
    lost_account_ids: Vec<AnId>,
}

/// What other rules would change. Nothing is written.
#[utoipa::path(post, path = "/rules/preview", tag = "operators", request_body = Trial,
    responses((status = 200, body = Preview)))]
async fn preview(State(door): Shared, caller: Account, Json(body): Json<Trial>) -> Answer {
    let request = gamification::PreviewRulesRequest { rules_json: body.rules.get().to_owned() };
    let reply = caller.call(door.peers.gamification().preview_rules(request)).await?;
    let change = |change: preview_rules_response::BadgeChange| BadgeChange {
        badge: change.badge,
        gained: change.gained,
        lost: change.lost,
        gained_account_ids: AnId::all(&change.gained_account_ids),
        lost_account_ids: AnId::all(&change.lost_account_ids),
    };
    answer::ok(&Preview {
        accounts_looked_at: reply.accounts_looked_at,
        complete: reply.complete,
        badges: reply.badges.into_iter().map(change).collect(),
        xp_up: reply.xp_up,
        xp_down: reply.xp_down,
    })
}
