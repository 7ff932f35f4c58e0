//! What was written once is read for ever.

use eventing::{DecodeError, DomainEvent, Plain};
use jiff::Timestamp;
use kernel::{AccountId, Id, Money, money::Currency};
use promo::domain::{
    budget, campaign, catalogue, click, draft, ids, ledger, offer, order, redemption, schedule::Wave, terms,
};
use testkit::golden::check;

fn at() -> Timestamp {
    "2026-05-02T00:00:00Z".parse().unwrap()
}

fn tenge(amount_minor: i64) -> Money {
    Money::new(amount_minor, Currency::parse("KZT").unwrap())
}

fn id<Kind>(name: &str) -> Id<Kind> {
    Id::derived(&[b"golden", name.as_bytes()])
}

fn account() -> AccountId {
    id("account")
}

fn terms() -> terms::Terms {
    let draft = draft::Draft {
        name: Some(vec![("en".to_owned(), "Run for shoes".to_owned())]),
        partner: Some(id::<ids::Partner>("partner").uuid()),
        regions: Some(vec!["KZ-75".to_owned()]),
        badge: Some("first_run".to_owned()),
        eligibility: Some(r#"{"all":[{"level_at_least":2},{"not":{"group":"g"}}]}"#.to_owned()),
        offer: Some(draft::OfferDraft {
            kind: "amount_off".to_owned(),
            amount: Some((500, "KZT".to_owned())),
            product_ids: vec!["shoe-1".to_owned()],
            valid_days: 14,
            percent: None,
        }),
        budget: Some(draft::BudgetDraft {
            limit: Some((5_000, "KZT".to_owned())),
            per_day: Some((1_000, "KZT".to_owned())),
            per_account: None,
        }),
        schedule: Some(draft::ScheduleDraft {
            start: "2026-05-01T09:00:00".to_owned(),
            end: "2026-06-01T00:00:00".to_owned(),
            clock: "region".to_owned(),
            time_zone: "Asia/Almaty".to_owned(),
        }),
        holdout_percent: Some(5),
    };
    draft.onto(None).unwrap()
}

/// An event of any of promo's streams: all payloads stand in one folder.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a test's list of a few dozen")]
enum Any {
    Campaign(campaign::Event),
    Budget(budget::Event),
    Offer(offer::Event),
    Redemption(redemption::Event),
    Order(order::Event),
    Ledger(ledger::Event),
    Feed(catalogue::Event),
    Click(click::Event),
}

impl DomainEvent for Any {
    fn encode(&self) -> Plain {
        match self {
            Self::Campaign(event) => event.encode(),
            Self::Budget(event) => event.encode(),
            Self::Offer(event) => event.encode(),
            Self::Redemption(event) => event.encode(),
            Self::Order(event) => event.encode(),
            Self::Ledger(event) => event.encode(),
            Self::Feed(event) => event.encode(),
            Self::Click(event) => event.encode(),
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        campaign::Event::decode(plain)
            .map(Self::Campaign)
            .or_else(|_| budget::Event::decode(plain).map(Self::Budget))
            .or_else(|_| offer::Event::decode(plain).map(Self::Offer))
            .or_else(|_| redemption::Event::decode(plain).map(Self::Redemption))
            .or_else(|_| order::Event::decode(plain).map(Self::Order))
            .or_else(|_| ledger::Event::decode(plain).map(Self::Ledger))
            .or_else(|_| catalogue::Event::decode(plain).map(Self::Feed))
            .or_else(|_| click::Event::decode(plain).map(Self::Click))
    }
}

fn of<E: Clone>(any: fn(E) -> Any, events: &[(&'static str, E)]) -> Vec<(&'static str, Any)> {
    events.iter().map(|(case, event)| (*case, any(event.clone()))).collect()
}

#[test]
fn golden_events_are_read_as_they_were_written() {
    let mut today = campaigns();
    for more in [budgets(), ledgers(), offers(), redemptions(), orders(), feeds(), clicks()] {
        today.extend(more);
    }
    check("stadion.promo.v1", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden"), &today);
}

fn campaigns() -> Vec<(&'static str, Any)> {
    use campaign::Event;
    let (campaign, by) = (id("campaign"), account());
    let wave =
        Wave { region: "KZ-75".to_owned(), time_zone: "Asia/Almaty".to_owned(), starts: at(), ends: at() };
    let everyone = terms::Terms { eligibility: eligibility::Rule::everyone(), ..terms() };
    let reason = Some("dear".to_owned());
    of(
        Any::Campaign,
        &[
            ("first", Event::Drafted { campaign, author: by, terms: terms() }),
            ("everyone", Event::Edited { campaign, editor: by, terms: everyone }),
            ("first", Event::Submitted { campaign, by, revision: "sha256:1".to_owned() }),
            ("first", Event::Approved { campaign, by, revision: "sha256:1".to_owned(), at: at() }),
            ("changes", Event::Rejected { campaign, by, reason, changes_requested: true }),
            ("erased", Event::Rejected { campaign, by, reason: None, changes_requested: false }),
            ("first", Event::Scheduled { campaign, by, waves: vec![wave] }),
            ("first", Event::Started { campaign }),
            ("first", Event::Paused { campaign, by }),
            ("first", Event::Resumed { campaign, by }),
            ("first", Event::Drained { campaign }),
            ("first", Event::Ended { campaign }),
            ("first", Event::Stopped { campaign, by, reason: None }),
        ],
    )
}

fn budgets() -> Vec<(&'static str, Any)> {
    use budget::Event;
    let (campaign, redemption) = (id("campaign"), id("redemption"));
    let limits = budget::Limits {
        currency: Currency::parse("KZT").unwrap(),
        limit_minor: 5_000,
        per_day_minor: None,
        per_account_minor: Some(7),
    };
    let day = "2026-05-02".to_owned();
    of(
        Any::Budget,
        &[
            ("first", Event::Opened { campaign, limits }),
            ("first", Event::Suspended { campaign }),
            ("first", Event::Resumed { campaign }),
            ("first", Event::Closed { campaign }),
            ("first", Event::Reserved { campaign, redemption, account: account(), day, amount_minor: 500 }),
            ("first", Event::Confirmed { campaign, redemption }),
            ("first", Event::Released { campaign, redemption }),
            ("first", Event::Returned { campaign, redemption, amount_minor: 5 }),
        ],
    )
}

fn ledgers() -> Vec<(&'static str, Any)> {
    use ledger::Event;
    let campaign = id("campaign");
    let transfer = ledger::Transfer {
        id: id("transfer"),
        campaign,
        redemption: id("redemption"),
        debit: ledger::DISCOUNTS.to_owned(),
        credit: ledger::PAYABLE.to_owned(),
        amount: tenge(500),
    };
    let named = transfer.id;
    of(
        Any::Ledger,
        &[
            ("first", Event::Pended(transfer.clone())),
            ("first", Event::Posted { campaign, transfer: named }),
            ("first", Event::Voided { campaign, transfer: named }),
            ("first", Event::Made(transfer)),
        ],
    )
}

fn offers() -> Vec<(&'static str, Any)> {
    use offer::Event;
    let (campaign, offer, redemption) = (id("campaign"), id("offer"), id("redemption"));
    let grant = offer::Grant {
        offer,
        campaign,
        account: account(),
        partner: id("partner"),
        terms: terms().offer,
        code_lookup: vec![1, 2, 3],
        valid_until: at(),
        achievement: Some(id::<()>("achievement").uuid()),
        badge: Some("first_run".to_owned()),
        region: Some("KZ-75".to_owned()),
    };
    let erased = offer::Grant { badge: None, region: None, ..grant.clone() };
    of(
        Any::Offer,
        &[
            ("first", Event::Granted(Box::new(grant))),
            ("erased", Event::Granted(Box::new(erased))),
            ("first", Event::Withheld { offer, campaign, account: account() }),
            ("first", Event::Reserved { offer, redemption }),
            ("first", Event::Released { offer, redemption }),
            ("first", Event::Redeemed { offer, redemption }),
            ("first", Event::Expired { offer }),
        ],
    )
}

fn redemptions() -> Vec<(&'static str, Any)> {
    use redemption::Event;
    let redemption = id("redemption");
    let basis = Box::new(redemption::Basis {
        redemption,
        offer: id("offer"),
        campaign: id("campaign"),
        account: account(),
        partner: id("partner"),
        order_ref: "A-1".to_owned(),
        amount: tenge(5_000),
        discount: tenge(500),
    });
    let late = "reservation_expired".to_owned();
    of(
        Any::Redemption,
        &[
            ("first", Event::Reserved { basis: basis.clone(), expires: at() }),
            ("first", Event::Confirmed { redemption }),
            ("first", Event::Released { redemption, cause: "cancelled_by_holder".to_owned() }),
            ("first", Event::Expired { redemption }),
            ("part", Event::Reversed { redemption, amount_minor: 5, whole: false }),
            ("first", Event::NeedsReconciliation { basis, cause: late }),
        ],
    )
}

fn orders() -> Vec<(&'static str, Any)> {
    use order::Event;
    let (partner, redemption, offer) = (id("partner"), id("redemption"), id("offer"));
    let order_ref = || "A-1".to_owned();
    let recorded = order::Recorded {
        partner,
        order_ref: order_ref(),
        status: order::Status::Placed,
        amount: tenge(5_000),
        items: vec![order::Item { product_id: "shoe-1".to_owned(), quantity: 1, amount: Some(tenge(5_000)) }],
        attribution: Some(order::Attribution::Click),
        redemption: Some(redemption),
        click: Some(id("click")),
        at: at(),
    };
    let (status, refunded_minor) = (order::Status::Refunded, Some(5));
    let (amount, before, now) = (tenge(5_000), tenge(5), tenge(6));
    of(
        Any::Order,
        &[
            ("first", Event::Reserved { partner, order_ref: order_ref(), offer, redemption, amount }),
            ("first", Event::ReservationDropped { partner, order_ref: order_ref(), redemption }),
            ("first", Event::Recorded(Box::new(recorded))),
            ("refund", Event::Advanced { partner, order_ref: order_ref(), status, refunded_minor, at: at() }),
            ("first", Event::Mismatched { partner, order_ref: order_ref(), status, before, now }),
        ],
    )
}

fn feeds() -> Vec<(&'static str, Any)> {
    use catalogue::Event;
    let product = catalogue::Product {
        feed_product: "shoe-1".to_owned(),
        title: "Shoe".to_owned(),
        description: "Light".to_owned(),
        brand: "Ala".to_owned(),
        product_type: "Shoes".to_owned(),
        price: tenge(5_000),
        sale_price: Some(tenge(4_000)),
        availability: catalogue::Availability::InStock,
        image: "https://shop.example/1.jpg".to_owned(),
        link: "https://shop.example/1".to_owned(),
    };
    let (feed, partner, name) = (id("feed"), id("partner"), "main".to_owned());
    of(
        Any::Feed,
        &[
            ("first", Event::Listed { feed, partner, name: name.clone(), products: vec![product] }),
            ("first", Event::Withdrawn { feed, partner, products: vec![id("product")] }),
            ("first", Event::Imported { feed, partner, name, products: 1, rejected: 2 }),
        ],
    )
}

fn clicks() -> Vec<(&'static str, Any)> {
    let click = click::Event {
        click: id("click"),
        account: account(),
        product: id("product"),
        partner: id("partner"),
        offer: Some(id("offer")),
        campaign: None,
        expires: at(),
        region: Some("KZ-75".to_owned()),
    };
    of(Any::Click, &[("first", click)])
}
