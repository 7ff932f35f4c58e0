//! Between the domain's events and their proto form. Nowhere else.

use bytes::Bytes;
use eventing::{
    aggregate::Aggregate,
    event::{DecodeError, DomainEvent, Plain},
};
use kernel::{
    AccountId, Id,
    place::{Country, Region},
};
use privacy::{Audience, BoardName, DataClass, Settings};
use proto::{Name, auth as p};
use uuid::Uuid;

use crate::domain::{
    account::{Account, AccountEvent, Identity, Origin, PasswordReason},
    consent::{Consent, GivenBy, Purpose},
    email::Email,
    names::{DisplayName, Handle},
    partner::{Partner, PartnerEvent, PartnerState},
    profile::{Locale, Profile, Sex, Zone},
    role::{Regions, Role},
};

impl Aggregate for Account {
    type Event = AccountEvent;
    const KIND: &'static str = "account";

    fn evolve(&mut self, event: &AccountEvent) {
        self.apply(event);
    }
}

impl Aggregate for PartnerState {
    type Event = PartnerEvent;
    const KIND: &'static str = "partner";

    fn evolve(&mut self, event: &PartnerEvent) {
        self.apply(event);
    }
}

pub(crate) fn bytes<Kind>(id: Id<Kind>) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}

fn uuid(field: &str, bytes: &[u8]) -> Result<Uuid, DecodeError> {
    Uuid::from_slice(bytes).map_err(|_| DecodeError(format!("{field} is no uuid")))
}

fn account_id(bytes: &[u8]) -> Result<AccountId, DecodeError> {
    uuid("account_id", bytes).map(Id::new)
}

fn word<T>(field: &str, text: &str, parsed: Option<T>) -> Result<T, DecodeError> {
    parsed.ok_or_else(|| DecodeError(format!("{field} {text:?} is unknown")))
}

