//! Rows as consumers write them, inside their transactions. Every row is set to what an event says; only clicks of a
//! region are counted up, and a projection's cursor moves with them.

use eventing::{Tx, args, sql::DbError};
use kernel::AccountId;
use prost::Message;
use proto::promo as p;

use crate::{
    domain::{
        campaign::Event as CampaignEvent,
        click,
        ids::{CampaignId, OfferId, PartnerId, ProductId, RedemptionId},
        offer::Grant,
        redemption::Basis,
        terms::Terms,
    },
    wire,
};

pub async fn put_campaign(
    tx: &mut dyn Tx,
    id: CampaignId,
    author: AccountId,
    terms: &Terms,
    at_us: i64,
) -> Result<(), DbError> {
    let body = wire::terms_to_wire(terms).encode_to_vec();
    tx.execute(
        "INSERT INTO promo_campaign (id, state, revision, author, partner, badge, terms, created_us, updated_us)
         VALUES ($1, 'draft', $2, $3, $4, $5, $6, $7, $7)
         ON CONFLICT (id) DO UPDATE SET state = excluded.state, revision = excluded.revision,
             partner = excluded.partner, badge = excluded.badge, terms = excluded.terms, updated_us = excluded.updated_us",
        args![id, terms.revision(), author, terms.partner, terms.badge.as_str(), body, at_us],
    )
    .await?;
    tx.execute("DELETE FROM promo_campaign_region WHERE campaign = $1", args![id]).await?;
    for region in &terms.regions {
        tx.execute(
            "INSERT INTO promo_campaign_region (region, campaign) VALUES ($1, $2) ON CONFLICT (region, campaign) DO NOTHING",
            args![region.as_str(), id],
        )
        .await?;
    }
    Ok(())
}

/// The state that an event leads to; `None` for those that change the terms.
pub fn state_after(event: &CampaignEvent) -> Option<(CampaignId, &'static str)> {
    Some(match event {
        CampaignEvent::Drafted { .. } | CampaignEvent::Edited { .. } => return None,
        CampaignEvent::Submitted { campaign, .. } => (*campaign, "in_review"),
        CampaignEvent::Approved { campaign, .. } => (*campaign, "approved"),
        CampaignEvent::Rejected { campaign, changes_requested: true, .. } => (*campaign, "changes_requested"),
        CampaignEvent::Rejected { campaign, .. } => (*campaign, "rejected"),
        CampaignEvent::Scheduled { campaign, .. } => (*campaign, "scheduled"),
        CampaignEvent::Started { campaign } | CampaignEvent::Resumed { campaign, .. } => {
            (*campaign, "running")
        }
        CampaignEvent::Paused { campaign, .. } => (*campaign, "paused"),
        CampaignEvent::Drained { campaign } => (*campaign, "draining"),
        CampaignEvent::Ended { campaign } => (*campaign, "ended"),
        CampaignEvent::Stopped { campaign, .. } => (*campaign, "stopped"),
    })
}

pub async fn set_campaign_state(
    tx: &mut dyn Tx,
    id: CampaignId,
    state: &str,
    at_us: i64,
) -> Result<(), DbError> {
    let sql = "UPDATE promo_campaign SET state = $1, updated_us = $2 WHERE id = $3";
    tx.execute(sql, args![state, at_us, id]).await.map(drop)
}

