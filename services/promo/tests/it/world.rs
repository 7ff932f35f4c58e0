//! A town with a shop, two marketers and athletes.

use std::future::Future;

use bytes::Bytes;
use eventing::{Journal, StreamId, command::Key};
use kernel::{AccountId, Code, Id};
use platform::{
    Module, Resources,
    actor::Actor,
    context::{Ambient, acting_for},
    transport::Transport,
};
use proto::{
    auth, gamification,
    promo::{self as p, promo_client::PromoClient},
};
use testkit::fleet::{Fleet, Ground, eventually, tell};
use tonic::{Request, Response, Status, service::Routes};

use crate::siblings::{self, Known};

pub(crate) const REGION: &str = "KZ-75";
pub(crate) const BADGE: &str = "first_run";

pub(crate) struct World<'a> {
    pub(crate) fleet: Fleet<'a>,
    pub(crate) known: Known,
    gamification: Journal,
    auth: Journal,
    pub(crate) partner: Id<platform::actor::Partner>,
}

pub(crate) fn bytes_of<Kind>(id: Id<Kind>) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}

pub(crate) fn id_of<Kind>(bytes: &[u8]) -> Id<Kind> {
    Id::new(uuid::Uuid::from_slice(bytes).unwrap())
}

pub(crate) fn tenge(amount_minor: i64) -> Option<p::Money> {
    Some(p::Money { amount_minor, currency: "KZT".to_owned() })
}

/// The code of a refused call.
pub(crate) fn code<T: std::fmt::Debug>(answer: Result<Response<T>, Status>) -> Code {
    platform::refusal(&answer.unwrap_err()).code
}

impl<'a> World<'a> {
    pub(crate) async fn on(ground: &'a Ground) -> Self {
        Self::knowing(ground, Known::default()).await
    }

    /// Another process of the same installation.
    pub(crate) async fn again(self, ground: &'a Ground) -> Self {
        let known = self.known.clone();
        self.fleet.stop().await;
        Self::knowing(ground, known).await
    }

    async fn knowing(ground: &'a Ground, known: Known) -> Self {
        let fleet = ground.fleet(&["auth", "gamification", "social", "promo"]).await;
        let auth = sibling(&fleet, "auth", siblings::auth(&known)).await;
        let gamification = sibling(&fleet, "gamification", siblings::gamification(&known)).await;
        sibling(&fleet, "social", siblings::social(&known)).await;
        let resources: Resources = fleet.resources("promo").await;
        promo::MIGRATIONS.apply(&resources.db).await.unwrap();
        fleet.serve(promo::module(resources, promo::Config::default()).await.unwrap());
        let partner = Id::derived(&[b"the shop"]);
        Self { fleet, known, gamification, auth, partner }
    }

    pub(crate) fn promo(&self) -> PromoClient<Transport> {
        self.fleet.peers("gateway").promo()
    }

    pub(crate) async fn shop(&self) -> Id<platform::actor::Partner> {
        let regions = vec![REGION.to_owned()];
        let (name, key_id) = ("Shop".to_owned(), "pk_1".to_owned());
        self.known.partner(auth::Partner {
            partner_id: bytes_of(self.partner),
            name: name.clone(),
            regions: regions.clone(),
            key_id: key_id.clone(),
            created_us: 0,
        });
        let created = auth::PartnerCreated {
            partner_id: bytes_of(self.partner),
            name,
            regions,
            key_id,
            created_by: "service:test".to_owned(),
            created_us: 0,
        };
        tell(&self.auth, &StreamId::of("partner", self.partner), &self.partner.to_string(), &created).await;
        self.partner
    }

    pub(crate) fn staff(&self, role: &str, regions: &[&str]) -> AccountId {
        let account = AccountId::random();
        let regions = regions.iter().map(|&region| region.to_owned()).collect();
        self.known.person(auth::AccountStanding {
            account_id: bytes_of(account),
            known: true,
            roles: vec![auth::Role { role: role.to_owned(), regions }],
            ..Default::default()
        });
        account
    }

    /// Somebody of the region who agreed to offers and recommendations.
    pub(crate) fn athlete(&self) -> AccountId {
        let account = AccountId::random();
        self.known.person(Self::standing(account));
        account
    }

