//! What somebody must say to sign up, and whether they may.

use jiff::Timestamp;
use kernel::{Code, Refusal};

use super::{
    age,
    consent::{Agreement, Purpose},
    email::Email,
    names::Handle,
    password,
    profile::{self, Locale, Patch, Profile, Zone, fault, year_of},
};

/// A sign-up as it came in.
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub email: String,
    pub profile: profile::Said,
    /// `(purpose, text version)`
    pub consents: Vec<(String, String)>,
    pub guardian_email: Option<String>,
}

/// A sign-up that may go on.
#[derive(Clone, Debug)]
pub struct SignUp {
    pub email: Email,
    pub profile: Profile,
    /// Chosen by the athlete: then a taken one is a fault, and not simply numbered.
    pub handle_chosen: bool,
    pub agreements: Vec<Agreement>,
    /// Set exactly where one must agree.
    pub guardian: Option<Email>,
}

/// Everything at fault is told at once; who is too young is told alone.
pub fn parse(said: &Said, now: Timestamp) -> Result<SignUp, Refusal> {
    let this_year = year_of(now);
    let mut faults = Vec::new();
    let email = Email::parse_field("/email", &said.email).map_err(|fault| faults.push(fault)).ok();
    let patch = Patch::parse(&said.profile, this_year, &mut faults);
    for (pointer, missing) in [
        ("/display_name", said.profile.display_name.is_none()),
        ("/birth_year", said.profile.birth_year.is_none()),
        ("/country", said.profile.country.is_none()),
    ] {
        if missing {
            faults.push(fault(pointer, "required", "this is needed to sign up"));
        }
    }
    let mut agreements: Vec<Agreement> = Vec::new();
    for (index, (purpose, version)) in said.consents.iter().take(Purpose::ALL.len() * 2).enumerate() {
        match Agreement::parse(&format!("/consents/{index}"), purpose, version) {
            Ok(agreement) => {
                agreements.retain(|earlier| earlier.purpose != agreement.purpose);
                agreements.push(agreement);
            }
            Err(fault) => faults.push(fault),
        }
    }
    if !agreements.iter().any(|agreement| agreement.purpose == Purpose::Terms) {
        faults.push(fault("/consents", "terms_needed", "an account needs the consent to the terms"));
    }
    let guardian = said.guardian_email.as_deref().filter(|text| !text.is_empty());
    let guardian = guardian.and_then(|text| {
        Email::parse_field("/guardian_email", text).map_err(|fault| faults.push(fault)).ok()
    });
    let handle_chosen = patch.handle.is_some();
    let profile = profile_of(patch);
    if let Some(fault) = profile.as_ref().and_then(|profile| profile::check_place(profile).err()) {
        faults.push(fault);
    }
    Refusal::fields(faults)?;
    let (Some(email), Some(profile)) = (email, profile) else {
        return Err(Refusal::new(Code::InvalidField, "the sign-up is not complete"));
    };
    let guardian = guardian_of(&email, &profile, guardian, this_year)?;
    Ok(SignUp { email, profile, handle_chosen, agreements, guardian })
}

fn profile_of(patch: Patch) -> Option<Profile> {
    let display_name = patch.display_name?;
    let handle = patch.handle.unwrap_or_else(|| Handle::derived(&display_name));
    Some(Profile {
        handle,
        display_name,
        birth_year: patch.birth_year,
        sex: patch.sex.flatten(),
        country: patch.country,
        region: patch.region.flatten(),
        time_zone: patch.time_zone.unwrap_or_else(Zone::utc),
        locale: patch.locale.unwrap_or_else(Locale::english),
    })
}

/// Who must agree besides the athlete.
fn guardian_of(
    email: &Email,
    profile: &Profile,
    guardian: Option<Email>,
    this_year: i32,
) -> Result<Option<Email>, Refusal> {
    let (Some(year), Some(country)) = (profile.birth_year, &profile.country) else { return Ok(None) };
    let years = age::age(year, this_year);
    if years < age::AGE_MIN {
        return Err(Refusal::field("/birth_year", "too_young", "an account needs an age of at least 13"));
    }
    if years >= age::of_consent(country.as_str()) {
        return Ok(None);
    }
    match guardian {
        None => Err(Refusal::new(
            Code::GuardianRequired,
            "at this age a guardian must agree: name a guardian_email",
        )),
        Some(guardian) if guardian == *email => {
            Err(Refusal::field("/guardian_email", "own_email", "a guardian has an address of their own"))
        }
        some => Ok(some),
    }
}

/// The password, held against what the athlete is called.
pub fn check_password(sign_up: &SignUp, password: &str) -> Result<(), Refusal> {
    let about = [
        sign_up.email.local(),
        sign_up.profile.display_name.as_str(),
        sign_up.profile.handle.as_str(),
        "stadion",
    ];
    Refusal::fields(password::check("/password", password, &about).err().into_iter().collect())
}
