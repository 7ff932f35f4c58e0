//! The ids of promo's things. What can be derived is derived, so that a retry makes the same thing.

use kernel::{AccountId, Id};

pub enum Campaign {}
pub enum Offer {}
pub enum Redemption {}
pub enum Order {}
pub enum Partner {}
pub enum Product {}
pub enum Feed {}
pub enum Click {}
pub enum Transfer {}

pub type CampaignId = Id<Campaign>;
pub type OfferId = Id<Offer>;
/// Of a reservation too: a reservation is a redemption's first state.
pub type RedemptionId = Id<Redemption>;
pub type OrderId = Id<Order>;
pub type PartnerId = Id<Partner>;
pub type ProductId = Id<Product>;
pub type FeedId = Id<Feed>;
pub type ClickId = Id<Click>;
pub type TransferId = Id<Transfer>;

/// One offer for each (campaign, account), for ever.
pub fn offer_of(campaign: CampaignId, account: AccountId) -> OfferId {
    Id::derived(&[b"offer", campaign.as_bytes(), account.as_bytes()])
}

/// One order for each (partner, order reference), for ever.
pub fn order_of(partner: PartnerId, order_ref: &str) -> OrderId {
    Id::derived(&[b"order", partner.as_bytes(), order_ref.as_bytes()])
}

/// One redemption for each (partner, order reference, offer), for ever.
pub fn redemption_of(partner: PartnerId, order_ref: &str, offer: OfferId) -> RedemptionId {
    Id::derived(&[b"redemption", partner.as_bytes(), order_ref.as_bytes(), offer.as_bytes()])
}

pub fn feed_of(partner: PartnerId, feed: &str) -> FeedId {
    Id::derived(&[b"feed", partner.as_bytes(), feed.as_bytes()])
}

pub fn product_of(partner: PartnerId, feed: &str, feed_product: &str) -> ProductId {
    Id::derived(&[b"product", partner.as_bytes(), feed.as_bytes(), feed_product.as_bytes()])
}
