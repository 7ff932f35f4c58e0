//! What an account says of itself, and what of it may change.

use jiff::{Timestamp, tz::TimeZone};
use kernel::{
    Code, FieldError, Refusal,
    place::{Country, Region},
    time::micros,
};

use super::{
    account::{Account, AccountEvent},
    age,
    names::{DisplayName, Handle},
};

/// A place may change this often within the span; then it stays, so that nobody hops between regional offers.
const PLACE_CHANGES_MAX: usize = 3;
const PLACE_CHANGES_SPAN_S: i64 = 30 * 24 * 3600;
const LOCALE_BYTES_MAX: usize = 35;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sex {
    F,
    M,
    X,
}

impl Sex {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "f" => Some(Self::F),
            "m" => Some(Self::M),
            "x" => Some(Self::X),
            _ => None,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::F => "f",
            Self::M => "m",
            Self::X => "x",
        }
    }
}

/// An IANA zone that we know, in its canonical spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(String);

impl Zone {
    pub fn parse(text: &str) -> Option<Self> {
        let zone = TimeZone::get(text).ok()?;
        zone.iana_name().map(|name| Self(name.to_owned()))
    }

    pub fn utc() -> Self {
        Self("UTC".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn kept(text: String) -> Self {
        Self(text)
    }
}

/// A BCP 47 language tag, by its shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locale(String);

impl Locale {
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let language = parts.next()?;
        let fits = text.len() <= LOCALE_BYTES_MAX
            && (2..=3).contains(&language.len())
            && language.bytes().all(|b| b.is_ascii_alphabetic())
            && parts
                .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()));
        fits.then(|| Self(text.to_owned()))
    }

    pub fn english() -> Self {
        Self("en".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn kept(text: String) -> Self {
        Self(text)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub display_name: DisplayName,
    pub handle: Handle,
    pub birth_year: Option<i32>,
    pub sex: Option<Sex>,
    pub country: Option<Country>,
    pub region: Option<Region>,
    pub time_zone: Zone,
    pub locale: Locale,
}

/// What is said of a profile, as it came in; `None` = not said. An empty sex or region means "none".
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub display_name: Option<String>,
    pub handle: Option<String>,
    pub birth_year: Option<i32>,
    pub sex: Option<String>,
    pub country: Option<String>,
    pub region: Option<String>,
    pub time_zone: Option<String>,
    pub locale: Option<String>,
}

/// The same, understood. `Some(None)` clears.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    pub display_name: Option<DisplayName>,
    pub handle: Option<Handle>,
    pub birth_year: Option<i32>,
    pub sex: Option<Option<Sex>>,
    pub country: Option<Country>,
    pub region: Option<Option<Region>>,
    pub time_zone: Option<Zone>,
    pub locale: Option<Locale>,
}

pub(super) fn fault(pointer: &str, code: &str, detail: &str) -> FieldError {
    FieldError { pointer: pointer.to_owned(), code: code.to_owned(), detail: detail.to_owned() }
}

impl Patch {
    /// Understands every field that it can; `faults` takes the rest.
    pub fn parse(said: &Said, this_year: i32, faults: &mut Vec<FieldError>) -> Self {
        let mut patch = Self::default();
        let mut take = |result: Result<(), FieldError>| {
            if let Err(fault) = result {
                faults.push(fault);
            }
        };
        if let Some(text) = &said.display_name {
            take(DisplayName::parse("/display_name", text).map(|name| patch.display_name = Some(name)));
        }
        if let Some(text) = &said.handle {
            take(Handle::parse("/handle", text).map(|handle| patch.handle = Some(handle)));
        }
        if let Some(year) = said.birth_year {
            take(if age::is_sane(year, this_year) {
                patch.birth_year = Some(year);
                Ok(())
            } else {
                Err(fault("/birth_year", "out_of_range", "nobody alive was born in this year"))
            });
        }
        take(parse_cleared("/sex", said.sex.as_deref(), Sex::parse, "f, m or x").map(|sex| patch.sex = sex));
        take(
            parse_cleared("/region", said.region.as_deref(), Region::parse, "an ISO 3166-2 code: KZ-75")
                .map(|region| patch.region = region),
        );
        take(
            parse_one("/country", said.country.as_deref(), Country::parse, "an ISO 3166-1 code: KZ")
                .map(|country| patch.country = country),
        );
        take(
            parse_one("/time_zone", said.time_zone.as_deref(), Zone::parse, "an IANA time zone: Asia/Almaty")
                .map(|zone| patch.time_zone = zone),
        );
        take(
            parse_one("/locale", said.locale.as_deref(), Locale::parse, "a BCP 47 tag: kk-KZ")
                .map(|locale| patch.locale = locale),
        );
        patch
    }
}

