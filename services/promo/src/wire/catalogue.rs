//! Events of `feed-` and `click-` streams.

use eventing::{DecodeError, DomainEvent, Plain};
use kernel::time::micros;
use proto::promo as p;

use super::{at, bytes_of, id, id_of, money, money_from, money_to_wire, read, some, unknown};
use crate::domain::{
    catalogue::{Availability, Event, Product},
    click,
    ids::{self, PartnerId},
};

impl DomainEvent for Event {
    fn encode(&self) -> Plain {
        match self {
            Self::Listed { feed, partner, name, products } => Plain::of(&p::ProductsListed {
                feed_id: bytes_of(*feed),
                partner_id: bytes_of(*partner),
                feed: name.clone(),
                products: products.iter().map(|product| product_to_wire(*partner, name, product)).collect(),
            }),
            Self::Withdrawn { feed, partner, products } => Plain::of(&p::ProductsWithdrawn {
                feed_id: bytes_of(*feed),
                partner_id: bytes_of(*partner),
                product_ids: products.iter().copied().map(bytes_of).collect(),
            }),
            Self::Imported { feed, partner, name, products, rejected } => Plain::of(&p::FeedImported {
                feed_id: bytes_of(*feed),
                partner_id: bytes_of(*partner),
                feed: name.clone(),
                products: *products,
                rejected: *rejected,
            }),
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        read(plain, |it: p::ProductsListed| {
            Ok(Self::Listed {
                feed: id(&it.feed_id, "feed_id")?,
                partner: id(&it.partner_id, "partner_id")?,
                name: it.feed,
                products: it.products.into_iter().map(product_from).collect::<Result<_, _>>()?,
            })
        })
        .or_else(|| {
            read(plain, |it: p::ProductsWithdrawn| {
                Ok(Self::Withdrawn {
                    feed: id(&it.feed_id, "feed_id")?,
                    partner: id(&it.partner_id, "partner_id")?,
                    products: it
                        .product_ids
                        .iter()
                        .map(|product| id(product, "product_id"))
                        .collect::<Result<_, _>>()?,
                })
            })
        })
        .or_else(|| {
            read(plain, |it: p::FeedImported| {
                Ok(Self::Imported {
                    feed: id(&it.feed_id, "feed_id")?,
                    partner: id(&it.partner_id, "partner_id")?,
                    name: it.feed,
                    products: it.products,
                    rejected: it.rejected,
                })
            })
        })
        .unwrap_or_else(|| unknown(plain, "a feed"))
    }
}

fn product_to_wire(partner: PartnerId, feed: &str, product: &Product) -> p::Product {
    p::Product {
        id: bytes_of(ids::product_of(partner, feed, &product.feed_product)),
        partner_id: bytes_of(partner),
        feed: feed.to_owned(),
        feed_product_id: product.feed_product.clone(),
        title: product.title.clone(),
        description: product.description.clone(),
        brand: product.brand.clone(),
        product_type: product.product_type.clone(),
        price: Some(money_to_wire(product.price)),
        sale_price: product.sale_price.map(money_to_wire),
        availability: product.availability.as_str().to_owned(),
        image_url: product.image.clone(),
        url: product.link.clone(),
        updated_at_us: 0,
    }
}

fn product_from(product: p::Product) -> Result<Product, DecodeError> {
    let availability = Availability::parse(&product.availability)
        .ok_or_else(|| DecodeError(format!("{} is no availability", product.availability)))?;
    Ok(Product {
        feed_product: product.feed_product_id,
        title: product.title,
        description: product.description,
        brand: product.brand,
        product_type: product.product_type,
        price: money(product.price.as_ref(), "price")?,
        sale_price: product.sale_price.as_ref().and_then(money_from),
        availability,
        image: product.image_url,
        link: product.url,
    })
}

impl DomainEvent for click::Event {
    fn encode(&self) -> Plain {
        Plain::of(&p::ClickRecorded {
            click_id: bytes_of(self.click),
            account_id: bytes_of(self.account),
            product_id: bytes_of(self.product),
            partner_id: bytes_of(self.partner),
            offer_id: self.offer.map(bytes_of),
            campaign_id: self.campaign.map(bytes_of),
            expires_at_us: micros(self.expires),
            region: self.region.clone().unwrap_or_default(),
        })
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        read(plain, |it: p::ClickRecorded| {
            Ok(Self {
                click: id(&it.click_id, "click_id")?,
                account: id(&it.account_id, "account_id")?,
                product: id(&it.product_id, "product_id")?,
                partner: id(&it.partner_id, "partner_id")?,
                offer: it.offer_id.and_then(|bytes| id_of(&bytes)),
                campaign: it.campaign_id.and_then(|bytes| id_of(&bytes)),
                expires: at(it.expires_at_us),
                region: some(it.region),
            })
        })
        .unwrap_or_else(|| unknown(plain, "a click"))
    }
}