pub async fn put_offer(tx: &mut dyn Tx, grant: &Grant, at_us: i64) -> Result<(), DbError> {
    let terms = wire::offer_terms_to_wire(&grant.terms).encode_to_vec();
    let owner = owner(tx, grant.account).await?;
    let code_lookup = if owner == grant.account { grant.code_lookup.clone() } else { Vec::new() };
    tx.execute(
        "INSERT INTO promo_offer (id, campaign, account, partner, state, terms, code_lookup, valid_until_us, granted_us)
         VALUES ($1, $2, $3, $4, 'held', $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING",
        args![
            grant.offer,
            grant.campaign,
            owner,
            grant.partner,
            terms,
            code_lookup,
            kernel::time::micros(grant.valid_until),
            at_us
        ],
    )
    .await
    .map(drop)
}

/// Counted in the campaign's live view, shown to nobody.
pub async fn put_withheld(
    tx: &mut dyn Tx,
    offer: OfferId,
    campaign: CampaignId,
    account: AccountId,
    at_us: i64,
) -> Result<(), DbError> {
    let none = Vec::<u8>::new();
    let owner = owner(tx, account).await?;
    tx.execute(
        "INSERT INTO promo_offer (id, campaign, account, partner, state, terms, code_lookup, valid_until_us, granted_us)
         VALUES ($1, $2, $3, $4, 'withheld', $5, $6, $7, $7) ON CONFLICT (id) DO NOTHING",
        args![offer, campaign, owner, none.clone(), none.clone(), none, at_us],
    )
    .await
    .map(drop)
}

pub async fn set_offer_state(tx: &mut dyn Tx, id: OfferId, state: &str) -> Result<(), DbError> {
    tx.execute("UPDATE promo_offer SET state = $1 WHERE id = $2", args![state, id]).await.map(drop)
}

pub async fn put_redemption(tx: &mut dyn Tx, basis: &Basis, state: &str, at_us: i64) -> Result<(), DbError> {
    let owner = owner(tx, basis.account).await?;
    tx.execute(
        "INSERT INTO promo_redemption (id, campaign, account, state, changed_us) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (id) DO UPDATE SET state = excluded.state, changed_us = excluded.changed_us",
        args![basis.redemption, basis.campaign, owner, state, at_us],
    )
    .await
    .map(drop)
}

pub async fn set_redemption_state(
    tx: &mut dyn Tx,
    id: RedemptionId,
    state: &str,
    at_us: i64,
) -> Result<(), DbError> {
    let sql = "UPDATE promo_redemption SET state = $1, changed_us = $2 WHERE id = $3";
    tx.execute(sql, args![state, at_us, id]).await.map(drop)
}

/// A product as answers carry it.
pub async fn put_product(tx: &mut dyn Tx, product: &p::Product, at_us: i64) -> Result<(), DbError> {
    let words =
        [&product.title, &product.brand, &product.product_type].map(|text| text.to_lowercase()).join(" ");
    tx.execute(
        "INSERT INTO promo_product (id, partner, feed, feed_product, words, available, listed_us, updated_us, product)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)
         ON CONFLICT (id) DO UPDATE SET words = excluded.words, available = excluded.available,
             updated_us = excluded.updated_us, product = excluded.product",
        args![
            product.id.clone(),
            product.partner_id.clone(),
            product.feed.as_str(),
            product.feed_product_id.as_str(),
            words,
            product.availability == "in_stock",
            at_us,
            product.encode_to_vec()
        ],
    )
    .await
    .map(drop)
}

pub async fn drop_product(tx: &mut dyn Tx, id: ProductId) -> Result<(), DbError> {
    tx.execute("DELETE FROM promo_product WHERE id = $1", args![id]).await.map(drop)
}

pub async fn put_click(tx: &mut dyn Tx, click: &click::Event, at_us: i64) -> Result<(), DbError> {
    let owner = owner(tx, click.account).await?;
    tx.execute(
        "INSERT INTO promo_click (click, account, campaign, at_us) VALUES ($1, $2, $3, $4) ON CONFLICT (click) DO NOTHING",
        args![click.click, owner, click.campaign, at_us],
    )
    .await?;
    let Some(region) = &click.region else { return Ok(()) };
    tx.execute(
        "INSERT INTO promo_liked (region, product, clicks) VALUES ($1, $2, 1)
         ON CONFLICT (region, product) DO UPDATE SET clicks = promo_liked.clicks + 1",
        args![region, click.product],
    )
    .await
    .map(drop)
}

pub async fn put_partner(tx: &mut dyn Tx, partner: PartnerId, regions: &[String]) -> Result<(), DbError> {
    tx.execute("DELETE FROM promo_partner_region WHERE partner = $1", args![partner]).await?;
    let everywhere = ["*".to_owned()];
    for region in if regions.is_empty() { &everywhere } else { regions } {
        tx.execute(
            "INSERT INTO promo_partner_region (region, partner) VALUES ($1, $2) ON CONFLICT (region, partner) DO NOTHING",
            args![region, partner],
        )
        .await?;
    }
    Ok(())
}

/// Whose rows they are, once the account is erased.
const NOBODY: AccountId = AccountId::new(uuid::Uuid::nil());

/// Whose row it is. The account is held: it is not erased meanwhile.
async fn owner(tx: &mut dyn Tx, account: AccountId) -> Result<AccountId, DbError> {
    let gone = tx.fetch_one("SELECT account FROM promo_gone WHERE account = $1", args![account]).await?;
    Ok(if gone.is_some() { NOBODY } else { account })
}

/// Whose rows they were goes; that they were stays, since campaigns are counted by them. What is heard of it later is
/// nobody's too.
pub async fn forget_account(tx: &mut dyn Tx, account: AccountId) -> Result<(), DbError> {
    let gone = "INSERT INTO promo_gone (account) VALUES ($1) ON CONFLICT (account) DO NOTHING";
    tx.execute(gone, args![account]).await?;
    let offers = "UPDATE promo_offer SET account = $1, code_lookup = $2 WHERE account = $3";
    tx.execute(offers, args![NOBODY, Vec::<u8>::new(), account]).await?;
    tx.execute("UPDATE promo_click SET account = $1 WHERE account = $2", args![NOBODY, account]).await?;
    tx.execute("UPDATE promo_redemption SET account = $1 WHERE account = $2", args![NOBODY, account])
        .await
        .map(drop)
}