fn parse_one<T>(
    pointer: &str,
    said: Option<&str>,
    parse: fn(&str) -> Option<T>,
    wanted: &str,
) -> Result<Option<T>, FieldError> {
    said.map(|text| parse(text).ok_or_else(|| fault(pointer, "unknown", &format!("this must be {wanted}"))))
        .transpose()
}

fn parse_cleared<T>(
    pointer: &str,
    said: Option<&str>,
    parse: fn(&str) -> Option<T>,
    wanted: &str,
) -> Result<Option<Option<T>>, FieldError> {
    match said {
        Some("") => Ok(Some(None)),
        other => Ok(parse_one(pointer, other, parse, wanted)?.map(Some)),
    }
}

/// A region lies in its country.
pub(super) fn check_place(profile: &Profile) -> Result<(), FieldError> {
    match (&profile.region, &profile.country) {
        (Some(region), Some(country)) if region.country() != country.as_str() => {
            Err(fault("/region", "not_in_country", "the region does not lie in the country"))
        }
        (Some(_), None) => Err(fault("/country", "required", "a region needs its country")),
        _ => Ok(()),
    }
}

/// The profile with the patch; the events of it are none when nothing differs.
pub fn change(account: &Account, patch: &Patch, now: Timestamp) -> Result<Vec<AccountEvent>, Refusal> {
    let (id, identity) = account.alive()?;
    let old = &identity.profile;
    let mut new = old.clone();
    merge(&mut new, patch);
    if patch.country.is_some() && patch.region.is_none() && check_place(&new).is_err() {
        // A move to another country leaves the old region behind.
        new.region = None;
    }
    Refusal::fields(check_place(&new).err().into_iter().collect())?;
    check_age_change(account, old, &new, now)?;
    if new == *old {
        return Ok(Vec::new());
    }
    let moved = new.country != old.country || new.region != old.region;
    if moved {
        check_place_cool_down(account, now)?;
    }
    let place_changed_us = moved.then(|| micros(now));
    Ok(vec![AccountEvent::ProfileChanged { account_id: id, profile: Some(new), place_changed_us }])
}

fn merge(profile: &mut Profile, patch: &Patch) {
    fn set<T: Clone>(to: &mut T, from: Option<&T>) {
        if let Some(value) = from {
            *to = value.clone();
        }
    }
    set(&mut profile.display_name, patch.display_name.as_ref());
    set(&mut profile.handle, patch.handle.as_ref());
    set(&mut profile.sex, patch.sex.as_ref());
    set(&mut profile.region, patch.region.as_ref());
    set(&mut profile.time_zone, patch.time_zone.as_ref());
    set(&mut profile.locale, patch.locale.as_ref());
    profile.birth_year = patch.birth_year.or(profile.birth_year);
    profile.country = patch.country.or(profile.country);
}

/// A corrected birth year may not lift a protection: neither a minor's, nor the need of a guardian.
fn check_age_change(account: &Account, old: &Profile, new: &Profile, now: Timestamp) -> Result<(), Refusal> {
    let Some(year) =
        new.birth_year.filter(|year| old.birth_year != Some(*year) || new.country != old.country)
    else {
        return Ok(());
    };
    let this_year = year_of(now);
    if age::age(year, this_year) < age::AGE_MIN {
        return Err(Refusal::field("/birth_year", "too_young", "an account needs an age of at least 13"));
    }
    let was_minor = old.birth_year.is_some_and(|year| age::is_minor(year, this_year));
    if was_minor && !age::is_minor(year, this_year) {
        return Err(Refusal::field(
            "/birth_year",
            "locked",
            "write to us to correct the birth year of a minor",
        ));
    }
    let alone_from = age::of_consent(new.country.as_ref().map_or("", Country::as_str));
    if age::age(year, this_year) < alone_from && !account.has_guardian {
        return Err(Refusal::new(
            Code::GuardianRequired,
            "at this age, in this country, a guardian must agree",
        ));
    }
    Ok(())
}

fn check_place_cool_down(account: &Account, now: Timestamp) -> Result<(), Refusal> {
    let changes = &account.place_changes_us;
    let Some(oldest) = changes.len().checked_sub(PLACE_CHANGES_MAX).and_then(|index| changes.get(index))
    else {
        return Ok(());
    };
    let wait_s = oldest / 1_000_000 + PLACE_CHANGES_SPAN_S - now.as_second();
    match u32::try_from(wait_s) {
        Ok(wait_s) if wait_s > 0 => Err(Refusal::new(
            Code::Conflict,
            "the country or region was changed three times within 30 days; it stays for a while",
        )
        .retry_after_s(wait_s)),
        _ => Ok(()),
    }
}

pub fn year_of(now: Timestamp) -> i32 {
    i32::from(now.to_zoned(TimeZone::UTC).year())
}
