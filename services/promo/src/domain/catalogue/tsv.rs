//! A feed as tab-separated values: a line of field names, then a line a product.

use kernel::{Code, Refusal};

use super::{Reading, field::Fields};

const COLUMNS_MAX: usize = 200;

pub fn read(body: &[u8]) -> Result<Reading, Refusal> {
    let unreadable = |detail: &str| Refusal::new(Code::FileUnreadable, detail);
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut rows = csv::ReaderBuilder::new()
        .delimiter(b'\t')
        .has_headers(false)
        .flexible(true)
        .quoting(true)
        .from_reader(body);
    let mut record = csv::ByteRecord::new();
    if !rows.read_byte_record(&mut record).map_err(|_| unreadable("the first line is not readable"))? {
        return Err(unreadable("the feed is empty"));
    }
    if record.len() > COLUMNS_MAX {
        return Err(unreadable("the feed has too many columns"));
    }
    let header: Vec<String> =
        record.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
    if !header.iter().any(|name| name.trim_start_matches("g:").eq_ignore_ascii_case("id")) {
        return Err(unreadable("the first line must name the fields, id among them"));
    }
    let mut reading = Reading::default();
    loop {
        let more = rows
            .read_byte_record(&mut record)
            .map_err(|_| unreadable("the feed is not tab-separated text"))?;
        if !more {
            break;
        }
        let line = record.position().map_or(0, |at| u32::try_from(at.line()).unwrap_or(u32::MAX));
        let product = fields(&header, &record).and_then(|fields| fields.product());
        reading.take(line, product);
    }
    Ok(reading)
}

fn fields(header: &[String], record: &csv::ByteRecord) -> Result<Fields, (&'static str, String)> {
    if record.len() > header.len() {
        return Err((
            "bad_row",
            format!("{} columns where the first line names {}", record.len(), header.len()),
        ));
    }
    let mut fields = Fields::default();
    for (name, value) in header.iter().zip(record.iter()) {
        let Some(field) = fields.named(name) else { continue };
        let value = std::str::from_utf8(value).map_err(|_| ("bad_text", format!("{name} is not UTF-8")))?;
        value.clone_into(field);
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_rows_are_kept_and_bad_ones_are_named_with_their_line() {
        let feed = "id\ttitle\tdescription\tlink\timage link\tprice\tsale price\tavailability\tbrand\n\
            shoe-1\tShoe\tLight\thttps://shop.example/1\thttps://shop.example/1.jpg\t19990.00 KZT\t14990.00 KZT\tin stock\tAla\n\
            \tNo id\t\thttps://shop.example/2\t\t1.00 KZT\t\t\t\n\
            shoe-1\tTwice\t\thttps://shop.example/3\t\t1.00 KZT\t\t\t\n\
            shoe-4\tBad price\t\thttps://shop.example/4\t\tfree\t\t\t\n\
            shoe-5\tToo many\t\thttps://shop.example/5\t\t1.00 KZT\t\t\t\tmore\n";
        let reading = read(feed.as_bytes()).unwrap();
        assert_eq!(reading.products.len(), 1);
        assert_eq!(reading.products[0].sale_price.unwrap().amount_minor, 1_499_000);
        let rejected: Vec<_> = reading.rejected.iter().map(|it| (it.line, it.code)).collect();
        assert_eq!(rejected, [(3, "missing_id"), (4, "duplicate_id"), (5, "bad_price"), (6, "bad_row")]);
    }

    #[test]
    fn what_is_no_feed_is_refused_whole() {
        assert_eq!(read(b"").unwrap_err().code, Code::FileUnreadable);
        assert_eq!(read(b"<rss/>").unwrap_err().code, Code::FileUnreadable);
    }
}
