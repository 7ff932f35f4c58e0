//! Codes of offers: derived under the service's secret, so that they are nowhere written and yet the holder sees them.

use aws_lc_rs::hmac;

use super::ids::OfferId;

/// Without I, L, O, U: nothing that is misread or spells a word.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 12 symbols of 5 bits: a guess hits with 2^-60 times the number of live codes.
const SYMBOLS: usize = 12;

/// The keys of this service, all derived from one secret of 32 random bytes.
#[derive(Clone)]
pub struct Secrets {
    code: hmac::Key,
    lookup: hmac::Key,
    pub(super) click: hmac::Key,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    pub fn new(secret: &[u8; 32]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derive =
            |purpose: &str| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, purpose.as_bytes()).as_ref());
        Self { code: derive("offer code"), lookup: derive("offer code lookup"), click: derive("click token") }
    }

    /// `ABCD-EFGH-JKMN`
    pub fn code_of(&self, offer: OfferId) -> String {
        let tag = hmac::sign(&self.code, offer.as_bytes());
        let mut bits = tag.as_ref().iter().take(8).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        let mut code = String::with_capacity(SYMBOLS + 2);
        for index in 0..SYMBOLS {
            if index > 0 && index % 4 == 0 {
                code.push('-');
            }
            code.push(char::from(ALPHABET[(bits & 31) as usize]));
            bits >>= 5;
        }
        code
    }

    /// What a code is found by; `None` when it cannot be one. Case, spaces, dashes and look-alikes are forgiven.
    pub fn lookup(&self, code: &str) -> Option<Vec<u8>> {
        let normal = normalised(code)?;
        Some(hmac::sign(&self.lookup, normal.as_bytes()).as_ref().to_vec())
    }
}

fn normalised(code: &str) -> Option<String> {
    if code.len() > 64 {
        return None;
    }
    let mut normal = String::with_capacity(SYMBOLS);
    for symbol in code.chars().filter(|symbol| !matches!(symbol, '-' | ' ')) {
        let symbol = match symbol.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        if !ALPHABET.iter().any(|known| char::from(*known) == symbol) {
            return None;
        }
        normal.push(symbol);
    }
    (normal.len() == SYMBOLS).then_some(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_long_readable_its_offers_own_and_found_by_its_lookup() {
        let secrets = Secrets::new(&[7; 32]);
        let offer = OfferId::random();
        let code = secrets.code_of(offer);
        assert_eq!(code.len(), 14);
        assert_eq!(code, secrets.code_of(offer));
        assert_ne!(code, secrets.code_of(OfferId::random()));
        assert_ne!(code, Secrets::new(&[8; 32]).code_of(offer));
        let sloppy = code.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
        assert_eq!(secrets.lookup(&sloppy), secrets.lookup(&code));
        assert_eq!(secrets.lookup("short"), None);
        assert_eq!(secrets.lookup("UUUU-UUUU-UUUU"), None);
    }
}
