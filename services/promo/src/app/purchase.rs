//! Reserve, cancel, expire: one decision and one append over budget, offer, redemption, order and ledger.

use eligibility::Rule;
use eventing::{Batch, Command, Done, Error, Loaded, Timer, store::DueTimer};
use jiff::{SignedDuration, Timestamp};
use kernel::{AccountId, Code, Money, Refusal, time::micros};

use super::{App, books::Book, campaign_stream, offer_stream, people, redemption_stream};
use crate::domain::{
    campaign::Campaign,
    ids::{self, CampaignId, OfferId, OrderId, PartnerId, RedemptionId},
    offer::{Grant, Offer},
    order::Order,
    purchase::{self, Desk, Moves, Wish},
    redemption::{self, Redemption},
    schedule::day_in,
    terms::Terms,
};

/// The streams of one purchase.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    pub campaign: CampaignId,
    pub offer: OfferId,
    pub redemption: RedemptionId,
    pub order: OrderId,
    pub account: AccountId,
}

impl Names {
    pub fn of(grant: &Grant, partner: PartnerId, order_ref: &str) -> Self {
        Self {
            campaign: grant.campaign,
            offer: grant.offer,
            redemption: ids::redemption_of(partner, order_ref, grant.offer),
            order: ids::order_of(partner, order_ref),
            account: grant.account,
        }
    }
}

/// A decided purchase: the states after it. `done` is absent when nothing moved.
#[derive(Clone, Debug)]
pub struct Decided {
    pub done: Option<Done>,
    pub redemption: Redemption,
    pub order: Order,
}

struct Parts {
    offer: Loaded<Offer>,
    redemption: Loaded<Redemption>,
    order: Loaded<Order>,
}

/// How often a purchase is decided anew because a stream moved. The book is held alone, so conflicts are rare.
const ATTEMPTS: usize = 16;

