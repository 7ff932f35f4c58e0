//! `/v1/promos/{id}/live`, `…/why-not`, `…/ledger`: what a campaign does.

use axum::extract::State;
use proto::promo;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::IdParam;
use crate::{
    answer::{self, Answer},
    caller::Account,
    query::{Params, PathId},
    routes::{Doors, Shared},
    values::{AnId, Instant, Money},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(live)).routes(routes!(why_not)).routes(routes!(ledger))
}

/// Counts and money at this moment.
#[derive(Debug, Serialize, ToSchema)]
struct Live {
    id: AnId,
    state: String,
    granted: u64,
    /// Held back for the control group.
    withheld: u64,
    /// Open reservations.
    reserved: u64,
    redeemed: u64,
    released: u64,
    reversed: u64,
    needs_reconciliation: u64,
    clicks: u64,
    budget: BudgetState,
    #[serde(skip_serializing_if = "Option::is_none")]
    ledger: Option<Ledger>,
    as_of: Instant,
}

#[derive(Debug, Serialize, ToSchema)]
struct BudgetState {
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reserved: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<Money>,
}

/// Double entry: what the campaign owes.
#[derive(Debug, Serialize, ToSchema)]
struct Ledger {
    id: AnId,
    accounts: Vec<LedgerAccount>,
    /// Debits equal credits, pending and posted, in every currency.
    balanced: bool,
}

#[derive(Debug, Serialize, ToSchema)]
struct LedgerAccount {
    name: String,
    currency: String,
    debits_pending_minor: i64,
    credits_pending_minor: i64,
    debits_posted_minor: i64,
    credits_posted_minor: i64,
}

impl Ledger {
    fn of(ledger: promo::Ledger) -> Self {
        let account = |account: promo::LedgerAccount| LedgerAccount {
            name: account.name,
            currency: account.currency,
            debits_pending_minor: account.debits_pending_minor,
            credits_pending_minor: account.credits_pending_minor,
            debits_posted_minor: account.debits_posted_minor,
            credits_posted_minor: account.credits_posted_minor,
        };
        Self {
            id: AnId::must(&ledger.promo_id),
            accounts: ledger.accounts.into_iter().map(account).collect(),
            balanced: ledger.balanced,
        }
    }
}

/// What a campaign does at this moment.
#[utoipa::path(get, path = "/promos/{id}/live", tag = "marketing", params(IdParam),
    responses((status = 200, body = Live)))]
async fn live(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = promo::GetPromoRequest { promo_id: id.bytes() };
    let live = caller.call(door.peers.promo().get_live(request)).await?;
    answer::ok(&Live {
        id: AnId::must(&live.promo_id),
        state: live.state,
        granted: live.granted,
        withheld: live.withheld,
        reserved: live.reserved,
        redeemed: live.redeemed,
        released: live.released,
        reversed: live.reversed,
        needs_reconciliation: live.needs_reconciliation,
        clicks: live.clicks,
        budget: BudgetState {
            limit: live.limit.map(Money::from),
            reserved: live.budget_reserved.map(Money::from),
            confirmed: live.budget_confirmed.map(Money::from),
            left: live.budget_left.map(Money::from),
        },
        ledger: live.ledger.map(Ledger::of),
        as_of: Instant(live.as_of_us),
    })
}

/// The campaign's double-entry ledger.
#[utoipa::path(get, path = "/promos/{id}/ledger", tag = "marketing", params(IdParam),
    responses((status = 200, body = Ledger)))]
async fn ledger(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = promo::GetPromoRequest { promo_id: id.bytes() };
    let reply = caller.call(door.peers.promo().get_ledger(request)).await?;
    answer::ok(&Ledger::of(reply))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Whom {
    account: AnId,
}

/// Whether the rule holds for somebody, and which clauses do not.
#[derive(Debug, Serialize, ToSchema)]
struct WhyNot {
    eligible: bool,
    granted: bool,
    /// `{"clause": …, "met": false}`
    #[schema(value_type = Vec<Object>)]
    reasons: Vec<Value>,
}

/// Why somebody has no offer of this campaign.
#[utoipa::path(get, path = "/promos/{id}/why-not", tag = "marketing", params(IdParam, Whom),
    responses((status = 200, body = WhyNot)))]
async fn why_not(State(door): Shared, caller: Account, id: PathId, Params(whom): Params<Whom>) -> Answer {
    let request = promo::WhyNotRequest { promo_id: id.bytes(), account_id: whom.account.bytes() };
    let reply = caller.call(door.peers.promo().why_not(request)).await?;
    answer::ok(&WhyNot {
        eligible: reply.eligible,
        granted: reply.granted,
        reasons: reply.reasons.iter().filter_map(|reason| serde_json::from_str(reason).ok()).collect(),
    })
}
