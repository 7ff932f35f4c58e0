//! The catalogue: products as partners' feeds name them, keyed (partner, feed, g:id).

use std::collections::{HashMap, HashSet};

use aws_lc_rs::digest;
use kernel::Money;

use super::ids::{self, FeedId, PartnerId, ProductId};

pub mod field;
pub mod tsv;
pub mod xml;

/// Products an event: keeps one event well below what a bus record may hold.
pub const PRODUCTS_PER_EVENT: usize = 200;
/// Products a feed.
pub const PRODUCTS_MAX: usize = 100_000;
/// Rejected lines that are told; the rest is only counted.
pub const REJECTED_TOLD_MAX: usize = 1_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// The feed's own `g:id`.
    pub feed_product: String,
    pub title: String,
    pub description: String,
    pub brand: String,
    pub product_type: String,
    pub price: Money,
    pub sale_price: Option<Money>,
    pub availability: Availability,
    pub image: String,
    pub link: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    InStock,
    OutOfStock,
    Preorder,
    Backorder,
}

impl Availability {
    pub const ALL: [Self; 4] = [Self::InStock, Self::OutOfStock, Self::Preorder, Self::Backorder];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InStock => "in_stock",
            Self::OutOfStock => "out_of_stock",
            Self::Preorder => "preorder",
            Self::Backorder => "backorder",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|availability| availability.as_str() == text)
    }
}

/// A row that is not a product. `line` counts from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    pub line: u32,
    pub code: &'static str,
    pub detail: String,
}

/// A feed as it was read: what can be listed, and what cannot and why.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    pub products: Vec<Product>,
    pub rejected: Vec<Rejected>,
    pub rejected_count: u32,
    known: HashSet<String>,
}

impl Reading {
    fn reject(&mut self, line: u32, code: &'static str, detail: impl Into<String>) {
        self.rejected_count = self.rejected_count.saturating_add(1);
        if self.rejected.len() < REJECTED_TOLD_MAX {
            self.rejected.push(Rejected { line, code, detail: detail.into() });
        }
    }

