//! An account's offers, newest first.

use kernel::{AccountId, Refusal};

use super::{App, cursor_at, page, place};
use crate::store::{OfferRow, Titled};

/// Products shown with an offer.
const PRODUCTS_SHOWN: u32 = 20;

#[derive(Clone, Debug)]
pub struct Shown {
    pub row: OfferRow,
    pub products: Vec<Titled>,
    pub code: String,
}

/// A page and the cursor of the next.
pub async fn list(
    app: &App,
    account: AccountId,
    cursor: &str,
    limit: u32,
) -> Result<(Vec<Shown>, String), Refusal> {
    let limit = page(limit, 50, 200);
    let rows = app.store.offers(account, place(cursor)?, limit).await.map_err(eventing::Error::from)?;
    let next = rows.last().filter(|_| rows.len() >= limit as usize);
    let next = next.map(|last| cursor_at(last.granted_us, last.id)).unwrap_or_default();
    let mut shown = Vec::with_capacity(rows.len());
    for mut row in rows {
        // The timer writes it down a moment later; what is over is over now.
        if row.state == "held" && row.valid_until_us <= kernel::time::micros(app.now()) {
            row.state = "expired".to_owned();
        }
        let named = (row.partner, row.terms.product_ids.as_slice());
        let products = app.store.titles(named, PRODUCTS_SHOWN).await.map_err(eventing::Error::from)?;
        shown.push(Shown { products, code: app.secrets.code_of(row.id), row });
    }
    Ok((shown, next))
}
