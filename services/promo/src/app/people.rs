//! Who somebody is: from auth's and social's inline rows and gamification's facts, at the moment it matters. Nobody
//! reached, nothing decided: the callers answer `unavailable`.

use std::collections::BTreeSet;

use bytes::Bytes;
use eligibility::{Clause, Facts, Rule};
use kernel::{AccountId, Refusal, time::from_micros};
use platform::refusal;
use proto::{auth, gamification, social};
use uuid::Uuid;

use super::App;
use crate::{
    domain::{ids::PartnerId, staff::Staff},
    wire::bytes_of,
};

/// What auth says of an account; `not_found` for one that is unknown or erased.
pub async fn standing(app: &App, account: AccountId) -> Result<auth::AccountStanding, Refusal> {
    let request = auth::StandingRequest { account_ids: vec![bytes_of(account)], held: vec![] };
    let answer = app.peers.auth().standing(request).await.map_err(|status| refusal(&status))?;
    let known = answer.into_inner().accounts.into_iter().next().filter(|it| it.known && !it.erased);
    known.ok_or_else(Refusal::not_found)
}

/// The caller as a member of staff; `forbidden` for everybody else.
pub async fn staff(app: &App, account: AccountId) -> Result<Staff, Refusal> {
    let standing = standing(app, account).await?;
    if standing.locked {
        return Err(Refusal::new(kernel::Code::Forbidden, "the account is locked"));
    }
    Staff::of(account, standing.roles.iter().map(|role| (role.role.as_str(), role.regions.as_slice())))
}

/// All that this rule looks at. `seen_position`: gamification's event that made us ask, 0 = any.
pub async fn facts(
    app: &App,
    standing: &auth::AccountStanding,
    account: AccountId,
    seen_position: u64,
    rule: &Rule,
) -> Result<Facts, Refusal> {
    let groups = groups_for(app, account, rule).await?;
    let earned = earned(app, account, seen_position).await?;
    let last_purchase = app.store.last_purchase_us(account).await.map_err(eventing::Error::from)?;
    Ok(Facts {
        region: standing.region.clone(),
        country: standing.country.clone(),
        locale: standing.locale.clone(),
        sports: earned.sports.iter().map(|it| it.sport.clone()).collect(),
        level: earned.level,
        badges: earned.badges.iter().cloned().collect(),
        last_active: earned.last_activity_us.map(from_micros),
        consents: standing.consents.iter().cloned().collect(),
        groups,
        birth_year: standing.birth_year,
        last_purchase: last_purchase.map(from_micros),
    })
}

/// The groups that an account is a member of; nobody is asked for a rule that names none.
pub async fn groups_for(app: &App, account: AccountId, rule: &Rule) -> Result<BTreeSet<String>, Refusal> {
    if !rule.clauses().iter().any(|clause| matches!(clause, Clause::Group(_))) {
        return Ok(BTreeSet::new());
    }
    let request = social::GroupsOfRequest { account_ids: vec![bytes_of(account)] };
    let answer = app.peers.social().groups_of(request).await.map_err(|status| refusal(&status))?;
    let groups = answer.into_inner().items.into_iter().next().unwrap_or_default().group_ids;
    Ok(groups.iter().filter_map(|id| Uuid::from_slice(id).ok()).map(|id| id.to_string()).collect())
}

/// What gamification says an account has earned.
pub async fn earned(
    app: &App,
    account: AccountId,
    seen_position: u64,
) -> Result<gamification::AccountFacts, Refusal> {
    let request = gamification::FactsRequest { account_ids: vec![bytes_of(account)], seen_position };
    let answer = app.peers.gamification().facts(request).await.map_err(|status| refusal(&status))?;
    Ok(answer.into_inner().items.into_iter().next().unwrap_or_default())
}

/// Whether auth knows this shop.
pub async fn partner_exists(app: &App, partner: PartnerId) -> Result<bool, Refusal> {
    let partner_ids: Vec<Bytes> = vec![bytes_of(partner)];
    let request = auth::ListPartnersRequest { partner_ids, limit: 1, ..auth::ListPartnersRequest::default() };
    let answer = app.peers.auth().list_partners(request).await.map_err(|status| refusal(&status))?;
    Ok(answer.into_inner().items.iter().any(|known| known.partner_id[..] == partner.as_bytes()[..]))
}
