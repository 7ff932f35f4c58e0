//! A click on a product: recorded, and carried to the shop by a signed token.

use eventing::{Command, Done, Loaded, StreamId};
use kernel::{AccountId, Refusal, time::micros};

use super::{App, offer_stream, people};
use crate::{
    domain::{
        click::{self, Click, LIFE, Token},
        ids::{ClickId, OfferId, PartnerId, ProductId},
        offer::Offer,
    },
    wire,
};

#[derive(Debug)]
pub struct Clicked {
    pub done: Done,
    pub token: String,
    pub url: String,
    pub expires_us: i64,
}

/// `offer`: the one that led to the product; it must be the caller's and of the product's partner.
pub async fn click(
    app: &App,
    command: &Command,
    account: AccountId,
    product: ProductId,
    offer: Option<OfferId>,
) -> Result<Clicked, Refusal> {
    let row = super::products::get(app, product).await?;
    let partner: PartnerId = wire::id_of(&row.product.partner_id).ok_or_else(Refusal::not_found)?;
    let campaign = match offer {
        None => None,
        Some(offer) => {
            let loaded: Loaded<Offer> = app.journal.load(&offer_stream(offer)).await?;
            let grant = loaded.state.held_by(account)?;
            if grant.partner != partner {
                return Err(Refusal::field(
                    "/offer_id",
                    "other_partner",
                    "the offer is not of the product's shop",
                ));
            }
            Some(grant.campaign)
        }
    };
    let region = people::standing(app, account).await?.region;
    let id: ClickId = command.new_id("click");
    let stream = StreamId::of("click", id);
    let stream = &stream;
    let region = &region;
    let done = app
        .journal
        .execute::<Click, _>(command, stream, &account.to_string(), |_, now| {
            let event = click::Event {
                click: id,
                account,
                product,
                partner,
                offer,
                campaign,
                expires: now + LIFE,
                region: region.clone(),
            };
            Ok(eventing::Decision::of(vec![event]).answer(201, vec![id.to_string()]))
        })
        .await?;
    let recorded: Loaded<Click> = app.journal.load(stream).await?;
    let expires = recorded.state.0.as_ref().map_or_else(|| app.now() + LIFE, |event| event.expires);
    let token = Token { click: id, expires }.sign(&app.secrets);
    Ok(Clicked { done, url: click::tagged(&row.product.url, &token), token, expires_us: micros(expires) })
}

/// The click of a token, if it is one of this partner's and can still be an order's origin.
///
/// A token that is forged or another shop's is refused; one that is too old leads to nothing.
pub async fn of_token(app: &App, token: &str, partner: PartnerId) -> Result<Option<click::Event>, Refusal> {
    let bad = || Refusal::field("/click_token", "bad_token", "this is not a click token for this shop");
    let token = Token::read(token, &app.secrets).ok_or_else(bad)?;
    let stream = StreamId::of("click", token.click);
    let loaded: Loaded<Click> = app.journal.load(&stream).await?;
    let event = loaded.state.0.filter(|event| event.partner == partner).ok_or_else(bad)?;
    Ok((app.now() < token.expires).then_some(event))
}