    pub(crate) fn standing(account: AccountId) -> auth::AccountStanding {
        auth::AccountStanding {
            account_id: bytes_of(account),
            known: true,
            country: Some("KZ".to_owned()),
            region: Some(REGION.to_owned()),
            time_zone: "Asia/Almaty".to_owned(),
            locale: "kk".to_owned(),
            birth_year: Some(1990),
            consents: ["terms", "promo", "recommendations"].map(str::to_owned).to_vec(),
            ..Default::default()
        }
    }

    /// What gamification would say when a run was counted.
    pub(crate) async fn unlocks(&self, account: AccountId, badge: &str) {
        self.known.earned(gamification::AccountFacts {
            account_id: bytes_of(account),
            level: 2,
            badges: vec![badge.to_owned()],
            last_activity_us: Some(self.fleet.clock_us()),
            sports: vec![gamification::SportFacts {
                sport: "running".to_owned(),
                activities: 1,
                last_activity_us: self.fleet.clock_us(),
            }],
        });
        let unlocked = gamification::BadgeUnlocked {
            achievement_id: bytes_of(Id::<()>::derived(&[account.as_bytes(), badge.as_bytes()])),
            account_id: bytes_of(account),
            badge: badge.to_owned(),
            ..Default::default()
        };
        let stream = StreamId::of("progress", account);
        tell(&self.gamification, &stream, &account.to_string(), &unlocked).await;
    }

    /// What gamification would say when a challenge was settled that gave this badge.
    pub(crate) async fn wins(&self, account: AccountId, badge: &str, challenge: &str) {
        self.known.earned(gamification::AccountFacts {
            account_id: bytes_of(account),
            level: 2,
            badges: vec![badge.to_owned()],
            ..Default::default()
        });
        let id = |parts: &[&[u8]]| bytes_of(Id::<()>::derived(parts));
        let won = gamification::RewardBadgeGiven {
            achievement_id: id(&[account.as_bytes(), badge.as_bytes(), challenge.as_bytes()]),
            account_id: bytes_of(account),
            badge: badge.to_owned(),
            challenge_id: id(&[challenge.as_bytes()]),
            rank: 1,
            ..Default::default()
        };
        let stream = StreamId::of("progress", account);
        tell(&self.gamification, &stream, &account.to_string(), &won).await;
    }

    /// A campaign that one marketer wrote, another approved, and that runs now.
    pub(crate) async fn running(&self, draft: p::Draft) -> p::Campaign {
        let (author, approver) = (self.staff("marketer", &[REGION]), self.staff("marketer", &[REGION]));
        let created =
            self.promo().create_promo(by(author, p::CreatePromoRequest { draft: Some(draft) })).await;
        let created = created.unwrap().into_inner();
        let action = || p::PromoActionRequest { promo_id: created.id.clone() };
        self.promo().submit_promo(by(author, action())).await.unwrap();
        let approve =
            p::ApprovePromoRequest { promo_id: created.id.clone(), revision: created.revision.clone() };
        self.promo().approve_promo(by(approver, approve)).await.unwrap();
        self.promo().schedule_promo(by(author, action())).await.unwrap().into_inner()
    }

    /// A running campaign's offer in the hands of an athlete.
    pub(crate) async fn granted(&self, account: AccountId) -> p::Offer {
        self.unlocks(account, BADGE).await;
        let offers = || async { self.offers(account).await };
        eventually("granted", offers, |offers| !offers.is_empty()).await.remove(0)
    }

    pub(crate) async fn offers(&self, account: AccountId) -> Vec<p::Offer> {
        let answer = self.promo().list_offers(by(account, p::ListOffersRequest::default())).await;
        answer.unwrap().into_inner().items
    }

    pub(crate) async fn reserve(
        &self,
        account: AccountId,
        offer: &p::Offer,
        order_ref: &str,
        amount_minor: i64,
    ) -> Result<Response<p::Reservation>, Status> {
        let request = p::ReserveRequest {
            offer_id: offer.id.clone(),
            order_ref: order_ref.to_owned(),
            amount: tenge(amount_minor),
        };
        self.promo().reserve(by(account, request)).await
    }

