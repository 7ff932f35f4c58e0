//! Read models: SQL written once for both engines. Rows are written by `consumers`, read by `app`.

use eventing::{
    Db, Row, args,
    sql::{DbError, Value},
};
use kernel::AccountId;
use prost::Message;
use proto::promo as p;

use crate::domain::ids::{CampaignId, OfferId, PartnerId, ProductId};

mod catalogue;
pub mod rows;

pub use catalogue::{Candidate, ProductRow};

#[derive(Clone)]
pub struct Store {
    db: Db,
}

#[derive(Clone, Debug)]
pub struct CampaignRow {
    pub id: CampaignId,
    pub times: Times,
}

#[derive(Clone, Debug)]
pub struct OfferRow {
    pub id: OfferId,
    pub campaign: CampaignId,
    pub partner: PartnerId,
    /// held reserved redeemed expired; a held one of a stopped campaign is expired.
    pub state: String,
    pub terms: p::OfferTerms,
    pub valid_until_us: i64,
    pub granted_us: i64,
    /// Of the campaign: names and the badge that led to the offer.
    pub campaign_terms: p::Draft,
}

/// When a campaign was first written, and when anything of it changed last.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    pub created_us: i64,
    pub updated_us: i64,
}

/// What is counted of one campaign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub granted: u64,
    pub withheld: u64,
    pub reserved: u64,
    pub redeemed: u64,
    pub released: u64,
    pub reversed: u64,
    pub needs_reconciliation: u64,
    pub clicks: u64,
}

/// A place in a list that is ordered by time, newest first.
#[derive(Clone, Copy, Debug)]
pub struct Before {
    pub at_us: i64,
    pub id: uuid::Uuid,
}

impl Store {
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// Campaigns of a state and of any of these regions (empty: no condition), newest first.
    pub async fn campaigns(
        &self,
        state: &str,
        regions: Option<&[String]>,
        before: Option<Before>,
        limit: u32,
    ) -> Result<Vec<CampaignRow>, DbError> {
        let mut query = Query::from("SELECT id, created_us, updated_us FROM promo_campaign c WHERE 1 = 1");
        if !state.is_empty() {
            query.and("c.state = ?", args![state]);
        }
        if let Some(regions) = regions {
            let places = vec!["?"; regions.len().max(1)].join(", ");
            let mut named: Vec<Value> = regions.iter().map(Value::from).collect();
            if named.is_empty() {
                named.push(Value::from(""));
            }
            let within =
                format!("c.id IN (SELECT campaign FROM promo_campaign_region WHERE region IN ({places}))");
            query.and(&within, named);
        }
        query.before("c.created_us", "c.id", before);
        query.push(" ORDER BY c.created_us DESC, c.id DESC LIMIT ?", args![limit]);
        self.rows(query, campaign_row).await
    }

    pub async fn campaign_times(&self, id: CampaignId) -> Result<Times, DbError> {
        let found = self
            .db
            .fetch_one("SELECT id, created_us, updated_us FROM promo_campaign WHERE id = $1", args![id])
            .await?;
        found.as_ref().map_or(Ok(Times::default()), |row| campaign_row(row).map(|row| row.times))
    }

    /// Campaigns that may grant for this badge now or in a moment: the journal says which.
    pub async fn triggered_by(&self, badge: &str) -> Result<Vec<CampaignId>, DbError> {
        let rows = self.db.fetch(
            "SELECT id FROM promo_campaign WHERE badge = $1 AND state IN ('approved', 'scheduled', 'running') ORDER BY id LIMIT 500",
            args![badge],
        );
        rows.await?.iter().map(|row| row.get(0)).collect()
    }

    pub async fn offers(
        &self,
        account: AccountId,
        before: Option<Before>,
        limit: u32,
    ) -> Result<Vec<OfferRow>, DbError> {
        let mut query = Query::from(
            "SELECT o.id, o.campaign, o.partner,
                    CASE WHEN c.state = 'stopped' AND o.state = 'held' THEN 'expired' ELSE o.state END,
                    o.terms, o.valid_until_us, o.granted_us, c.terms
             FROM promo_offer o JOIN promo_campaign c ON c.id = o.campaign WHERE o.state <> 'withheld'",
        );
        query.and("o.account = ?", args![account]);
        query.before("o.granted_us", "o.id", before);
        query.push(" ORDER BY o.granted_us DESC, o.id DESC LIMIT ?", args![limit]);
        self.rows(query, offer_row).await
    }

