//! Products: lists, search, candidates for recommendations.

use eventing::{
    Row, args,
    sql::{DbError, Value},
};
use proto::promo as p;

use super::{FeedIds, Query, Store, Titled, message};
use crate::domain::ids::{PartnerId, ProductId};

/// Products that one recommendation looks at.
const CANDIDATES_MAX: u32 = 1_000;
const TERMS_MAX: usize = 5;

#[derive(Clone, Debug)]
pub struct ProductRow {
    pub id: ProductId,
    pub product: p::Product,
}

#[derive(Clone, Debug)]
pub struct Candidate {
    pub row: ProductRow,
    pub words: String,
    pub listed_us: i64,
    pub clicks: u64,
}

impl Store {
    pub async fn product(&self, id: ProductId) -> Result<Option<ProductRow>, DbError> {
        let found = self
            .db
            .fetch_one("SELECT id, product, updated_us FROM promo_product WHERE id = $1", args![id])
            .await?;
        found.as_ref().map(product_row).transpose()
    }

    /// By id ascending. Every word of `text` must stand in the title, brand or type.
    pub async fn products(
        &self,
        partner: Option<PartnerId>,
        text: &str,
        after: Option<ProductId>,
        limit: u32,
    ) -> Result<Vec<ProductRow>, DbError> {
        let mut query = Query::from("SELECT id, product, updated_us FROM promo_product WHERE 1 = 1");
        if let Some(partner) = partner {
            query.and("partner = ?", args![partner]);
        }
        for term in text.to_lowercase().split_whitespace().take(TERMS_MAX) {
            let escaped: String = term
                .chars()
                .flat_map(|symbol| {
                    matches!(symbol, '%' | '_' | '\\').then_some('\\').into_iter().chain([symbol])
                })
                .collect();
            query.and("words LIKE ? ESCAPE '\\'", args![format!("%{escaped}%")]);
        }
        if let Some(after) = after {
            query.and("id > ?", args![after]);
        }
        query.push(" ORDER BY id LIMIT ?", args![limit]);
        self.rows(query, product_row).await
    }

    /// At most `limit` of the named products of a partner, with their titles.
    pub async fn titles(&self, (partner, feed_ids): FeedIds<'_>, limit: u32) -> Result<Vec<Titled>, DbError> {
        if feed_ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = Query::from("SELECT id, product, updated_us FROM promo_product WHERE 1 = 1");
        query.and("partner = ?", args![partner]);
        let named: Vec<Value> = feed_ids.iter().take(200).map(Value::from).collect();
        query.and(&format!("feed_product IN ({})", vec!["?"; named.len()].join(", ")), named);
        query.push(" ORDER BY feed_product, id LIMIT ?", args![limit]);
        let rows = self.rows(query, product_row).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.product.title)).collect())
    }

    /// What can be bought by somebody of this region: partners that sell there, and partners whose offers are held.
    pub async fn candidates(&self, region: &str, also: &[PartnerId]) -> Result<Vec<Candidate>, DbError> {
        let mut query = Query::from(
            "SELECT p.id, p.product, p.updated_us, p.words, p.listed_us, COALESCE(l.clicks, 0)
             FROM promo_product p LEFT JOIN promo_liked l ON l.product = p.id AND l.region = ?
             WHERE p.available = 1",
        );
        query.args.push(Value::from(region));
        let mut args = args![region];
        let mut condition =
            "(p.partner IN (SELECT partner FROM promo_partner_region WHERE region IN (?, '*'))".to_owned();
        if !also.is_empty() {
            condition.push_str(&format!(" OR p.partner IN ({})", vec!["?"; also.len()].join(", ")));
            args.extend(also.iter().copied().map(Value::from));
        }
        condition.push(')');
        query.and(&condition, args);
        query.push(
            " ORDER BY COALESCE(l.clicks, 0) DESC, p.listed_us DESC, p.id LIMIT ?",
            args![CANDIDATES_MAX],
        );
        self.rows(query, candidate).await
    }
}

fn product_row(row: &Row) -> Result<ProductRow, DbError> {
    let mut product: p::Product = message(row, 1)?;
    product.updated_at_us = row.get(2)?;
    Ok(ProductRow { id: row.get(0)?, product })
}

fn candidate(row: &Row) -> Result<Candidate, DbError> {
    Ok(Candidate { row: product_row(row)?, words: row.get(3)?, listed_us: row.get(4)?, clicks: row.get(5)? })
}
