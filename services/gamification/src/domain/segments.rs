//! Boards that somebody stands on besides everybody's, by what they have told of themselves.

/// Nobody younger stands on a board of an age: what is known of the age of minors is nobody's to see.
const AGE_MIN: i32 = 18;
const AGE_MAX: i32 = 119;

/// `sex:{…}`, where it was told.
pub fn sex(told: Option<&str>) -> Option<String> {
    told.filter(|sex| ["f", "m", "x"].contains(sex)).map(|sex| format!("sex:{sex}"))
}

/// `age:{from}-{to}`, by the age that somebody reaches in that year, as competitions have it: `18-19`, then decades.
pub fn age(birth_year: Option<i32>, year: i32) -> Option<String> {
    let age = year.checked_sub(birth_year?).filter(|age| (AGE_MIN..=AGE_MAX).contains(age))?;
    let decade = age / 10 * 10;
    Some(format!("age:{}-{}", decade.max(AGE_MIN), decade + 9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_decade_of_the_year_and_nobodys_below_eighteen() {
        let band = |age: i32| age_of(2026 - age);
        assert_eq!((band(17), band(-3), band(120)), (None, None, None));
        assert_eq!((band(18).as_deref(), band(19).as_deref()), (Some("age:18-19"), Some("age:18-19")));
        assert_eq!((band(20).as_deref(), band(29).as_deref()), (Some("age:20-29"), Some("age:20-29")));
        assert_eq!(band(101).as_deref(), Some("age:100-109"));
        assert_eq!((age(None, 2026), age_of(i32::MIN)), (None, None));
    }

    fn age_of(birth_year: i32) -> Option<String> {
        age(Some(birth_year), 2026)
    }

    #[test]
    fn what_was_not_told_is_no_segment() {
        assert_eq!((sex(Some("x")).as_deref(), sex(None), sex(Some("?"))), (Some("sex:x"), None, None));
    }
}