    pub async fn offer_by_code(&self, lookup: &[u8]) -> Result<Option<(OfferId, PartnerId)>, DbError> {
        let row = self
            .db
            .fetch_one("SELECT id, partner FROM promo_offer WHERE code_lookup = $1", args![lookup])
            .await?;
        row.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
    }

    pub async fn last_purchase_us(&self, account: AccountId) -> Result<Option<i64>, DbError> {
        let row = self.db.fetch_one(
            "SELECT MAX(changed_us) FROM promo_redemption WHERE account = $1 AND state IN ('confirmed', 'partly_reversed')",
            args![account],
        );
        row.await?.map_or(Ok(None), |row| row.get(0))
    }

    pub async fn counts(&self, campaign: CampaignId) -> Result<Counts, DbError> {
        let mut counts = Counts::default();
        let offers = "SELECT state, COUNT(*) FROM promo_offer WHERE campaign = $1 GROUP BY state";
        for row in self.db.fetch(offers, args![campaign]).await? {
            let (state, count) = (row.get::<String>(0)?, row.get::<u64>(1)?);
            if state == "withheld" { counts.withheld += count } else { counts.granted += count }
        }
        let redemptions = "SELECT state, COUNT(*) FROM promo_redemption WHERE campaign = $1 GROUP BY state";
        for row in self.db.fetch(redemptions, args![campaign]).await? {
            let (state, count) = (row.get::<String>(0)?, row.get::<u64>(1)?);
            match state.as_str() {
                "reserved" => counts.reserved += count,
                "confirmed" | "partly_reversed" => counts.redeemed += count,
                "released" | "expired" => counts.released += count,
                "reversed" => counts.reversed += count,
                "needs_reconciliation" => counts.needs_reconciliation += count,
                _ => {}
            }
        }
        let clicks = "SELECT COUNT(*) FROM promo_click WHERE campaign = $1";
        counts.clicks = self.db.fetch_one(clicks, args![campaign]).await?.map_or(Ok(0), |row| row.get(0))?;
        Ok(counts)
    }

    async fn rows<T>(&self, query: Query, read: fn(&Row) -> Result<T, DbError>) -> Result<Vec<T>, DbError> {
        self.db.fetch(&query.numbered(), query.args).await?.iter().map(read).collect()
    }
}

/// A message kept whole in a column.
fn message<M: Message + Default>(row: &Row, index: usize) -> Result<M, DbError> {
    let bytes: Vec<u8> = row.get(index)?;
    M::decode(bytes.as_slice()).map_err(|_| DbError::Column {
        index,
        wanted: std::any::type_name::<M>(),
        found: "other bytes".to_owned(),
    })
}

fn campaign_row(row: &Row) -> Result<CampaignRow, DbError> {
    Ok(CampaignRow { id: row.get(0)?, times: Times { created_us: row.get(1)?, updated_us: row.get(2)? } })
}

fn offer_row(row: &Row) -> Result<OfferRow, DbError> {
    Ok(OfferRow {
        id: row.get(0)?,
        campaign: row.get(1)?,
        partner: row.get(2)?,
        state: row.get(3)?,
        terms: message(row, 4)?,
        valid_until_us: row.get(5)?,
        granted_us: row.get(6)?,
        campaign_terms: message(row, 7)?,
    })
}

/// A query whose conditions depend on what is asked; `?` are numbered at the end.
struct Query {
    sql: String,
    args: Vec<Value>,
}

impl Query {
    fn from(sql: &str) -> Self {
        Self { sql: sql.to_owned(), args: Vec::new() }
    }

    fn push(&mut self, sql: &str, args: Vec<Value>) {
        self.sql.push_str(sql);
        self.args.extend(args);
    }

    fn and(&mut self, condition: &str, args: Vec<Value>) {
        self.push(&format!(" AND {condition}"), args);
    }

    fn before(&mut self, at: &str, id: &str, before: Option<Before>) {
        if let Some(place) = before {
            self.and(
                &format!("({at} < ? OR ({at} = ? AND {id} < ?))"),
                args![place.at_us, place.at_us, place.id],
            );
        }
    }

    fn numbered(&self) -> String {
        let mut number = 0;
        let mut sql = String::with_capacity(self.sql.len() + 16);
        for symbol in self.sql.chars() {
            if symbol == '?' {
                number += 1;
                sql.push_str(&format!("${number}"));
            } else {
                sql.push(symbol);
            }
        }
        sql
    }
}

/// Products by the ids their feeds gave them, of one partner.
pub type FeedIds<'a> = (PartnerId, &'a [String]);

/// A product's id with its title: what offers show.
pub type Titled = (ProductId, String);