    fn take(&mut self, line: u32, product: Result<Product, (&'static str, String)>) {
        match product {
            Err((code, detail)) => self.reject(line, code, detail),
            Ok(product) if self.products.len() >= PRODUCTS_MAX => {
                self.reject(
                    line,
                    "too_many",
                    format!("{} is behind the first {PRODUCTS_MAX}", product.feed_product),
                );
            }
            Ok(product) if !self.known.insert(product.feed_product.clone()) => {
                self.reject(line, "duplicate_id", format!("{} stands above already", product.feed_product));
            }
            Ok(product) => self.products.push(product),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Listed { feed: FeedId, partner: PartnerId, name: String, products: Vec<Product> },
    Withdrawn { feed: FeedId, partner: PartnerId, products: Vec<ProductId> },
    Imported { feed: FeedId, partner: PartnerId, name: String, products: u32, rejected: u32 },
}

/// What a feed lists, by fingerprint: enough to know what changed.
#[derive(Clone, Debug, Default)]
pub struct Feed {
    listed: HashMap<ProductId, [u8; 16]>,
    last_import: Option<(u32, u32)>,
}

impl Feed {
    pub fn len(&self) -> usize {
        self.listed.len()
    }

    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// What a new reading of the feed changes. A feed in which every row is bad withdraws nothing: it is a fault of the
    /// export, not an empty shop.
    pub fn import(&self, partner: PartnerId, name: &str, reading: &Reading) -> Vec<Event> {
        let feed = ids::feed_of(partner, name);
        let mut changed = Vec::new();
        let mut present = HashSet::with_capacity(reading.products.len());
        for product in &reading.products {
            let id = ids::product_of(partner, name, &product.feed_product);
            present.insert(id);
            if self.listed.get(&id) != Some(&fingerprint(product)) {
                changed.push(product.clone());
            }
        }
        let mut events: Vec<Event> = changed
            .chunks(PRODUCTS_PER_EVENT)
            .map(|products| Event::Listed {
                feed,
                partner,
                name: name.to_owned(),
                products: products.to_vec(),
            })
            .collect();
        let all_bad = present.is_empty() && reading.rejected_count > 0;
        let mut gone: Vec<ProductId> =
            self.listed.keys().filter(|id| !all_bad && !present.contains(id)).copied().collect();
        gone.sort();
        let withdrawn = gone.chunks(5_000).map(|products| Event::Withdrawn {
            feed,
            partner,
            products: products.to_vec(),
        });
        events.extend(withdrawn);
        let count = if all_bad { self.listed.len() } else { present.len() };
        let products = u32::try_from(count).unwrap_or(u32::MAX);
        if !events.is_empty() || self.last_import != Some((products, reading.rejected_count)) {
            let rejected = reading.rejected_count;
            events.push(Event::Imported { feed, partner, name: name.to_owned(), products, rejected });
        }
        events
    }

    pub fn evolve(&mut self, event: &Event) {
        match event {
            Event::Listed { partner, name, products, .. } => {
                for product in products {
                    self.listed
                        .insert(ids::product_of(*partner, name, &product.feed_product), fingerprint(product));
                }
            }
            Event::Withdrawn { products, .. } => {
                for id in products {
                    self.listed.remove(id);
                }
            }
            Event::Imported { products, rejected, .. } => self.last_import = Some((*products, *rejected)),
        }
    }
}

fn fingerprint(product: &Product) -> [u8; 16] {
    let mut context = digest::Context::new(&digest::SHA256);
    let amount = |money: &Money| format!("{} {}", money.amount_minor, money.currency);
    let sale = product.sale_price.as_ref().map(amount).unwrap_or_default();
    let parts = [
        product.title.as_str(),
        &product.description,
        &product.brand,
        &product.product_type,
        &amount(&product.price),
        &sale,
        product.availability.as_str(),
        &product.image,
        &product.link,
    ];
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut print = [0; 16];
    print.copy_from_slice(&context.finish().as_ref()[..16]);
    print
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "id\ttitle\tlink\tprice\tavailability\n";

    fn imported(feed: &mut Feed, text: &str) -> Vec<Event> {
        let reading = tsv::read(text.as_bytes()).unwrap();
        let events = feed.import(PartnerId::new(uuid::Uuid::nil()), "main", &reading);
        events.iter().for_each(|event| feed.evolve(event));
        events
    }

    #[test]
    fn a_feed_put_again_changes_only_what_differs() {
        let shoe = "shoe-1\tShoe\thttps://shop.example/1\t100.00 KZT\tin_stock\n";
        let sock = "sock-1\tSock\thttps://shop.example/2\t10.00 KZT\tin_stock\n";
        let mut feed = Feed::default();
        assert_eq!(imported(&mut feed, &format!("{HEAD}{shoe}{sock}")).len(), 2);
        assert!(
            imported(&mut feed, &format!("{HEAD}{shoe}{sock}")).is_empty(),
            "the same again changes nothing"
        );
        let cheaper = shoe.replace("100.00", "90.00");
        let events = imported(&mut feed, &format!("{HEAD}{cheaper}"));
        assert!(matches!(&events[0], Event::Listed { products, .. } if products.len() == 1));
        assert!(matches!(&events[1], Event::Withdrawn { products, .. } if products.len() == 1));
        assert_eq!(feed.len(), 1);
    }

    #[test]
    fn a_feed_whose_rows_are_all_bad_withdraws_nothing() {
        let mut feed = Feed::default();
        imported(&mut feed, &format!("{HEAD}shoe-1\tShoe\thttps://shop.example/1\t100.00 KZT\tin_stock\n"));
        imported(&mut feed, &format!("{HEAD}shoe-1\tShoe\thttps://shop.example/1\tcheap\tin_stock\n"));
        assert_eq!(feed.len(), 1);
    }
}
