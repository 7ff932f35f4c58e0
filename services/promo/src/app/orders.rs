//! A partner's order: attributed to a reservation, a click or a code, and settled with the redemption it carries.

use eventing::{Command, Done, Error, Loaded};
use jiff::Timestamp;
use kernel::{Code, Money, Refusal};

use super::{
    App, campaign_stream, clicks, offer_stream,
    purchase::{self, Decided, Names, order_stream},
    redemption_stream,
};
use crate::domain::{
    budget::Budget,
    campaign::Campaign,
    ids::{self, OfferId, PartnerId},
    ledger::Ledger,
    offer::{Grant, Offer},
    order::{Attribution, Item, Order, Status},
    purchase::{Desk, Lead, Said, code_refused, record},
    redemption::Redemption,
};

/// A status as the partner posts it, checked.
#[derive(Clone, Debug)]
pub struct Posted {
    pub order_ref: String,
    pub status: Status,
    pub amount: Money,
    pub items: Vec<Item>,
    pub refunded_minor: Option<i64>,
    pub at: Option<Timestamp>,
    pub click_token: String,
    pub code: String,
}

/// What is known of the order afterwards.
#[derive(Debug)]
pub struct Answered {
    pub done: Option<Done>,
    pub order: Order,
    pub redemption: Option<Redemption>,
}

pub async fn post(
    app: &App,
    command: &Command,
    partner: PartnerId,
    posted: Posted,
) -> Result<Answered, Refusal> {
    if let Some(done) = app.journal.replayed(command).await? {
        return known(app, partner, &posted.order_ref, done).await;
    }
    let order: Loaded<Order> =
        app.journal.load(&order_stream(ids::order_of(partner, &posted.order_ref))).await?;
    let (offer, lead) = match carried(app, &order.state).await? {
        Some(offer) => (Some(offer), None),
        None if order.state.recorded.is_some() => (None, None),
        None => led(app, partner, &posted).await?,
    };
    let grant = match offer {
        None => None,
        Some(offer) => {
            let loaded: Loaded<Offer> = app.journal.load(&offer_stream(offer)).await?;
            loaded.state.grant.map(|grant| *grant)
        }
    };
    match grant {
        Some(grant) => with_offer(app, command, &grant, partner, posted, lead).await,
        None => without_offer(app, command, partner, posted, lead).await,
    }
}

/// The offer of the reservation or redemption that the order carries already.
async fn carried(app: &App, order: &Order) -> Result<Option<OfferId>, Error> {
    if let Some(reservation) = order.reservation {
        return Ok(Some(reservation.offer));
    }
    let Some(redemption) = order.redemption() else { return Ok(None) };
    let loaded: Loaded<Redemption> = app.journal.load(&redemption_stream(redemption)).await?;
    Ok(loaded.state.basis.map(|basis| basis.offer))
}

/// What led to an order that carries nothing yet: a click first, a code where the click has no offer.
async fn led(
    app: &App,
    partner: PartnerId,
    posted: &Posted,
) -> Result<(Option<OfferId>, Option<Lead>), Refusal> {
    let click = match posted.click_token.as_str() {
        "" => None,
        token => clicks::of_token(app, token, partner).await?,
    };
    let by_click = click.as_ref().map(|it| Lead { kind: Attribution::Click, click: Some(it.click) });
    if let Some(offer) = click.as_ref().and_then(|it| it.offer) {
        return Ok((Some(offer), by_click));
    }
    if posted.code.is_empty() {
        return Ok((None, by_click));
    }
    let lookup = app.secrets.lookup(&posted.code).ok_or_else(code_refused)?;
    let found = app.store.offer_by_code(&lookup).await.map_err(Error::from)?;
    let (offer, _) = found.filter(|(_, of)| *of == partner).ok_or_else(code_refused)?;
    Ok((Some(offer), Some(Lead { kind: Attribution::Code, click: click.map(|it| it.click) })))
}

async fn with_offer(
    app: &App,
    command: &Command,
    grant: &Grant,
    partner: PartnerId,
    posted: Posted,
    lead: Option<Lead>,
) -> Result<Answered, Refusal> {
    let campaign: Loaded<Campaign> = app.journal.load(&campaign_stream(grant.campaign)).await?;
    let day = purchase::campaign_day(app, &campaign.state).await;
    let names = Names::of(grant, partner, &posted.order_ref);
    let decided = purchase::decide(app, command, &names, 200, |desk, now| {
        record(desk, &said(app, partner, &posted, &day, now), lead, now)
    })
    .await?;
    let Decided { done, redemption, order } = decided;
    let redemption = redemption.basis.is_some().then_some(redemption);
    Ok(Answered { done, order, redemption })
}

/// An order that nothing of ours led to: only remembered.
async fn without_offer(
    app: &App,
    command: &Command,
    partner: PartnerId,
    posted: Posted,
    lead: Option<Lead>,
) -> Result<Answered, Refusal> {
    let id = ids::order_of(partner, &posted.order_ref);
    let (stream, key) = (order_stream(id), id.to_string());
    let (posted, stream, key) = (&posted, &stream, &key);
    let (done, order, refusal) = app
        .journal
        .retrying(|| async move {
            let order: Loaded<Order> = app.journal.load(stream).await?;
            let (budget, offer) = (Budget::default(), Offer::default());
            let (redemption, ledger) = (Redemption::default(), Ledger::default());
            let desk = Desk {
                budget: &budget,
                offer: &offer,
                redemption: &redemption,
                order: &order.state,
                ledger: &ledger,
            };
            let now = app.now();
            let moves = record(desk, &said(app, partner, posted, "", now), lead, now)?;
            let mut after = order.state.clone();
            moves.order.iter().for_each(|event| after.evolve(event));
            if moves.is_empty() {
                return Ok((None, after, moves.refusal));
            }
            let keyless = Command { key: None, ..command.clone() };
            let mut batch = app.journal.batch(if moves.refusal.is_some() { &keyless } else { command });
            batch.write(&order, key, moves.order);
            batch.answer(200, vec![key.clone()]);
            Ok::<_, Error>((Some(batch.commit().await?), after, moves.refusal))
        })
        .await?;
    match refusal {
        Some(refusal) => Err(refusal),
        None => Ok(Answered { done, order, redemption: None }),
    }
}

fn said(app: &App, partner: PartnerId, posted: &Posted, day: &str, now: Timestamp) -> Said {
    Said {
        partner,
        order_ref: posted.order_ref.clone(),
        status: posted.status,
        amount: posted.amount,
        items: posted.items.clone(),
        refunded_minor: posted.refunded_minor,
        at: posted.at.unwrap_or(now),
        day: day.to_owned(),
        expires: purchase::expires(app, now),
    }
}

/// The order as it is now, for an answer that is given again.
async fn known(app: &App, partner: PartnerId, order_ref: &str, done: Done) -> Result<Answered, Refusal> {
    let order: Loaded<Order> = app.journal.load(&order_stream(ids::order_of(partner, order_ref))).await?;
    if !order.exists() {
        return Err(Refusal::new(Code::Conflict, "the order is not known"));
    }
    let redemption = match order.state.redemption() {
        None => None,
        Some(id) => Some(app.journal.load::<Redemption>(&redemption_stream(id)).await?.state),
    };
    Ok(Answered { done: Some(done), order: order.state, redemption })
}