/// Holds the campaign's book, decides, appends. A refusal that comes with moves is answered after they are written.
pub async fn decide<F>(
    app: &App,
    command: &Command,
    names: &Names,
    status: u32,
    decide: F,
) -> Result<Decided, Error>
where
    F: Fn(Desk<'_>, Timestamp) -> Result<Moves, Refusal> + Send + Sync,
{
    let mut held = app.books.hold(names.campaign).await;
    for _ in 0..ATTEMPTS {
        let book = held.take(&app.journal, names.campaign).await?;
        let parts = Parts::load(app, names).await?;
        let moves = match decide(parts.desk(&book), app.now()) {
            Ok(moves) => moves,
            Err(refusal) => {
                held.put(book);
                return Err(refusal.into());
            }
        };
        if moves.is_empty() {
            held.put(book);
            return match moves.refusal {
                Some(refusal) => Err(refusal.into()),
                None => Ok(parts.after(&moves, None)),
            };
        }
        match append(app, command, names, &book, &parts, &moves, status).await {
            Err(Error::Conflict) => {}
            Err(error) => return Err(error),
            Ok(done) => {
                if !done.replayed {
                    held.put(advanced(book, &moves));
                }
                return match &moves.refusal {
                    Some(refusal) => Err(refusal.clone().into()),
                    None => Ok(parts.after(&moves, Some(done))),
                };
            }
        }
    }
    Err(Error::Conflict)
}

impl Parts {
    async fn load(app: &App, names: &Names) -> Result<Self, Error> {
        Ok(Self {
            offer: app.journal.load(&offer_stream(names.offer)).await?,
            redemption: app.journal.load(&redemption_stream(names.redemption)).await?,
            order: app.journal.load(&order_stream(names.order)).await?,
        })
    }

    fn desk<'a>(&'a self, book: &'a Book) -> Desk<'a> {
        Desk {
            budget: &book.budget.state,
            ledger: &book.ledger.state,
            offer: &self.offer.state,
            redemption: &self.redemption.state,
            order: &self.order.state,
        }
    }

    fn after(&self, moves: &Moves, done: Option<Done>) -> Decided {
        let (mut redemption, mut order) = (self.redemption.state.clone(), self.order.state.clone());
        moves.redemption.iter().for_each(|event| redemption.evolve(event));
        moves.order.iter().for_each(|event| order.evolve(event));
        Decided { done, redemption, order }
    }
}

pub fn order_stream(id: OrderId) -> eventing::StreamId {
    eventing::StreamId::of("order", id)
}

/// The book after its own append: what the next spender starts from.
fn advanced(mut book: Book, moves: &Moves) -> Book {
    moves.budget.iter().for_each(|event| book.budget.state.evolve(event));
    moves.ledger.iter().for_each(|event| book.ledger.state.evolve(event));
    book.budget.version += i64::try_from(moves.budget.len()).unwrap_or(0);
    book.ledger.version += i64::try_from(moves.ledger.len()).unwrap_or(0);
    book
}

async fn append(
    app: &App,
    command: &Command,
    names: &Names,
    book: &Book,
    parts: &Parts,
    moves: &Moves,
    status: u32,
) -> Result<Done, Error> {
    // Refusals are not kept under the caller's key: trying again must be decided again.
    let keyless = Command { key: None, ..command.clone() };
    let command = if moves.refusal.is_some() { &keyless } else { command };
    let (campaign, account) = (names.campaign.to_string(), names.account.to_string());
    let mut batch = app.journal.batch(command);
    // Every stream that was looked at is guarded, also where it does not move.
    batch.write(&parts.redemption, &account, moves.redemption.clone());
    batch.write(&parts.order, &names.order.to_string(), moves.order.clone());
    batch.write(&parts.offer, &account, moves.offer.clone());
    batch.write(&book.budget, &campaign, moves.budget.clone());
    batch.write(&book.ledger, &campaign, moves.ledger.clone());
    set_timers(&mut batch, parts, moves);
    batch.answer(status, vec![names.redemption.to_string()]);
    batch.commit().await
}

fn set_timers(batch: &mut Batch, parts: &Parts, moves: &Moves) {
    let stream = &parts.redemption.stream;
    let reserved = moves.redemption.iter().find_map(|event| match event {
        redemption::Event::Reserved { expires, .. } => Some(*expires),
        _ => None,
    });
    let settled = moves.redemption.iter().any(|event| !matches!(event, redemption::Event::Reserved { .. }));
    match (reserved, settled) {
        (Some(expires), false) => batch.timer(Timer::Set {
            due_us: micros(expires),
            stream: stream.clone(),
            command_id: expiry(expires),
            payload: bytes::Bytes::new(),
        }),
        (None, true) => {
            if let Some(expires) = parts.redemption.state.expires {
                batch.timer(Timer::Cancel { stream: stream.clone(), command_id: expiry(expires) });
            }
        }
        _ => {}
    }
}

/// Each reservation of a redemption has a timer of its own.
fn expiry(expires: Timestamp) -> String {
    format!("expire/{}", micros(expires))
}

/// When a reservation that begins now is given back.
pub fn expires(app: &App, now: Timestamp) -> Timestamp {
    now + SignedDuration::from_secs(i64::from(app.config.reservation_ttl_s))
}

/// The campaign's own day.
pub async fn campaign_day(app: &App, campaign: &Campaign) -> String {
    let zone = campaign.known().map_or("UTC", |known| Terms::day_zone(&known.waves));
    day_in(zone, app.now())
}

/// The partner's order reference, as it may stand in events: 1 to 100 visible characters.
pub fn order_ref(text: &str, pointer: &str) -> Result<String, Refusal> {
    let count = text.chars().count();
    if !(1..=100).contains(&count) || text.chars().any(|it| it.is_control()) || text.trim() != text {
        return Err(Refusal::field(
            pointer,
            "out_of_range",
            "1 to 100 characters without control characters",
        ));
    }
    Ok(text.to_owned())
}

/// A basket: positive and bounded.
pub fn basket(money: Option<&proto::promo::Money>, pointer: &str) -> Result<Money, Refusal> {
    let Some(money) = money else {
        return Err(Refusal::field(pointer, "required", "an amount is needed"));
    };
    let parsed = crate::wire::money_from(money).ok_or_else(|| {
        Refusal::field(&format!("{pointer}/currency"), "unknown_currency", "an ISO 4217 code, KZT")
    })?;
    let max = crate::domain::draft::AMOUNT_MINOR_MAX;
    if !(1..=max).contains(&parsed.amount_minor) {
        let pointer = format!("{pointer}/amount_minor");
        return Err(Refusal::field(&pointer, "out_of_range", format!("1 to {max}")));
    }
    Ok(parsed)
}

/// The holder reserves an offer for an order.
pub async fn reserve(
    app: &App,
    command: &Command,
    account: AccountId,
    offer: OfferId,
    order_ref: String,
    amount: Money,
) -> Result<Decided, Refusal> {
    let replayed = app.journal.replayed(command).await?;
    let loaded: Loaded<Offer> = app.journal.load(&offer_stream(offer)).await?;
    let grant = loaded.state.held_by(account)?.clone();
    let names = Names::of(&grant, grant.partner, &order_ref);
    if let Some(done) = replayed {
        let parts = Parts::load(app, &names).await?;
        return Ok(parts.after(&Moves::default(), Some(done)));
    }
    let campaign: Loaded<Campaign> = app.journal.load(&campaign_stream(grant.campaign)).await?;
    let redemption: Loaded<Redemption> = app.journal.load(&redemption_stream(names.redemption)).await?;
    if !redemption.exists() {
        still_eligible(app, &campaign.state, &grant).await?;
    }
    let day = campaign_day(app, &campaign.state).await;
    let decided = decide(app, command, &names, 201, |desk, now| {
        let wish = Wish {
            account,
            order_ref: order_ref.clone(),
            amount,
            day: day.clone(),
            expires: expires(app, now),
        };
        purchase::reserve(desk, &wish, now)
    })
    .await?;
    Ok(decided)
}

/// The rule is asked again when an offer is used; the region counts as it was at granting.
async fn still_eligible(app: &App, campaign: &Campaign, grant: &Grant) -> Result<(), Refusal> {
    let known = campaign.known()?;
    if known.terms.eligibility == Rule::everyone() {
        return Ok(());
    }
    let standing = people::standing(app, grant.account).await?;
    let mut facts = people::facts(app, &standing, grant.account, 0, &known.terms.eligibility).await?;
    if let Some(region) = &grant.region {
        facts.country = region.split('-').next().map(str::to_owned);
        facts.region = Some(region.clone());
    }
    let unmet = known.terms.eligibility.unmet(&facts, app.now());
    if unmet.is_empty() { Ok(()) } else { Err(not_eligible(&unmet)) }
}

pub fn not_eligible(unmet: &[serde_json::Value]) -> Refusal {
    let mut refusal = Refusal::new(Code::NotEligible, "the conditions of this offer are not met");
    refusal.reasons = eligibility::reasons(unmet);
    refusal
}

/// The holder gives a reservation back; another's does not exist.
pub async fn cancel(
    app: &App,
    command: &Command,
    account: AccountId,
    redemption: RedemptionId,
) -> Result<Decided, Refusal> {
    let loaded: Loaded<Redemption> = app.journal.load(&redemption_stream(redemption)).await?;
    let names =
        names_of(&loaded.state).filter(|names| names.account == account).ok_or_else(Refusal::not_found)?;
    if let Some(done) = app.journal.replayed(command).await? {
        let parts = Parts::load(app, &names).await?;
        return Ok(parts.after(&Moves::default(), Some(done)));
    }
    Ok(decide(app, command, &names, 204, |desk, now| purchase::cancel(desk, account, now)).await?)
}

fn names_of(redemption: &Redemption) -> Option<Names> {
    redemption.basis.as_ref().map(|basis| Names {
        campaign: basis.campaign,
        offer: basis.offer,
        redemption: basis.redemption,
        order: ids::order_of(basis.partner, &basis.order_ref),
        account: basis.account,
    })
}

/// What time commands of a reservation.
pub async fn expire(app: &App, timer: &DueTimer, redemption: RedemptionId) -> Result<(), Error> {
    let loaded: Loaded<Redemption> = app.journal.load(&redemption_stream(redemption)).await?;
    let Some(names) = names_of(&loaded.state) else { return Ok(()) };
    let command = Command::timed("promo", timer);
    if app.journal.replayed(&command).await?.is_some() {
        return Ok(());
    }
    decide(app, &command, &names, 200, |desk, now| Ok(purchase::expire(desk, now))).await.map(drop)
}
