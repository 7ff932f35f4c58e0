//! Words for place: a country (ISO 3166-1 alpha-2), a region of it (ISO 3166-2), a zone (IANA).

mod subdivisions;

use std::fmt;

/// ISO 3166-1 alpha-2, `KZ`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country([u8; 2]);

impl Country {
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 2] = text.as_bytes().try_into().ok()?;
        (bytes.iter().all(u8::is_ascii_uppercase) && ASSIGNED.contains(text)).then_some(Self(bytes))
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("ZZ")
    }
}

/// ISO 3166-1 alpha-2 codes, officially assigned.
const ASSIGNED: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// ISO 3166-2, `KZ-75`: an assigned country and one to three letters or digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Region(String);

impl Region {
    pub fn parse(text: &str) -> Option<Self> {
        let (country, part) = text.split_once('-')?;
        Country::parse(country)?;
        let fits = (1..=3).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        fits.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn country(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }

    /// Whether there is such a region. What athletes told us earlier may name one that is no more: it stays readable.
    pub fn exists(&self) -> bool {
        self.0.split_once('-').is_some_and(|(country, part)| subdivisions::exists(country, part))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_well_formed_or_none_and_exists_or_not() {
        let there = [
            "KZ-75", "KZ-71", "KZ-79", "KZ-10", "KZ-33", "KZ-62", "RU-MOW", "KG-GB", "UZ-TK", "DE-BE",
            "US-CA",
        ];
        for region in there {
            assert!(Region::parse(region).is_some_and(|region| region.exists()), "{region}");
        }
        // Kazakhstan's letters were given up in 2022.
        for region in ["KZ-99", "KZ-ALA", "DE-XX", "US-75"] {
            assert!(Region::parse(region).is_some_and(|region| !region.exists()), "{region}");
        }
        for nonsense in ["XX-75", "KZ", "KZ-", "KZ-1234", "kz-75", "KZ_75"] {
            assert!(Region::parse(nonsense).is_none(), "{nonsense}");
        }
    }
}
