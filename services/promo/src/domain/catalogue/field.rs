//! The fields of one row of a feed, as Google's product data specification names them, and the product they make.
//! <https://support.google.com/merchants/answer/7052112>

use kernel::{Money, money::Currency};

use super::{Availability, Product};

const ID_BYTES_MAX: usize = 100;
const TITLE_CHARS_MAX: usize = 300;
const TEXT_CHARS_MAX: usize = 10_000;
const LINK_BYTES_MAX: usize = 2_000;
const AMOUNT_MINOR_MAX: i64 = 9_007_199_254_740_992;

/// What a row says, unparsed. Fields that are not known are ignored.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    pub id: String,
    pub title: String,
    pub description: String,
    pub link: String,
    pub image_link: String,
    pub price: String,
    pub sale_price: String,
    pub availability: String,
    pub brand: String,
    pub product_type: String,
}

impl Fields {
    /// The field of this name (with or without `g:`, spaces or underscores), if it is one we read.
    pub fn named(&mut self, name: &str) -> Option<&mut String> {
        let name = name.strip_prefix("g:").unwrap_or(name);
        Some(match name.replace(' ', "_").to_ascii_lowercase().as_str() {
            "id" => &mut self.id,
            "title" => &mut self.title,
            "description" => &mut self.description,
            "link" => &mut self.link,
            "image_link" => &mut self.image_link,
            "price" => &mut self.price,
            "sale_price" => &mut self.sale_price,
            "availability" => &mut self.availability,
            "brand" => &mut self.brand,
            "product_type" => &mut self.product_type,
            _ => return None,
        })
    }

    /// The product, or why the row is none: (code, detail).
    pub fn product(&self) -> Result<Product, (&'static str, String)> {
        let id = needed("missing_id", "g:id", &self.id, ID_BYTES_MAX)?;
        let title = needed("missing_title", "title", &self.title, TITLE_CHARS_MAX)?;
        let link = needed("missing_link", "link", &self.link, LINK_BYTES_MAX)?;
        if !is_web_link(&link) {
            return Err(("bad_link", "an http or https address belongs in link".to_owned()));
        }
        let image = self.image_link.trim().to_owned();
        if !image.is_empty() && (!is_web_link(&image) || image.len() > LINK_BYTES_MAX) {
            return Err(("bad_image_link", "an http or https address belongs in image_link".to_owned()));
        }
        let price = price(&self.price).map_err(|detail| ("bad_price", detail))?;
        let sale_price = match self.sale_price.trim() {
            "" => None,
            text => Some(self::price(text).map_err(|detail| ("bad_sale_price", detail))?),
        };
        if sale_price.is_some_and(|sale| sale.currency != price.currency) {
            return Err(("currency_mismatch", "price and sale_price are in different currencies".to_owned()));
        }
        let availability = self.availability.trim().to_ascii_lowercase().replace(' ', "_");
        let availability = if availability.is_empty() {
            Availability::InStock
        } else {
            Availability::parse(&availability).ok_or_else(|| {
                ("bad_availability", "in_stock, out_of_stock, preorder or backorder".to_owned())
            })?
        };
        Ok(Product {
            feed_product: id,
            title,
            description: shortened(&self.description, TEXT_CHARS_MAX),
            brand: shortened(&self.brand, TITLE_CHARS_MAX),
            product_type: shortened(&self.product_type, TITLE_CHARS_MAX),
            price,
            sale_price,
            availability,
            image,
            link,
        })
    }
}

fn needed(code: &'static str, name: &str, text: &str, max: usize) -> Result<String, (&'static str, String)> {
    let text = text.trim();
    if text.is_empty() {
        return Err((code, format!("{name} is empty")));
    }
    if text.chars().count() > max {
        return Err(("too_long", format!("{name} has more than {max} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(("bad_text", format!("{name} holds control characters")));
    }
    Ok(text.to_owned())
}

fn shortened(text: &str, max: usize) -> String {
    text.trim().chars().filter(|symbol| !symbol.is_control() || *symbol == '\n').take(max).collect()
}

fn is_web_link(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    !host.is_empty()
        && !host.contains(['@', '\\'])
        && !text.chars().any(|it| it.is_whitespace() || it.is_control() || matches!(it, '"' | '<' | '>'))
}

/// `19990.00 KZT`, also the other way round. More digits than the currency has are refused, never rounded.
fn price(text: &str) -> Result<Money, String> {
    let wrong = || "a price looks like 19990.00 KZT".to_owned();
    let text = text.trim();
    let (one, two) = text.split_once(' ').ok_or_else(wrong)?;
    let (number, code) =
        if one.starts_with(|it: char| it.is_ascii_digit()) { (one, two) } else { (two, one) };
    let currency = Currency::parse(code.trim()).ok_or_else(wrong)?;
    let (whole, fraction) = number.trim().split_once('.').unwrap_or((number.trim(), ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 15 || !digits(whole) || !digits(fraction) {
        return Err(wrong());
    }
    let decimals = decimals(currency);
    let (kept, dropped) = fraction.split_at(fraction.len().min(decimals));
    if dropped.bytes().any(|digit| digit != b'0') {
        return Err(format!("{currency} has {decimals} decimals"));
    }
    let minor = format!("{whole}{kept:0<decimals$}");
    minor
        .parse::<i64>()
        .ok()
        .filter(|minor| *minor <= AMOUNT_MINOR_MAX)
        .map(|minor| Money::new(minor, currency))
        .ok_or_else(|| "the price is too large".to_owned())
}

/// Digits behind the point, by ISO 4217.
fn decimals(currency: Currency) -> usize {
    match currency.as_str() {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_become_minor_units_without_rounding() {
        let minor = |text: &str| price(text).map(|money| money.amount_minor);
        assert_eq!(minor("19990.00 KZT"), Ok(1_999_000));
        assert_eq!(minor("KZT 19990.5"), Ok(1_999_050));
        assert_eq!(minor("1200 JPY"), Ok(1_200));
        assert_eq!(minor("1.5 KWD"), Ok(1_500));
        for wrong in [
            "",
            "12",
            "-1 KZT",
            "1e9 KZT",
            "NaN KZT",
            "12.345 KZT",
            "12,5 KZT",
            "9999999999999999 KZT",
            "1 kzt",
        ] {
            assert!(minor(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn links_lead_to_the_web_and_nowhere_else() {
        assert!(is_web_link("https://shop.example/p?x=1"));
        for wrong in [
            "javascript:alert(1)",
            "https://",
            "ftp://x/",
            "https://a b/",
            "https://shop.example\\@evil/",
            "//x",
        ] {
            assert!(!is_web_link(wrong), "{wrong}");
        }
    }
}
