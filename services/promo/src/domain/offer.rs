//! One offer to one account, from one campaign, once.

use jiff::Timestamp;
use kernel::{AccountId, Code, Refusal};
use uuid::Uuid;

use super::{
    ids::{CampaignId, OfferId, PartnerId, RedemptionId},
    terms::OfferTerms,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Granted(Box<Grant>),
    /// In the campaign's holdout: kept back for comparison.
    Withheld {
        offer: OfferId,
        campaign: CampaignId,
        account: AccountId,
    },
    Reserved {
        offer: OfferId,
        redemption: RedemptionId,
    },
    Released {
        offer: OfferId,
        redemption: RedemptionId,
    },
    Redeemed {
        offer: OfferId,
        redemption: RedemptionId,
    },
    Expired {
        offer: OfferId,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub offer: OfferId,
    pub campaign: CampaignId,
    pub account: AccountId,
    pub partner: PartnerId,
    /// Frozen at granting: a later edit of anything does not change what was promised.
    pub terms: OfferTerms,
    /// HMAC of the code: what a code that somebody shows is found by.
    pub code_lookup: Vec<u8>,
    pub valid_until: Timestamp,
    pub achievement: Option<Uuid>,
    /// Absent: erased.
    pub badge: Option<String>,
    pub region: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    #[default]
    None,
    Withheld,
    Held,
    Reserved(RedemptionId),
    Redeemed(RedemptionId),
    Expired,
}

#[derive(Clone, Debug, Default)]
pub struct Offer {
    pub grant: Option<Box<Grant>>,
    pub stage: Stage,
}

impl Offer {
    pub fn granted(&self) -> Result<&Grant, Refusal> {
        self.grant.as_deref().ok_or_else(Refusal::not_found)
    }

    /// The offer, if it is this account's: another's does not exist.
    pub fn held_by(&self, account: AccountId) -> Result<&Grant, Refusal> {
        self.granted().ok().filter(|grant| grant.account == account).ok_or_else(Refusal::not_found)
    }

    /// Nothing, when it was granted or withheld before.
    pub fn grant(&self, grant: Grant, in_holdout: bool) -> Vec<Event> {
        match (self.stage, in_holdout) {
            (Stage::None, true) => {
                vec![Event::Withheld { offer: grant.offer, campaign: grant.campaign, account: grant.account }]
            }
            (Stage::None, false) => vec![Event::Granted(Box::new(grant))],
            _ => Vec::new(),
        }
    }

    pub fn reserve(&self, redemption: RedemptionId, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        let grant = self.granted()?;
        match self.stage {
            Stage::Held if now < grant.valid_until => {
                Ok(vec![Event::Reserved { offer: grant.offer, redemption }])
            }
            Stage::Held | Stage::Expired => {
                Err(Refusal::new(Code::OfferExpired, "the offer is no longer valid"))
            }
            Stage::Reserved(_) => {
                Err(Refusal::new(Code::Conflict, "the offer is reserved for another order"))
            }
            Stage::Redeemed(_) => Err(Refusal::new(Code::Conflict, "the offer was redeemed")),
            Stage::None | Stage::Withheld => Err(Refusal::not_found()),
        }
    }

    /// Back into the holder's hands, or expired when its time is over meanwhile.
    pub fn release(&self, redemption: RedemptionId, now: Timestamp) -> Vec<Event> {
        let Some(grant) = self.grant.as_deref().filter(|_| self.stage == Stage::Reserved(redemption)) else {
            return Vec::new();
        };
        let mut events = vec![Event::Released { offer: grant.offer, redemption }];
        if grant.valid_until <= now {
            events.push(Event::Expired { offer: grant.offer });
        }
        events
    }

    pub fn redeem(&self, redemption: RedemptionId) -> Vec<Event> {
        match &self.grant {
            Some(grant) if self.stage == Stage::Reserved(redemption) => {
                vec![Event::Redeemed { offer: grant.offer, redemption }]
            }
            _ => Vec::new(),
        }
    }

    /// What time commands. A reserved offer waits for its order.
    pub fn expire(&self, now: Timestamp) -> Vec<Event> {
        match &self.grant {
            Some(grant) if self.stage == Stage::Held && grant.valid_until <= now => {
                vec![Event::Expired { offer: grant.offer }]
            }
            _ => Vec::new(),
        }
    }

    pub fn evolve(&mut self, event: &Event) {
        self.stage = match event {
            Event::Granted(grant) => {
                self.grant = Some(grant.clone());
                Stage::Held
            }
            Event::Withheld { .. } => Stage::Withheld,
            Event::Reserved { redemption, .. } => Stage::Reserved(*redemption),
            Event::Released { .. } => Stage::Held,
            Event::Redeemed { redemption, .. } => Stage::Redeemed(*redemption),
            Event::Expired { .. } => Stage::Expired,
        };
    }
}

/// Whether an account belongs to the share that is kept back: the same answer for ever, spread evenly.
pub fn in_holdout(offer: OfferId, percent: u32) -> bool {
    let draw = u32::from_be_bytes([
        offer.as_bytes()[12],
        offer.as_bytes()[13],
        offer.as_bytes()[14],
        offer.as_bytes()[15],
    ]);
    draw % 100 < percent
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::domain::terms::Reward;

    pub fn grant(percent: u32) -> Grant {
        Grant {
            offer: OfferId::random(),
            campaign: CampaignId::random(),
            account: AccountId::random(),
            partner: PartnerId::random(),
            terms: OfferTerms {
                reward: Reward::PercentOff(percent),
                product_ids: Vec::new(),
                valid_days: 14,
            },
            code_lookup: vec![1],
            valid_until: "2026-05-15T00:00:00Z".parse().unwrap(),
            achievement: None,
            badge: Some("first_run".to_owned()),
            region: Some("KZ-75".to_owned()),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn held() -> Offer {
        let mut offer = Offer::default();
        then(&mut offer, Offer::default().grant(grant(10), false));
        offer
    }

    fn then(offer: &mut Offer, events: Vec<Event>) {
        events.iter().for_each(|event| offer.evolve(event));
    }

    #[test]
    fn an_account_gets_a_campaigns_offer_once() {
        assert!(held().grant(grant(10), false).is_empty());
        assert!(matches!(Offer::default().grant(grant(10), true)[..], [Event::Withheld { .. }]));
    }

    #[test]
    fn an_offer_is_reserved_for_one_order_at_a_time_and_comes_back() {
        let mut offer = held();
        let (one, now) = (RedemptionId::random(), at("2026-05-02T00:00:00Z"));
        let events = offer.reserve(one, now).unwrap();
        then(&mut offer, events);
        assert_eq!(offer.reserve(RedemptionId::random(), now).unwrap_err().code, Code::Conflict);
        assert!(offer.expire(at("2026-06-01T00:00:00Z")).is_empty(), "a reserved offer waits for its order");
        let events = offer.release(one, now);
        then(&mut offer, events);
        assert!(offer.reserve(RedemptionId::random(), now).is_ok());
    }

    #[test]
    fn an_expired_offer_is_gone() {
        let mut offer = held();
        let late = at("2026-05-15T00:00:00Z");
        assert_eq!(offer.reserve(RedemptionId::random(), late).unwrap_err().code, Code::OfferExpired);
        let events = offer.expire(late);
        then(&mut offer, events);
        assert_eq!(offer.stage, Stage::Expired);
    }

    #[test]
    fn the_offer_of_another_does_not_exist() {
        assert_eq!(held().held_by(AccountId::random()).unwrap_err().code, Code::NotFound);
    }

    #[test]
    fn the_holdout_is_about_its_share_and_stable() {
        let kept = (0..10_000_u32)
            .filter(|n| {
                in_holdout(
                    crate::domain::ids::offer_of(
                        CampaignId::new(Uuid::nil()),
                        AccountId::new(Uuid::from_u128((*n).into())),
                    ),
                    20,
                )
            })
            .count();
        assert!((1_800..2_200).contains(&kept), "{kept}");
        assert!(!in_holdout(OfferId::random(), 0));
    }
}
