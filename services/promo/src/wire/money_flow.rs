//! Events of `offer-`, `redemption-`, `order-` and `ledger-` streams: what a purchase moves.

use eventing::{DecodeError, DomainEvent, Plain};
use kernel::time::micros;
use proto::promo as p;

use super::{
    at, bytes_of, id, id_of, money, money_from, money_to_wire, offer_terms_from, offer_terms_to_wire, read,
    some, unknown,
};
use crate::domain::{ledger, offer, order, redemption};

impl DomainEvent for offer::Event {
    fn encode(&self) -> Plain {
        match self {
            Self::Granted(grant) => Plain::of(&p::OfferGranted {
                offer_id: bytes_of(grant.offer),
                campaign_id: bytes_of(grant.campaign),
                account_id: bytes_of(grant.account),
                partner_id: bytes_of(grant.partner),
                terms: Some(offer_terms_to_wire(&grant.terms)),
                code_lookup: grant.code_lookup.clone().into(),
                valid_until_us: micros(grant.valid_until),
                achievement_id: grant
                    .achievement
                    .map(|id| bytes::Bytes::copy_from_slice(id.as_bytes()))
                    .unwrap_or_default(),
                badge: grant.badge.clone().unwrap_or_default(),
                region: grant.region.clone().unwrap_or_default(),
            }),
            Self::Withheld { offer, campaign, account } => Plain::of(&p::OfferWithheld {
                offer_id: bytes_of(*offer),
                campaign_id: bytes_of(*campaign),
                account_id: bytes_of(*account),
            }),
            Self::Reserved { offer, redemption } => Plain::of(&p::OfferReserved {
                offer_id: bytes_of(*offer),
                redemption_id: bytes_of(*redemption),
            }),
            Self::Released { offer, redemption } => Plain::of(&p::OfferReleased {
                offer_id: bytes_of(*offer),
                redemption_id: bytes_of(*redemption),
            }),
            Self::Redeemed { offer, redemption } => Plain::of(&p::OfferRedeemed {
                offer_id: bytes_of(*offer),
                redemption_id: bytes_of(*redemption),
            }),
            Self::Expired { offer } => Plain::of(&p::OfferExpired { offer_id: bytes_of(*offer) }),
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        read(plain, granted)
            .or_else(|| {
                read(plain, |it: p::OfferWithheld| {
                    Ok(Self::Withheld {
                        offer: id(&it.offer_id, "offer_id")?,
                        campaign: id(&it.campaign_id, "campaign_id")?,
                        account: id(&it.account_id, "account_id")?,
                    })
                })
            })
            .or_else(|| {
                read(plain, |it: p::OfferReserved| {
                    Ok(Self::Reserved {
                        offer: id(&it.offer_id, "offer_id")?,
                        redemption: id(&it.redemption_id, "redemption_id")?,
                    })
                })
            })
            .or_else(|| {
                read(plain, |it: p::OfferReleased| {
                    Ok(Self::Released {
                        offer: id(&it.offer_id, "offer_id")?,
                        redemption: id(&it.redemption_id, "redemption_id")?,
                    })
                })
            })
            .or_else(|| {
                read(plain, |it: p::OfferRedeemed| {
                    Ok(Self::Redeemed {
                        offer: id(&it.offer_id, "offer_id")?,
                        redemption: id(&it.redemption_id, "redemption_id")?,
                    })
                })
            })
            .or_else(|| {
                read(plain, |it: p::OfferExpired| Ok(Self::Expired { offer: id(&it.offer_id, "offer_id")? }))
            })
            .unwrap_or_else(|| unknown(plain, "an offer"))
    }
}

fn granted(it: p::OfferGranted) -> Result<offer::Event, DecodeError> {
    Ok(offer::Event::Granted(Box::new(offer::Grant {
        offer: id(&it.offer_id, "offer_id")?,
        campaign: id(&it.campaign_id, "campaign_id")?,
        account: id(&it.account_id, "account_id")?,
        partner: id(&it.partner_id, "partner_id")?,
        terms: offer_terms_from(it.terms)?,
        code_lookup: it.code_lookup.to_vec(),
        valid_until: at(it.valid_until_us),
        achievement: uuid::Uuid::from_slice(&it.achievement_id).ok(),
        badge: some(it.badge),
        region: some(it.region),
    })))
}

impl DomainEvent for redemption::Event {
    fn encode(&self) -> Plain {
        match self {
            Self::Reserved { basis, expires } => Plain::of(&p::RedemptionReserved {
                redemption_id: bytes_of(basis.redemption),
                offer_id: bytes_of(basis.offer),
                campaign_id: bytes_of(basis.campaign),
                account_id: bytes_of(basis.account),
                partner_id: bytes_of(basis.partner),
                order_id: basis.order_ref.clone(),
                amount: Some(money_to_wire(basis.amount)),
                discount: Some(money_to_wire(basis.discount)),
                expires_at_us: micros(*expires),
            }),
            Self::Confirmed { redemption } => {
                Plain::of(&p::RedemptionConfirmed { redemption_id: bytes_of(*redemption) })
            }
            Self::Released { redemption, cause } => Plain::of(&p::RedemptionReleased {
                redemption_id: bytes_of(*redemption),
                cause: cause.clone(),
            }),
            Self::Expired { redemption } => {
                Plain::of(&p::RedemptionExpired { redemption_id: bytes_of(*redemption) })
            }
            Self::Reversed { redemption, amount_minor, whole } => Plain::of(&p::RedemptionReversed {
                redemption_id: bytes_of(*redemption),
                amount_minor: *amount_minor,
                whole: *whole,
            }),
            Self::NeedsReconciliation { basis, cause } => Plain::of(&p::RedemptionNeedsReconciliation {
                redemption_id: bytes_of(basis.redemption),
                offer_id: bytes_of(basis.offer),
                campaign_id: bytes_of(basis.campaign),
                account_id: bytes_of(basis.account),
                partner_id: bytes_of(basis.partner),
                order_id: basis.order_ref.clone(),
                amount: Some(money_to_wire(basis.amount)),
                discount: Some(money_to_wire(basis.discount)),
                cause: cause.clone(),
            }),
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        read(plain, redemption_reserved)
            .or_else(|| read(plain, needs_reconciliation))
            .or_else(|| {
                read(plain, |it: p::RedemptionConfirmed| {
                    Ok(Self::Confirmed { redemption: id(&it.redemption_id, "redemption_id")? })
                })
            })
            .or_else(|| {
                read(plain, |it: p::RedemptionReleased| {
                    Ok(Self::Released {
                        redemption: id(&it.redemption_id, "redemption_id")?,
                        cause: it.cause,
                    })
                })
            })
            .or_else(|| {
                read(plain, |it: p::RedemptionExpired| {
                    Ok(Self::Expired { redemption: id(&it.redemption_id, "redemption_id")? })
                })
            })
            .or_else(|| {
                read(plain, |it: p::RedemptionReversed| {
                    Ok(Self::Reversed {
                        redemption: id(&it.redemption_id, "redemption_id")?,
                        amount_minor: it.amount_minor,
                        whole: it.whole,
                    })
                })
            })
            .unwrap_or_else(|| unknown(plain, "a redemption"))
    }
}

fn redemption_reserved(it: p::RedemptionReserved) -> Result<redemption::Event, DecodeError> {
    Ok(redemption::Event::Reserved {
        basis: Box::new(redemption::Basis {
            redemption: id(&it.redemption_id, "redemption_id")?,
            offer: id(&it.offer_id, "offer_id")?,
            campaign: id(&it.campaign_id, "campaign_id")?,
            account: id(&it.account_id, "account_id")?,
            partner: id(&it.partner_id, "partner_id")?,
            order_ref: it.order_id,
            amount: money(it.amount.as_ref(), "amount")?,
            discount: money(it.discount.as_ref(), "discount")?,
        }),
        expires: at(it.expires_at_us),
    })
}

fn needs_reconciliation(it: p::RedemptionNeedsReconciliation) -> Result<redemption::Event, DecodeError> {
    Ok(redemption::Event::NeedsReconciliation {
        basis: Box::new(redemption::Basis {
            redemption: id(&it.redemption_id, "redemption_id")?,
            offer: id(&it.offer_id, "offer_id")?,
            campaign: id(&it.campaign_id, "campaign_id")?,
            account: id(&it.account_id, "account_id")?,
            partner: id(&it.partner_id, "partner_id")?,
            order_ref: it.order_id,
            amount: money(it.amount.as_ref(), "amount")?,
            discount: money(it.discount.as_ref(), "discount")?,
        }),
        cause: it.cause,
    })
}

impl DomainEvent for order::Event {
    fn encode(&self) -> Plain {
        match self {
            Self::Reserved { partner, order_ref, offer, redemption, amount } => {
                Plain::of(&p::OrderReserved {
                    partner_id: bytes_of(*partner),
                    order_id: order_ref.clone(),
                    offer_id: bytes_of(*offer),
                    redemption_id: bytes_of(*redemption),
                    amount: Some(money_to_wire(*amount)),
                })
            }
            Self::ReservationDropped { partner, order_ref, redemption } => {
                Plain::of(&p::OrderReservationDropped {
                    partner_id: bytes_of(*partner),
                    order_id: order_ref.clone(),
                    redemption_id: bytes_of(*redemption),
                })
            }
            Self::Recorded(it) => Plain::of(&p::OrderRecorded {
                partner_id: bytes_of(it.partner),
                order_id: it.order_ref.clone(),
                status: it.status.as_str().to_owned(),
                amount: Some(money_to_wire(it.amount)),
                items: it.items.iter().map(item_to_wire).collect(),
                attribution: it.attribution.map_or("", order::Attribution::as_str).to_owned(),
                redemption_id: it.redemption.map(bytes_of),
                click_id: it.click.map(bytes_of),
                at_us: micros(it.at),
            }),
            Self::Advanced { partner, order_ref, status, refunded_minor, at } => {
                Plain::of(&p::OrderAdvanced {
                    partner_id: bytes_of(*partner),
                    order_id: order_ref.clone(),
                    status: status.as_str().to_owned(),
                    refunded_minor: *refunded_minor,
                    at_us: micros(*at),
                })
            }
            Self::Mismatched { partner, order_ref, status, before, now } => Plain::of(&p::OrderMismatched {
                partner_id: bytes_of(*partner),
                order_id: order_ref.clone(),
                status: status.as_str().to_owned(),
                said_before: Some(money_to_wire(*before)),
                said_now: Some(money_to_wire(*now)),
            }),
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        read(plain, |it: p::OrderReserved| {
            Ok(Self::Reserved {
                partner: id(&it.partner_id, "partner_id")?,
                order_ref: it.order_id,
                offer: id(&it.offer_id, "offer_id")?,
                redemption: id(&it.redemption_id, "redemption_id")?,
                amount: money(it.amount.as_ref(), "amount")?,
            })
        })
        .or_else(|| {
            read(plain, |it: p::OrderReservationDropped| {
                Ok(Self::ReservationDropped {
                    partner: id(&it.partner_id, "partner_id")?,
                    order_ref: it.order_id,
                    redemption: id(&it.redemption_id, "redemption_id")?,
                })
            })
        })
        .or_else(|| read(plain, recorded))
        .or_else(|| {
            read(plain, |it: p::OrderAdvanced| {
                Ok(Self::Advanced {
                    partner: id(&it.partner_id, "partner_id")?,
                    order_ref: it.order_id,
                    status: status(&it.status)?,
                    refunded_minor: it.refunded_minor,
                    at: at(it.at_us),
                })
            })
        })
        .or_else(|| {
            read(plain, |it: p::OrderMismatched| {
                Ok(Self::Mismatched {
                    partner: id(&it.partner_id, "partner_id")?,
                    order_ref: it.order_id,
                    status: status(&it.status)?,
                    before: money(it.said_before.as_ref(), "said_before")?,
                    now: money(it.said_now.as_ref(), "said_now")?,
                })
            })
        })
        .unwrap_or_else(|| unknown(plain, "an order"))
    }
}

fn recorded(it: p::OrderRecorded) -> Result<order::Event, DecodeError> {
    Ok(order::Event::Recorded(Box::new(order::Recorded {
        partner: id(&it.partner_id, "partner_id")?,
        order_ref: it.order_id,
        status: status(&it.status)?,
        amount: money(it.amount.as_ref(), "amount")?,
        items: it.items.into_iter().map(item_from).collect(),
        attribution: order::Attribution::parse(&it.attribution),
        redemption: it.redemption_id.and_then(|bytes| id_of(&bytes)),
        click: it.click_id.and_then(|bytes| id_of(&bytes)),
        at: at(it.at_us),
    })))
}

fn item_to_wire(item: &order::Item) -> p::OrderItem {
    p::OrderItem {
        product_id: item.product_id.clone(),
        quantity: item.quantity,
        amount: item.amount.map(money_to_wire),
    }
}

fn item_from(item: p::OrderItem) -> order::Item {
    order::Item {
        product_id: item.product_id,
        quantity: item.quantity,
        amount: item.amount.as_ref().and_then(money_from),
    }
}

fn status(text: &str) -> Result<order::Status, DecodeError> {
    order::Status::parse(text).ok_or_else(|| DecodeError(format!("{text} is no status of an order")))
}

impl DomainEvent for ledger::Event {
    fn encode(&self) -> Plain {
        match self {
            Self::Pended(it) => Plain::of(&p::TransferPended {
                transfer_id: bytes_of(it.id),
                campaign_id: bytes_of(it.campaign),
                redemption_id: bytes_of(it.redemption),
                debit: it.debit.clone(),
                credit: it.credit.clone(),
                amount: Some(money_to_wire(it.amount)),
            }),
            Self::Posted { campaign, transfer } => Plain::of(&p::TransferPosted {
                campaign_id: bytes_of(*campaign),
                transfer_id: bytes_of(*transfer),
            }),
            Self::Voided { campaign, transfer } => Plain::of(&p::TransferVoided {
                campaign_id: bytes_of(*campaign),
                transfer_id: bytes_of(*transfer),
            }),
            Self::Made(it) => Plain::of(&p::TransferMade {
                transfer_id: bytes_of(it.id),
                campaign_id: bytes_of(it.campaign),
                redemption_id: bytes_of(it.redemption),
                debit: it.debit.clone(),
                credit: it.credit.clone(),
                amount: Some(money_to_wire(it.amount)),
            }),
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        read(plain, |it: p::TransferPended| {
            Ok(Self::Pended(ledger::Transfer {
                id: id(&it.transfer_id, "transfer_id")?,
                campaign: id(&it.campaign_id, "campaign_id")?,
                redemption: id(&it.redemption_id, "redemption_id")?,
                debit: it.debit,
                credit: it.credit,
                amount: money(it.amount.as_ref(), "amount")?,
            }))
        })
        .or_else(|| {
            read(plain, |it: p::TransferMade| {
                Ok(Self::Made(ledger::Transfer {
                    id: id(&it.transfer_id, "transfer_id")?,
                    campaign: id(&it.campaign_id, "campaign_id")?,
                    redemption: id(&it.redemption_id, "redemption_id")?,
                    debit: it.debit,
                    credit: it.credit,
                    amount: money(it.amount.as_ref(), "amount")?,
                }))
            })
        })
        .or_else(|| {
            read(plain, |it: p::TransferPosted| {
                Ok(Self::Posted {
                    campaign: id(&it.campaign_id, "campaign_id")?,
                    transfer: id(&it.transfer_id, "transfer_id")?,
                })
            })
        })
        .or_else(|| {
            read(plain, |it: p::TransferVoided| {
                Ok(Self::Voided {
                    campaign: id(&it.campaign_id, "campaign_id")?,
                    transfer: id(&it.transfer_id, "transfer_id")?,
                })
            })
        })
        .unwrap_or_else(|| unknown(plain, "a ledger"))
    }
}
