//! Privacy settings as their owner changes them. What they mean is said by the crate `privacy`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kernel::{Code, FieldError, Refusal};
use privacy::{Audience, BoardName, DataClass, Zone, settings::ceiling, zone::ZONES_MAX};

use super::{
    account::{Account, AccountEvent},
    profile::fault,
};

/// What is said of the settings, as it came in; what is not said stays.
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub audiences: Vec<(String, Vec<String>)>,
    pub searchable: Option<bool>,
    pub board_name: Option<String>,
    pub follow_approval: Option<bool>,
    pub zones: Option<Vec<Zone>>,
}

/// The same, understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    audiences: BTreeMap<DataClass, Audience>,
    searchable: Option<bool>,
    board_name: Option<BoardName>,
    follow_approval: Option<bool>,
    zones: Option<Vec<Zone>>,
}

impl Patch {
    pub fn parse(said: &Said) -> Result<Self, Refusal> {
        let mut faults = Vec::new();
        let mut patch =
            Self { searchable: said.searchable, follow_approval: said.follow_approval, ..Self::default() };
        for (class, words) in &said.audiences {
            match parse_audience(class, words) {
                Ok((class, audience)) => {
                    patch.audiences.insert(class, audience);
                }
                Err(fault) => faults.push(fault),
            }
        }
        if let Some(text) = &said.board_name {
            patch.board_name = BoardName::parse(text);
            if patch.board_name.is_none() {
                faults.push(fault("/board_name", "unknown", "this must be shown or anonymous"));
            }
        }
        if let Some(zones) = &said.zones {
            faults.extend(zone_faults(zones));
            patch.zones = Some(zones.clone());
        }
        Refusal::fields(faults)?;
        Ok(patch)
    }
}

fn parse_audience(class: &str, words: &[String]) -> Result<(DataClass, Audience), FieldError> {
    let pointer = format!("/audiences/{}", class.replace('~', "~0").replace('/', "~1"));
    let parsed = DataClass::parse(class)
        .ok_or_else(|| fault(&pointer, "unknown", "there is no such class of data"))?;
    let audience = Audience::parse(words).map_err(|error| {
        fault(&format!("{pointer}/{}", error.index), "unknown", &error.reason.to_string())
    })?;
    Ok((parsed, audience))
}

fn zone_faults(zones: &[Zone]) -> Vec<FieldError> {
    if zones.len() > ZONES_MAX {
        return vec![fault("/zones", "too_many", "at most 20 zones")];
    }
    let check = |(index, zone): (usize, &Zone)| {
        let error = zone.check().err()?;
        Some(fault(&format!("/zones/{index}/{}", error.field()), "out_of_range", &error.to_string()))
    };
    zones.iter().enumerate().filter_map(check).collect()
}

/// The settings with the patch, provided they are still at `if_revision`.
pub fn change(
    account: &Account,
    patch: &Patch,
    if_revision: Option<u64>,
    now: Timestamp,
) -> Result<Vec<AccountEvent>, Refusal> {
    let (id, _) = account.alive()?;
    match if_revision {
        None => {
            return Err(Refusal::new(
                Code::PreconditionRequired,
                "say with If-Match which settings you change",
            ));
        }
        Some(revision) if revision != account.privacy_revision => {
            return Err(Refusal::new(
                Code::VersionMismatch,
                "the settings were changed meanwhile: read them again",
            ));
        }
        Some(_) => {}
    }
    let minor = account.is_minor(now);
    let mut settings = account.privacy.clone();
    for (class, audience) in &patch.audiences {
        if minor {
            check_ceiling(*class, audience)?;
        }
        settings.audiences.insert(*class, audience.clone());
    }
    if minor && patch.board_name == Some(BoardName::Shown) {
        return Err(above_ceiling("/board_name"));
    }
    settings.searchable = patch.searchable.unwrap_or(settings.searchable);
    settings.board_name = patch.board_name.unwrap_or(settings.board_name);
    settings.follow_approval = patch.follow_approval.unwrap_or(settings.follow_approval);
    settings.zones = patch.zones.clone().unwrap_or(settings.zones);
    if settings == account.privacy {
        return Ok(Vec::new());
    }
    Ok(vec![AccountEvent::PrivacyChanged {
        account_id: id,
        settings,
        revision: account.privacy_revision + 1,
    }])
}

/// What a minor asks for must lie within the ceiling, word by word: nothing is cut silently.
fn check_ceiling(class: DataClass, audience: &Audience) -> Result<(), Refusal> {
    let widest = ceiling(class);
    let too_wide = audience.everyone
        || (audience.followers && !widest.followers)
        || (audience.friends && !widest.friends && !widest.followers)
        || ((audience.groups || !audience.named_groups.is_empty()) && widest.is_only_me());
    if too_wide { Err(above_ceiling(&format!("/audiences/{class}"))) } else { Ok(()) }
}

fn above_ceiling(pointer: &str) -> Refusal {
    Refusal::field(pointer, "above_ceiling", "under 18 this may not be shown so widely")
}