impl DomainEvent for AccountEvent {
    fn encode(&self) -> Plain {
        match self {
            Self::Registered { account_id, identity, home_cell, guardian, origin } => {
                Plain::of(&p::AccountRegistered {
                    account_id: bytes(*account_id),
                    email: identity
                        .as_ref()
                        .map(|identity| identity.email.as_str().to_owned())
                        .unwrap_or_default(),
                    profile: identity.as_ref().map(|identity| profile_out(&identity.profile)),
                    home_cell: home_cell.clone(),
                    guardian_email: guardian.as_ref().map(|email| email.as_str().to_owned()),
                    origin: origin_word(*origin).to_owned(),
                })
            }
            Self::ProfileChanged { account_id, profile, place_changed_us } => Plain::of(&p::ProfileChanged {
                account_id: bytes(*account_id),
                profile: profile.as_ref().map(profile_out),
                place_changed_us: *place_changed_us,
            }),
            Self::PasswordChanged { account_id, reason } => Plain::of(&p::PasswordChanged {
                account_id: bytes(*account_id),
                reason: reason_word(*reason).to_owned(),
            }),
            Self::ConsentGiven { account_id, consent } => Plain::of(&consent_out(*account_id, consent)),
            Self::ConsentWithdrawn { account_id, receipt_id, purpose, withdrawn_us } => {
                Plain::of(&p::ConsentWithdrawn {
                    account_id: bytes(*account_id),
                    receipt_id: Bytes::copy_from_slice(receipt_id.as_bytes()),
                    purpose: purpose.as_str().to_owned(),
                    withdrawn_us: *withdrawn_us,
                })
            }
            Self::PrivacyChanged { account_id, settings, revision } => Plain::of(&p::PrivacyChanged {
                account_id: bytes(*account_id),
                audiences: audiences_out(&settings.audiences),
                searchable: settings.searchable,
                board_name: settings.board_name.as_str().to_owned(),
                follow_approval: settings.follow_approval,
                zones: settings.zones.iter().map(zone_out).collect(),
                revision: *revision,
            }),
            Self::RoleGranted { account_id, role, regions, granted_by } => Plain::of(&p::RoleGranted {
                account_id: bytes(*account_id),
                role: role.as_str().to_owned(),
                regions: regions.texts(),
                granted_by: granted_by.clone(),
            }),
            Self::RoleRevoked { account_id, role, revoked_by } => Plain::of(&p::RoleRevoked {
                account_id: bytes(*account_id),
                role: role.as_str().to_owned(),
                revoked_by: revoked_by.clone(),
            }),
            Self::Erased { account_id } => Plain::of(&p::AccountErased { account_id: bytes(*account_id) }),
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        let kind = plain.kind.as_str();
        if kind == p::AccountRegistered::full_name() {
            return registered(plain.expect()?, plain);
        }
        if kind == p::ProfileChanged::full_name() {
            return profile_changed(plain.expect()?);
        }
        if kind == p::PasswordChanged::full_name() {
            let event: p::PasswordChanged = plain.expect()?;
            let reason = word("reason", &event.reason, parse_reason(&event.reason))?;
            return Ok(Self::PasswordChanged { account_id: account_id(&event.account_id)?, reason });
        }
        if kind == p::ConsentGiven::full_name() {
            return consent_given(plain.expect()?);
        }
        if kind == p::ConsentWithdrawn::full_name() {
            return consent_withdrawn(&plain.expect()?);
        }
        if kind == p::PrivacyChanged::full_name() {
            return privacy_changed(plain.expect()?);
        }
        if kind == p::RoleGranted::full_name() {
            let event: p::RoleGranted = plain.expect()?;
            return Ok(Self::RoleGranted {
                account_id: account_id(&event.account_id)?,
                role: word("role", &event.role, Role::parse(&event.role))?,
                regions: Regions::kept(&event.regions),
                granted_by: event.granted_by,
            });
        }
        if kind == p::RoleRevoked::full_name() {
            let event: p::RoleRevoked = plain.expect()?;
            return Ok(Self::RoleRevoked {
                account_id: account_id(&event.account_id)?,
                role: word("role", &event.role, Role::parse(&event.role))?,
                revoked_by: event.revoked_by,
            });
        }
        let event: p::AccountErased = plain.expect()?;
        Ok(Self::Erased { account_id: account_id(&event.account_id)? })
    }
}

fn registered(event: p::AccountRegistered, plain: &Plain) -> Result<AccountEvent, DecodeError> {
    let identity = match event.profile {
        Some(profile) => Some(Identity {
            email: Email::parse(&event.email).ok_or_else(|| DecodeError("email is none".to_owned()))?,
            profile: profile_in(profile)?,
        }),
        None if plain.erased.is_empty() => return Err(DecodeError("an account without profile".to_owned())),
        None => None,
    };
    Ok(AccountEvent::Registered {
        account_id: account_id(&event.account_id)?,
        identity,
        home_cell: event.home_cell,
        guardian: event.guardian_email.as_deref().and_then(Email::parse),
        origin: word("origin", &event.origin, parse_origin(&event.origin))?,
    })
}

fn profile_changed(event: p::ProfileChanged) -> Result<AccountEvent, DecodeError> {
    Ok(AccountEvent::ProfileChanged {
        account_id: account_id(&event.account_id)?,
        profile: event.profile.map(profile_in).transpose()?,
        place_changed_us: event.place_changed_us,
    })
}

fn consent_out(account_id: AccountId, consent: &Consent) -> p::ConsentGiven {
    p::ConsentGiven {
        account_id: bytes(account_id),
        receipt_id: Bytes::copy_from_slice(consent.receipt_id.as_bytes()),
        purpose: consent.purpose.as_str().to_owned(),
        text_version: consent.text_version.clone(),
        text_hash: consent.text_hash.clone().into(),
        locale: consent.locale.as_str().to_owned(),
        given_by: consent.given_by.as_str().to_owned(),
        lawful_basis: consent.lawful_basis.clone(),
        receipt: consent.receipt.clone(),
        given_us: consent.given_us,
    }
}

fn consent_given(event: p::ConsentGiven) -> Result<AccountEvent, DecodeError> {
    let consent = Consent {
        receipt_id: uuid("receipt_id", &event.receipt_id)?,
        purpose: word("purpose", &event.purpose, Purpose::parse(&event.purpose))?,
        text_version: event.text_version,
        text_hash: event.text_hash.to_vec(),
        locale: Locale::kept(event.locale),
        given_by: if event.given_by == GivenBy::Guardian.as_str() {
            GivenBy::Guardian
        } else {
            GivenBy::Oneself
        },
        lawful_basis: event.lawful_basis,
        receipt: event.receipt,
        given_us: event.given_us,
        withdrawn_us: None,
    };
    Ok(AccountEvent::ConsentGiven { account_id: account_id(&event.account_id)?, consent })
}

fn consent_withdrawn(event: &p::ConsentWithdrawn) -> Result<AccountEvent, DecodeError> {
    Ok(AccountEvent::ConsentWithdrawn {
        account_id: account_id(&event.account_id)?,
        receipt_id: uuid("receipt_id", &event.receipt_id)?,
        purpose: word("purpose", &event.purpose, Purpose::parse(&event.purpose))?,
        withdrawn_us: event.withdrawn_us,
    })
}

fn privacy_changed(event: p::PrivacyChanged) -> Result<AccountEvent, DecodeError> {
    let settings = Settings {
        audiences: audiences_in(&event.audiences)?,
        searchable: event.searchable,
        board_name: word("board_name", &event.board_name, BoardName::parse(&event.board_name))?,
        follow_approval: event.follow_approval,
        zones: event.zones.into_iter().map(zone_in).collect(),
    };
    Ok(AccountEvent::PrivacyChanged {
        account_id: account_id(&event.account_id)?,
        settings,
        revision: event.revision,
    })
}

/// Settings as their row has them.
type Audiences = std::collections::BTreeMap<DataClass, Audience>;

pub(crate) fn audiences_out(audiences: &Audiences) -> Vec<p::Audience> {
    let out = |(class, audience): (&DataClass, &Audience)| p::Audience {
        data_class: class.as_str().to_owned(),
        members: audience.words(),
    };
    audiences.iter().map(out).collect()
}

fn audiences_in(audiences: &[p::Audience]) -> Result<Audiences, DecodeError> {
    let read = |audience: &p::Audience| {
        let class = word("data_class", &audience.data_class, DataClass::parse(&audience.data_class))?;
        let members = Audience::parse(&audience.members).map_err(|error| DecodeError(error.to_string()))?;
        Ok((class, members))
    };
    audiences.iter().map(read).collect()
}

pub(crate) fn zone_out(zone: &privacy::Zone) -> p::PrivacyZone {
    p::PrivacyZone {
        name: zone.name.clone(),
        latitude: zone.latitude,
        longitude: zone.longitude,
        radius_m: zone.radius_m,
    }
}

pub(crate) fn zone_in(zone: p::PrivacyZone) -> privacy::Zone {
    privacy::Zone {
        name: zone.name,
        latitude: zone.latitude,
        longitude: zone.longitude,
        radius_m: zone.radius_m,
    }
}

fn profile_out(profile: &Profile) -> p::Profile {
    p::Profile {
        display_name: profile.display_name.as_str().to_owned(),
        handle: profile.handle.as_str().to_owned(),
        birth_year: profile.birth_year,
        sex: profile.sex.map(|sex| sex.as_str().to_owned()),
        country: profile.country.as_ref().map(|country| country.as_str().to_owned()),
        region: profile.region.as_ref().map(|region| region.as_str().to_owned()),
        time_zone: profile.time_zone.as_str().to_owned(),
        locale: profile.locale.as_str().to_owned(),
    }
}

/// What was parsed once is taken as it stands: names follow the rules of their day.
fn profile_in(profile: p::Profile) -> Result<Profile, DecodeError> {
    Ok(Profile {
        display_name: DisplayName::kept(profile.display_name),
        handle: Handle::kept(profile.handle),
        birth_year: profile.birth_year,
        sex: profile.sex.map(|text| word("sex", &text, Sex::parse(&text))).transpose()?,
        country: profile.country.map(|text| word("country", &text, Country::parse(&text))).transpose()?,
        region: profile.region.map(|text| word("region", &text, Region::parse(&text))).transpose()?,
        time_zone: Zone::kept(profile.time_zone),
        locale: Locale::kept(profile.locale),
    })
}

fn origin_word(origin: Origin) -> &'static str {
    match origin {
        Origin::SignUp => "sign_up",
        Origin::OperatorTool => "operator_tool",
        Origin::Seed => "seed",
    }
}