    pub(crate) async fn order(
        &self,
        order_id: &str,
        status: &str,
        amount_minor: i64,
    ) -> Result<Response<p::Order>, Status> {
        self.order_with(p::RecordOrderRequest {
            order_id: order_id.to_owned(),
            status: status.to_owned(),
            amount: tenge(amount_minor),
            ..Default::default()
        })
        .await
    }

    pub(crate) async fn order_with(
        &self,
        request: p::RecordOrderRequest,
    ) -> Result<Response<p::Order>, Status> {
        let actor = Actor::Partner { partner_id: self.partner };
        self.promo().record_order(acting_for(actor, request)).await
    }

    pub(crate) async fn put_feed(&self, feed: &str) -> Result<Response<p::PutFeedResponse>, Status> {
        let request = p::PutFeedRequest {
            feed: "main".to_owned(),
            content_type: "application/xml".to_owned(),
            body: Bytes::copy_from_slice(feed.as_bytes()),
        };
        self.promo().put_feed(acting_for(Actor::Partner { partner_id: self.partner }, request)).await
    }

    pub(crate) async fn live(&self, promo_id: &Bytes) -> p::Live {
        let operator = self.staff("operator", &[]);
        let request = p::GetPromoRequest { promo_id: promo_id.clone() };
        self.promo().get_live(by(operator, request)).await.unwrap().into_inner()
    }
}

/// A service that only answers what promo asks; its journal is written by the tests.
async fn sibling(fleet: &Fleet<'_>, name: &'static str, routes: Routes) -> Journal {
    let resources = fleet.resources(name).await;
    let (journal, spine) = (resources.journal.clone(), resources.spine());
    fleet.serve(Module::new(name, &[], routes).spine(&journal, spine));
    journal
}

pub(crate) trait ClockUs {
    fn clock_us(&self) -> i64;
}

impl ClockUs for Fleet<'_> {
    fn clock_us(&self) -> i64 {
        kernel::time::micros(kernel::Clock::now(&*self.clock))
    }
}

pub(crate) fn by<T>(account: AccountId, message: T) -> Request<T> {
    acting_for(Actor::Account { account_id: account, session_id: Id::random(), scopes: Vec::new() }, message)
}

/// The same call under an idempotency key.
pub(crate) async fn keyed<F: Future>(key: &str, hash: &'static [u8], call: F) -> F::Output {
    let idempotency = Some(Key { key: key.to_owned(), request_hash: Bytes::from_static(hash) });
    Ambient { idempotency, ..Ambient::new() }.scope(call).await
}

pub(crate) fn draft(limit_minor: i64) -> p::Draft {
    p::Draft {
        name: vec![
            p::Text { locale: "en".to_owned(), text: "Run for shoes".to_owned() },
            p::Text { locale: "kk".to_owned(), text: "Аяқ киім үшін жүгір".to_owned() },
        ],
        partner_id: Some(bytes_of(Id::<()>::derived(&[b"the shop"]))),
        regions: vec![REGION.to_owned()],
        trigger: Some(p::Trigger { badge_unlocked: BADGE.to_owned() }),
        eligibility_json: Some(format!(r#"{{"all":[{{"region_in":["{REGION}"]}},{{"level_at_least":2}}]}}"#)),
        offer: Some(p::OfferTerms {
            kind: "percent_off".to_owned(),
            percent: Some(10),
            product_ids: vec!["shoe-1".to_owned()],
            valid_days: 14,
            ..Default::default()
        }),
        budget: Some(p::Budget { limit: tenge(limit_minor), ..Default::default() }),
        schedule: Some(p::Schedule {
            start: "2026-05-01T09:00:00".to_owned(),
            end: "2026-07-01T00:00:00".to_owned(),
            clock: "region".to_owned(),
            time_zone: String::new(),
        }),
        holdout_percent: None,
    }
}

pub(crate) const FEED: &str = r#"<?xml version="1.0"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title>
<item><g:id>shoe-1</g:id><title>Running shoe</title><link>https://shop.example/shoe</link><g:price>19990.00 KZT</g:price></item>
<item><g:id>pot-1</g:id><title>Teapot</title><link>https://shop.example/pot</link><g:price>990.00 KZT</g:price></item>
<item><g:id>bad-1</g:id><title>Bad</title><link>javascript:x</link><g:price>1.00 KZT</g:price></item>
</channel></rss>"#;
