//! What was written once is read for ever.

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

fn folder(of: &str) -> String {
    format!("{}/tests/golden/{of}", env!("CARGO_MANIFEST_DIR"))
}

const PACKAGE: &str = "stadion.promo.v1";

#[test]
fn golden_campaigns_are_read_as_they_were_written() {
    use campaign::Event;
    let (campaign, by) = (id("campaign"), account());
    let wave =
        Wave { region: "KZ-75".to_owned(), time_zone: "Asia/Almaty".to_owned(), starts: at(), ends: at() };
    let everyone = terms::Terms { eligibility: promo::domain::rule::Rule::everyone(), ..terms() };
    check(
        PACKAGE,
        &folder("campaign"),
        &[
            ("first", Event::Drafted { campaign, author: by, terms: terms() }),
            ("everyone", Event::Edited { campaign, editor: by, terms: everyone }),
            ("first", Event::Submitted { campaign, by, revision: "sha256:1".to_owned() }),
            ("first", Event::Approved { campaign, by, revision: "sha256:1".to_owned(), at: at() }),
            (
                "changes",
                Event::Rejected { campaign, by, reason: Some("dear".to_owned()), changes_requested: true },
            ),
            ("erased", Event::Rejected { campaign, by, reason: None, changes_requested: false }),
            ("first", Event::Scheduled { campaign, by, waves: vec![wave] }),
            ("first", Event::Started { campaign }),
            ("first", Event::Paused { campaign, by }),
            ("first", Event::Resumed { campaign, by }),
            ("first", Event::Drained { campaign }),
            ("first", Event::Ended { campaign }),
            ("first", Event::Stopped { campaign, by, reason: None }),
        ],
    );
}

#[test]
fn golden_budgets_and_ledgers_are_read_as_they_were_written() {
    let (campaign, redemption) = (id("campaign"), id("redemption"));
    let limits = budget::Limits {
        currency: Currency::parse("KZT").unwrap(),
        limit_minor: 5_000,
        per_day_minor: None,
        per_account_minor: Some(7),
    };
    use budget::Event;
    let day = "2026-05-02".to_owned();
    check(
        PACKAGE,
        &folder("budget"),
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
    );
    let transfer = ledger::Transfer {
        id: id("transfer"),
        campaign,
        redemption,
        debit: ledger::DISCOUNTS.to_owned(),
        credit: ledger::PAYABLE.to_owned(),
        amount: tenge(500),
    };
    check(
        PACKAGE,
        &folder("ledger"),
        &[
            ("first", ledger::Event::Pended(transfer.clone())),
            ("first", ledger::Event::Posted { campaign, transfer: transfer.id }),
            ("first", ledger::Event::Voided { campaign, transfer: transfer.id }),
            ("first", ledger::Event::Made(transfer)),
        ],
    );
}

#[test]
fn golden_offers_and_redemptions_are_read_as_they_were_written() {
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
    check(
        PACKAGE,
        &folder("offer"),
        &[
            ("first", offer::Event::Granted(Box::new(grant))),
            ("erased", offer::Event::Granted(Box::new(erased))),
            ("first", offer::Event::Withheld { offer, campaign, account: account() }),
            ("first", offer::Event::Reserved { offer, redemption }),
            ("first", offer::Event::Released { offer, redemption }),
            ("first", offer::Event::Redeemed { offer, redemption }),
            ("first", offer::Event::Expired { offer }),
        ],
    );
    let basis = Box::new(redemption::Basis {
        redemption,
        offer,
        campaign,
        account: account(),
        partner: id("partner"),
        order_ref: "A-1".to_owned(),
        amount: tenge(5_000),
        discount: tenge(500),
    });
    use redemption::Event;
    check(
        PACKAGE,
        &folder("redemption"),
        &[
            ("first", Event::Reserved { basis: basis.clone(), expires: at() }),
            ("first", Event::Confirmed { redemption }),
            ("first", Event::Released { redemption, cause: "cancelled_by_holder".to_owned() }),
            ("first", Event::Expired { redemption }),
            ("part", Event::Reversed { redemption, amount_minor: 5, whole: false }),
            ("first", Event::NeedsReconciliation { basis, cause: "reservation_expired".to_owned() }),
        ],
    );
}

#[test]
fn golden_orders_feeds_and_clicks_are_read_as_they_were_written() {
    use order::Event;
    let (partner, order_ref, redemption) = (id("partner"), "A-1".to_owned(), id("redemption"));
    let recorded = order::Recorded {
        partner,
        order_ref: order_ref.clone(),
        status: order::Status::Placed,
        amount: tenge(5_000),
        items: vec![order::Item { product_id: "shoe-1".to_owned(), quantity: 1, amount: Some(tenge(5_000)) }],
        attribution: Some(order::Attribution::Click),
        redemption: Some(redemption),
        click: Some(id("click")),
        at: at(),
    };
    let status = order::Status::Refunded;
    check(
        PACKAGE,
        &folder("order"),
        &[
            (
                "first",
                Event::Reserved {
                    partner,
                    order_ref: order_ref.clone(),
                    offer: id("offer"),
                    redemption,
                    amount: tenge(5_000),
                },
            ),
            ("first", Event::ReservationDropped { partner, order_ref: order_ref.clone(), redemption }),
            ("first", Event::Recorded(Box::new(recorded))),
            (
                "refund",
                Event::Advanced {
                    partner,
                    order_ref: order_ref.clone(),
                    status,
                    refunded_minor: Some(5),
                    at: at(),
                },
            ),
            ("first", Event::Mismatched { partner, order_ref, status, before: tenge(5), now: tenge(6) }),
        ],
    );
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
    let (feed, name) = (id("feed"), "main".to_owned());
    check(
        PACKAGE,
        &folder("feed"),
        &[
            (
                "first",
                catalogue::Event::Listed { feed, partner, name: name.clone(), products: vec![product] },
            ),
            ("first", catalogue::Event::Withdrawn { feed, partner, products: vec![id("product")] }),
            ("first", catalogue::Event::Imported { feed, partner, name, products: 1, rejected: 2 }),
        ],
    );
    let click = click::Event {
        click: id("click"),
        account: account(),
        product: id("product"),
        partner,
        offer: Some(id("offer")),
        campaign: None,
        expires: at(),
        region: Some("KZ-75".to_owned()),
    };
    check(PACKAGE, &folder("click"), &[("first", click)]);
}
