//! Ages from birth years, and the ages that the law names.

/// Nobody younger may have an account.
pub const AGE_MIN: i32 = 13;
pub const ADULT: i32 = 18;
/// Nobody has been older for certain (122 years), with room.
const AGE_MAX: i32 = 125;

/// The years completed *for certain*: who was born this many years ago may not have had the birthday yet.
pub fn age(birth_year: i32, this_year: i32) -> i32 {
    this_year - birth_year - 1
}

pub fn is_minor(birth_year: i32, this_year: i32) -> bool {
    age(birth_year, this_year) < ADULT
}

/// A year in which somebody alive can have been born.
pub fn is_sane(birth_year: i32, this_year: i32) -> bool {
    (this_year - AGE_MAX..=this_year).contains(&birth_year)
}

/// From which age a person consents alone to the processing of their data: GDPR Art. 8 as the member states set it,
/// COPPA, UK GDPR; 16 where we know no other.
pub fn of_consent(country: &str) -> i32 {
    match country {
        "BE" | "DK" | "EE" | "FI" | "GB" | "IS" | "LV" | "MT" | "NO" | "PT" | "SE" | "US" => 13,
        "AT" | "BG" | "CY" | "ES" | "IT" | "LT" => 14,
        "CZ" | "FR" | "GR" | "SI" => 15,
        _ => 16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_birth_year_gives_the_younger_of_the_two_ages() {
        assert_eq!(age(2008, 2026), 17);
        assert!(is_minor(2008, 2026) && !is_minor(2007, 2026));
    }

    #[test]
    fn the_age_of_consent_is_the_countrys_or_sixteen() {
        assert_eq!(
            (of_consent("SE"), of_consent("AT"), of_consent("FR"), of_consent("KZ")),
            (13, 14, 15, 16)
        );
    }

    #[test]
    fn years_that_nobody_alive_was_born_in_are_not_sane() {
        assert!(is_sane(1950, 2026));
        for year in [1, 1899, 2027, 9999, i32::MIN / 2] {
            assert!(!is_sane(year, 2026), "{year}");
        }
    }
}
