//! A feed as Google Merchant XML: RSS 2.0 items or Atom entries. Entities are not expanded, a DOCTYPE is refused.

use kernel::{Code, Refusal};
use quick_xml::{Reader, events::Event};

use super::{Reading, field::Fields};

const DEPTH_MAX: usize = 16;
const TEXT_BYTES_MAX: usize = 64 * 1024;

pub fn read(body: &[u8]) -> Result<Reading, Refusal> {
    let text = std::str::from_utf8(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body))
        .map_err(|_| unreadable("the feed is not UTF-8"))?;
    let mut xml = Reader::from_str(text);
    let mut walk = Walk { lines: Lines { text: text.as_bytes(), at: 0, line: 1 }, ..Walk::default() };
    loop {
        let at = xml.buffer_position();
        let event = xml.read_event().map_err(|error| unreadable(&format!("the feed is not XML: {error}")))?;
        match event {
            Event::DocType(_) => return Err(unreadable("a DOCTYPE is not accepted")),
            Event::Start(tag) => walk.open(tag.local_name().as_ref(), at)?,
            Event::Empty(tag) => {
                walk.open(tag.local_name().as_ref(), at)?;
                walk.close();
            }
            Event::End(_) => walk.close(),
            Event::Text(text) => walk.text(&text.xml10_content())?,
            Event::CData(text) => walk.text(&text.xml10_content())?,
            Event::GeneralRef(name) => {
                let symbol = match name.resolve_char_ref() {
                    Ok(Some(symbol)) => symbol,
                    Ok(None) => predefined(&name.xml10_content())
                        .ok_or_else(|| unreadable("an entity is not known"))?,
                    Err(_) => return Err(unreadable("a character reference is not valid")),
                };
                walk.text(symbol.encode_utf8(&mut [0; 4]))?;
            }
            Event::Eof if walk.depth > 0 => return Err(unreadable("the feed ends in the middle")),
            Event::Eof if !walk.has_root => return Err(unreadable("the feed is not RSS or Atom")),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
    Ok(walk.reading)
}

fn unreadable(detail: &str) -> Refusal {
    Refusal::new(Code::FileUnreadable, detail)
}

fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

/// Counts lines as the reader goes on.
#[derive(Default)]
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u32,
}

impl Lines<'_> {
    fn of(&mut self, position: u64) -> u32 {
        let to = usize::try_from(position).unwrap_or(usize::MAX).min(self.text.len());
        let passed =
            self.text.get(self.at..to).map_or(0, |slice| slice.iter().filter(|byte| **byte == b'\n').count());
        self.at = self.at.max(to);
        self.line = self.line.saturating_add(u32::try_from(passed).unwrap_or(u32::MAX));
        self.line
    }
}

#[derive(Default)]
struct Walk<'a> {
    lines: Lines<'a>,
    depth: usize,
    has_root: bool,
    /// The item that is open: its depth, its line, what was read of it.
    item: Option<(usize, u32, Fields)>,
    /// The field that is open: its depth and name.
    field: Option<(usize, String)>,
    value: String,
    reading: Reading,
}

impl Walk<'_> {
    fn open(&mut self, name: &str, at: u64) -> Result<(), Refusal> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(unreadable("the feed is nested too deeply"));
        }
        if self.depth == 1 {
            self.has_root = matches!(name, "rss" | "feed" | "RDF");
            return if self.has_root { Ok(()) } else { Err(unreadable("the feed is not RSS or Atom")) };
        }
        match &self.item {
            None if matches!(name, "item" | "entry") => {
                self.item = Some((self.depth, self.lines.of(at), Fields::default()));
            }
            Some((depth, _, _)) if self.depth == depth + 1 => {
                self.field = Some((self.depth, name.to_owned()));
                self.value.clear();
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Refusal> {
        if self.field.as_ref().is_some_and(|(depth, _)| *depth == self.depth) {
            if self.value.len() + text.len() > TEXT_BYTES_MAX {
                return Err(unreadable("a field is too long"));
            }
            self.value.push_str(text);
        }
        Ok(())
    }

    fn close(&mut self) {
        if let Some((depth, name)) = self.field.take_if(|(depth, _)| *depth == self.depth)
            && let Some((_, _, fields)) = &mut self.item
            && depth == self.depth
            && let Some(field) = fields.named(&name)
            && field.is_empty()
        {
            // The first of several wins: additional images come under another name anyway.
            *field = std::mem::take(&mut self.value);
        }
        if let Some((_, line, fields)) = self.item.take_if(|(depth, _, _)| *depth == self.depth) {
            self.reading.take(line, fields.product());
        }
        self.depth = self.depth.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rss(items: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?>\n<rss version=\"2.0\" xmlns:g=\"http://base.google.com/ns/1.0\">\n<channel>\n<title>Shop</title>\n{items}</channel>\n</rss>\n"
        )
    }

    #[test]
    fn items_are_products_and_bad_ones_are_named_with_their_line() {
        let reading = read(
            rss("<item><g:id>shoe-1</g:id><title>Shoe &amp; sock</title><description><![CDATA[<b>Light</b>]]></description>\
                 <link>https://shop.example/1?a=1&amp;b=2</link><g:image_link>https://shop.example/1.jpg</g:image_link>\
                 <g:price>19990.00 KZT</g:price><g:sale_price>14990.00 KZT</g:sale_price>\
                 <g:availability>in_stock</g:availability><g:brand>Ala</g:brand><g:shipping><g:price>1 KZT</g:price></g:shipping></item>\n\
                 <item><g:id>shoe-2</g:id><title>No price</title><link>https://shop.example/2</link></item>\n")
            .as_bytes(),
        )
        .unwrap();
        let product = &reading.products[0];
        assert_eq!((product.title.as_str(), product.price.amount_minor), ("Shoe & sock", 1_999_000));
        assert_eq!(
            (product.description.as_str(), product.link.as_str()),
            ("<b>Light</b>", "https://shop.example/1?a=1&b=2")
        );
        assert_eq!((reading.rejected[0].line, reading.rejected[0].code), (6, "bad_price"));
    }

    #[test]
    fn atom_entries_are_read_too() {
        let atom = "<feed xmlns=\"http://www.w3.org/2005/Atom\" xmlns:g=\"http://base.google.com/ns/1.0\"><entry><g:id>1</g:id>\
            <title>Shoe</title><g:link>https://shop.example/1</g:link><g:price>1 KZT</g:price></entry></feed>";
        assert_eq!(read(atom.as_bytes()).unwrap().products.len(), 1);
    }

    #[test]
    fn hostile_or_broken_feeds_are_refused_whole() {
        let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\">]><rss><channel/></rss>";
        let deep = format!("<rss>{}{}</rss>", "<a>".repeat(50), "</a>".repeat(50));
        for feed in [
            bomb,
            &deep,
            "",
            "{}",
            "<html></html>",
            "<rss><channel><item>",
            "<rss><a></b></rss>",
            "<rss>&xxe;</rss>",
        ] {
            assert_eq!(read(feed.as_bytes()).unwrap_err().code, Code::FileUnreadable, "{feed}");
        }
        assert!(read(&[0xff, 0xfe, 0x00]).is_err());
    }
}
