//! Answers.

use jiff::Timestamp;
use kernel::{Money, Refusal, time::micros};
use proto::promo as p;

use crate::{
    app::{
        books::Book,
        browse_campaigns,
        feeds::Imported,
        offers::Shown,
        orders::Answered,
        recommendations::{Reason, Recommended},
    },
    domain::{campaign::Known, ids::CampaignId, ledger::Ledger, order::Attribution, redemption::Redemption},
    store::{Counts, Times},
    wire::{bytes_of, money_to_wire, terms_to_wire, wave_to_wire},
    wording::{self, Language},
};

pub(super) fn campaign(known: &Known, book: &Book, times: Times, now: Timestamp) -> p::Campaign {
    p::Campaign {
        id: bytes_of(known.id),
        terms: Some(terms_to_wire(&known.terms)),
        state: known.stage.as_str().to_owned(),
        revision: known.revision.clone(),
        author_id: bytes_of(known.author),
        approvals: known
            .approvals
            .iter()
            .map(|approval| p::Approval {
                approver_id: bytes_of(approval.by),
                revision: approval.revision.clone(),
                at_us: micros(approval.at),
            })
            .collect(),
        reason: known.reason.clone().unwrap_or_default(),
        waves: known.waves.iter().map(|wave| wave_to_wire(wave, known.wave_state(wave, now))).collect(),
        created_at_us: times.created_us,
        updated_at_us: times.updated_us,
        exhausted: browse_campaigns::is_exhausted(known, book),
    }
}

pub(super) fn offer(shown: Shown, locale: &str) -> p::Offer {
    let Shown { row, products, code } = shown;
    let badge = row.campaign_terms.trigger.as_ref().map_or("", |trigger| trigger.badge_unlocked.as_str());
    p::Offer {
        id: bytes_of(row.id),
        promo_id: bytes_of(row.campaign),
        name: wording::name_in(&row.campaign_terms.name, locale).to_owned(),
        because: wording::because(Language::of(locale), badge),
        kind: row.terms.kind,
        percent: row.terms.percent,
        amount: row.terms.amount,
        products: products
            .into_iter()
            .map(|(id, title)| p::OfferProduct { id: bytes_of(id), title })
            .collect(),
        code,
        valid_until_us: row.valid_until_us,
        state: row.state,
        partner_id: bytes_of(row.partner),
        granted_at_us: row.granted_us,
    }
}

pub(super) fn recommendation(found: Recommended, language: Language) -> p::Recommendation {
    let reason = match &found.reason {
        Reason::Offer(row) => {
            let trigger = row.campaign_terms.trigger.as_ref();
            let badge = trigger.map_or("", |trigger| trigger.badge_unlocked.as_str());
            wording::by_offer(language, &row.terms, badge)
        }
        Reason::Sport(sport) => wording::by_sport(language, sport),
        Reason::RegionalFavourite => wording::regional_favourite(language),
        Reason::New => wording::new_here(language),
    };
    p::Recommendation { product: Some(found.product.product), reason, offer_id: found.offer.map(bytes_of) }
}

pub(super) fn reservation(redemption: &Redemption) -> Result<p::Reservation, Refusal> {
    let basis = redemption.basis.as_ref().ok_or_else(Refusal::not_found)?;
    Ok(p::Reservation {
        id: bytes_of(basis.redemption),
        status: redemption.stage.as_str().to_owned(),
        discount: Some(money_to_wire(basis.discount)),
        expires_at_us: redemption.expires.map_or(0, micros),
        offer_id: bytes_of(basis.offer),
        order_ref: basis.order_ref.clone(),
    })
}

pub(super) fn order(order_id: String, answered: &Answered) -> p::Order {
    let recorded = answered.order.recorded.as_ref();
    let attribution = if answered.order.reservation.is_some() && !by_lead(answered) {
        Some(Attribution::Reservation)
    } else {
        recorded.and_then(|recorded| recorded.attribution)
    };
    p::Order {
        order_id,
        status: answered.order.status.map_or("", |status| status.as_str()).to_owned(),
        redemption: answered.redemption.as_ref().and_then(|redemption| {
            let basis = redemption.basis.as_ref()?;
            Some(p::Redemption {
                id: bytes_of(basis.redemption),
                status: redemption.stage.as_str().to_owned(),
            })
        }),
        attribution: attribution.map_or("", Attribution::as_str).to_owned(),
    }
}

/// Whether the order's own click or code made its reservation.
fn by_lead(answered: &Answered) -> bool {
    answered.order.recorded.as_ref().is_some_and(|recorded| {
        matches!(recorded.attribution, Some(Attribution::Click | Attribution::Code))
            && recorded.redemption.is_some()
    })
}

pub(super) fn imported(imported: &Imported) -> p::PutFeedResponse {
    p::PutFeedResponse {
        products: u32::try_from(imported.products).unwrap_or(u32::MAX),
        rejected: imported
            .reading
            .rejected
            .iter()
            .map(|it| p::RejectedLine { line: it.line, code: it.code.to_owned(), detail: it.detail.clone() })
            .collect(),
        rejected_count: imported.reading.rejected_count,
    }
}

pub(super) fn live(known: &Known, counts: &Counts, book: &Book, now: Timestamp) -> p::Live {
    let currency = known.terms.budget.limit.currency;
    let money = |minor: i64| Some(money_to_wire(Money::new(minor, currency)));
    let budget = &book.budget.state;
    p::Live {
        promo_id: bytes_of(known.id),
        state: known.stage.as_str().to_owned(),
        granted: counts.granted,
        withheld: counts.withheld,
        reserved: counts.reserved,
        redeemed: counts.redeemed,
        released: counts.released,
        reversed: counts.reversed,
        needs_reconciliation: counts.needs_reconciliation,
        clicks: counts.clicks,
        limit: Some(money_to_wire(known.terms.budget.limit)),
        budget_reserved: money(budget.reserved_minor),
        budget_confirmed: money(budget.confirmed_minor),
        budget_left: money(browse_campaigns::left(known, book)),
        ledger: Some(ledger(known.id, &book.ledger.state)),
        as_of_us: micros(now),
    }
}

pub(super) fn ledger(id: CampaignId, ledger: &Ledger) -> p::Ledger {
    p::Ledger {
        promo_id: bytes_of(id),
        accounts: ledger
            .balances
            .iter()
            .map(|((name, currency), balance)| p::LedgerAccount {
                name: name.clone(),
                currency: currency.as_str().to_owned(),
                debits_pending_minor: balance.debits_pending,
                credits_pending_minor: balance.credits_pending,
                debits_posted_minor: balance.debits_posted,
                credits_posted_minor: balance.credits_posted,
            })
            .collect(),
        balanced: ledger.is_balanced(),
    }
}
