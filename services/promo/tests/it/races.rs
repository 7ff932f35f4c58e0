//! Two readers of one store at once, as in two processes on PostgreSQL: whoever is erased stays so, whichever reader is
//! first.

use std::sync::Arc;

use eventing::{Db, Failure, Incoming, Plain, Projection, StreamId, args};
use kernel::{AccountId, Id};
use promo::{
    consumers::{own_journal::OwnJournal, people::People},
    metrics::Told,
};
use proto::{auth, promo as p};
use testkit::{
    fleet::{Fleet, Ground},
    overlap::{applying, heard, overlapping},
};

use crate::world::{bytes_of, tenge};

const ROUNDS: usize = 100;

/// Promo's readers, run by hand.
struct Shop<'a> {
    db: Db,
    own: Arc<dyn Projection>,
    people: Arc<dyn Projection>,
    fleet: Fleet<'a>,
}

impl<'a> Shop<'a> {
    async fn on(ground: &'a Ground) -> Self {
        let fleet = ground.fleet(&["promo"]).await;
        let resources = fleet.resources("promo").await;
        promo::MIGRATIONS.apply(&resources.db).await.unwrap();
        let own = Arc::new(OwnJournal::new(Told::register(&resources.metrics)));
        Self { db: resources.db, own, people: Arc::new(People), fleet }
    }

    async fn applied(
        &self,
        projection: &Arc<dyn Projection>,
        events: impl AsRef<[Incoming]>,
    ) -> Result<(), Failure> {
        let work = applying(projection, events.as_ref());
        self.db.transact(move |tx| work(tx)).await
    }

    /// Rows that bear the account's name, and rows of the offer, whoever's.
    async fn rows(&self, account: AccountId, nth: i64) -> (i64, i64) {
        let sql = "SELECT (SELECT COUNT(*) FROM promo_offer WHERE account = $1 OR (id = $2 AND code_lookup <> ''))
             + (SELECT COUNT(*) FROM promo_redemption WHERE account = $1)
             + (SELECT COUNT(*) FROM promo_click WHERE account = $1),
             (SELECT COUNT(*) FROM promo_offer WHERE id = $2) + (SELECT COUNT(*) FROM promo_redemption WHERE id = $3)
             + (SELECT COUNT(*) FROM promo_click WHERE click = $4)";
        let ids = args![
            account,
            id("offer", account, nth),
            id("redemption", account, nth),
            id("click", account, nth)
        ];
        let row = self.db.fetch_one(sql, ids).await.unwrap().unwrap();
        (row.get(0).unwrap(), row.get(1).unwrap())
    }
}

fn id(what: &str, account: AccountId, nth: i64) -> Id<()> {
    Id::derived(&[what.as_bytes(), account.as_bytes(), &nth.to_be_bytes()])
}

fn at(stream: StreamId, account: AccountId, nth: i64, event: &impl prost::Name) -> Incoming {
    heard("promo", stream, &account.to_string(), (nth, 1), Plain::of(event))
}

fn granted(account: AccountId, nth: i64) -> Incoming {
    let offer = id("offer", account, nth);
    let terms = p::OfferTerms {
        kind: "percent_off".to_owned(),
        percent: Some(10),
        valid_days: 14,
        ..Default::default()
    };
    let event = p::OfferGranted {
        offer_id: bytes_of(offer),
        campaign_id: bytes_of(id("campaign", account, 0)),
        account_id: bytes_of(account),
        partner_id: bytes_of(id("partner", account, 0)),
        terms: Some(terms),
        code_lookup: bytes::Bytes::from_static(b"lookup"),
        ..Default::default()
    };
    at(StreamId::of("offer", offer), account, nth, &event)
}

fn redeems(account: AccountId, nth: i64) -> Incoming {
    let offer = id("offer", account, nth);
    let event = p::OfferRedeemed {
        offer_id: bytes_of(offer),
        redemption_id: bytes_of(id("redemption", account, nth)),
    };
    at(StreamId::of("offer", offer), account, nth, &event)
}

fn reserved(account: AccountId, nth: i64) -> Incoming {
    let redemption = id("redemption", account, nth);
    let event = p::RedemptionReserved {
        redemption_id: bytes_of(redemption),
        offer_id: bytes_of(id("offer", account, nth)),
        campaign_id: bytes_of(id("campaign", account, 0)),
        account_id: bytes_of(account),
        partner_id: bytes_of(id("partner", account, 0)),
        order_id: "A-1".to_owned(),
        amount: tenge(5_000),
        discount: tenge(500),
        expires_at_us: 1,
    };
    at(StreamId::of("redemption", redemption), account, nth, &event)
}

fn clicked(account: AccountId, nth: i64) -> Incoming {
    let click = id("click", account, nth);
    let event = p::ClickRecorded {
        click_id: bytes_of(click),
        account_id: bytes_of(account),
        product_id: bytes_of(id("product", account, 0)),
        partner_id: bytes_of(id("partner", account, 0)),
        ..Default::default()
    };
    at(StreamId::of("click", click), account, nth, &event)
}

fn erased(account: AccountId) -> Incoming {
    let event = auth::AccountErased { account_id: bytes_of(account) };
    heard("auth", StreamId::of("account", account), &account.to_string(), (9, 9), Plain::of(&event))
}

#[tokio::test]
async fn an_erased_account_is_on_no_row_whichever_reader_is_first() {
    let Some(ground) = Ground::postgres("readers of one account at once") else { return };
    let shop = Shop::on(&ground).await;
    for what in [granted, reserved, clicked] {
        for erasure_first in [true, false] {
            let account = AccountId::random();
            let erasure = (&shop.people, vec![erased(account)]);
            let row = (&shop.own, vec![what(account, 1)]);
            let (first, second) = if erasure_first { (erasure, row) } else { (row, erasure) };
            let (one, other) =
                overlapping(&shop.db, applying(first.0, &first.1), shop.applied(second.0, &second.1)).await;
            one.unwrap();
            other.unwrap();
            assert_eq!(shop.rows(account, 1).await, (0, 1), "erasure first: {erasure_first}");
        }
    }
    let Shop { fleet, .. } = shop;
    fleet.stop().await;
}

/// What is heard of an account long after it was erased is counted, and is nobody's.
#[tokio::test]
async fn readers_of_few_accounts_never_wait_in_a_circle() {
    let Some(ground) = Ground::postgres("readers of few accounts at once") else { return };
    let shop = Shop::on(&ground).await;
    for round in 0..ROUNDS {
        let accounts = [AccountId::random(), AccountId::random()];
        let rows: Vec<Incoming> = accounts
            .iter()
            .flat_map(|account| [1, 2].map(|nth| [granted(*account, nth), reserved(*account, nth)]))
            .flatten()
            .collect();
        shop.applied(&shop.own, &rows).await.unwrap();
        let later: Vec<Incoming> = accounts
            .iter()
            .rev()
            .flat_map(|account| [redeems(*account, 2), redeems(*account, 1), clicked(*account, 1)])
            .collect();
        let (one, other) =
            tokio::join!(shop.applied(&shop.own, &later), shop.applied(&shop.people, accounts.map(erased)),);
        one.unwrap_or_else(|error| panic!("round {round}: {error}"));
        other.unwrap_or_else(|error| panic!("round {round}: {error}"));
        for account in accounts {
            assert_eq!(shop.rows(account, 1).await, (0, 3));
        }
    }
    let Shop { fleet, .. } = shop;
    fleet.stop().await;
}
