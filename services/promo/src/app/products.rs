//! The catalogue as everybody sees it.

use kernel::{Code, Refusal};

use super::{App, page};
use crate::{
    domain::ids::{PartnerId, ProductId},
    store::ProductRow,
};

const QUERY_CHARS_MAX: usize = 100;

pub async fn get(app: &App, id: ProductId) -> Result<ProductRow, Refusal> {
    app.store.product(id).await.map_err(eventing::Error::from)?.ok_or_else(Refusal::not_found)
}

/// A page and the cursor of the next: the last product's id.
pub async fn list(
    app: &App,
    partner: Option<PartnerId>,
    query: &str,
    cursor: &str,
    limit: u32,
) -> Result<(Vec<ProductRow>, String), Refusal> {
    if query.chars().count() > QUERY_CHARS_MAX {
        return Err(Refusal::field("/q", "too_long", format!("at most {QUERY_CHARS_MAX} characters")));
    }
    let after: Option<ProductId> = match cursor {
        "" => None,
        text => {
            Some(text.parse().map_err(|_| Refusal::new(Code::BadCursor, "the cursor is not one of ours"))?)
        }
    };
    let limit = page(limit, 50, 200);
    let query: String = query.chars().filter(|it| *it != '?' && !it.is_control()).collect();
    let rows = app.store.products(partner, &query, after, limit).await.map_err(eventing::Error::from)?;
    let next = rows.last().filter(|_| rows.len() >= limit as usize).map(|last| last.id.to_string());
    Ok((rows, next.unwrap_or_default()))
}