fn parse_origin(text: &str) -> Option<Origin> {
    [Origin::SignUp, Origin::OperatorTool, Origin::Seed]
        .into_iter()
        .find(|origin| origin_word(*origin) == text)
}

fn reason_word(reason: PasswordReason) -> &'static str {
    match reason {
        PasswordReason::SignUp => "sign_up",
        PasswordReason::Reset => "reset",
    }
}

fn parse_reason(text: &str) -> Option<PasswordReason> {
    [PasswordReason::SignUp, PasswordReason::Reset].into_iter().find(|reason| reason_word(*reason) == text)
}

impl DomainEvent for PartnerEvent {
    fn encode(&self) -> Plain {
        let Self::Created(partner) = self;
        Plain::of(&p::PartnerCreated {
            partner_id: bytes(partner.id),
            name: partner.name.clone(),
            regions: partner.regions.texts(),
            key_id: partner.key_id.clone(),
            created_by: partner.created_by.clone(),
            created_us: partner.created_us,
        })
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        let event: p::PartnerCreated = plain.expect()?;
        Ok(Self::Created(Partner {
            id: Id::new(uuid("partner_id", &event.partner_id)?),
            name: event.name,
            regions: Regions::kept(&event.regions),
            key_id: event.key_id,
            created_by: event.created_by,
            created_us: event.created_us,
        }))
    }
}
