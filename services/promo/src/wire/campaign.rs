//! Events of `campaign-{id}` and `budget-{campaign id}`.

use eventing::{DecodeError, DomainEvent, Plain};
use kernel::time::micros;
use proto::promo as p;

use super::{
    at, bytes_of, currency, id, read, some, terms_from, terms_to_wire, unknown, wave_from, wave_to_wire,
};
use crate::domain::{budget, campaign::Event};

impl DomainEvent for Event {
    fn encode(&self) -> Plain {
        match self {
            Self::Drafted { campaign, author, terms } => Plain::of(&p::CampaignDrafted {
                campaign_id: bytes_of(*campaign),
                author_id: bytes_of(*author),
                terms: Some(terms_to_wire(terms)),
                revision: terms.revision(),
            }),
            Self::Edited { campaign, editor, terms } => Plain::of(&p::CampaignEdited {
                campaign_id: bytes_of(*campaign),
                editor_id: bytes_of(*editor),
                terms: Some(terms_to_wire(terms)),
                revision: terms.revision(),
            }),
            Self::Submitted { campaign, by, revision } => Plain::of(&p::CampaignSubmitted {
                campaign_id: bytes_of(*campaign),
                by_id: bytes_of(*by),
                revision: revision.clone(),
            }),
            Self::Approved { campaign, by, revision, at } => Plain::of(&p::CampaignApproved {
                campaign_id: bytes_of(*campaign),
                by_id: bytes_of(*by),
                revision: revision.clone(),
                at_us: micros(*at),
            }),
            Self::Rejected { campaign, by, reason, changes_requested } => Plain::of(&p::CampaignRejected {
                campaign_id: bytes_of(*campaign),
                by_id: bytes_of(*by),
                reason: reason.clone().unwrap_or_default(),
                changes_requested: *changes_requested,
            }),
            Self::Scheduled { campaign, by, waves } => Plain::of(&p::CampaignScheduled {
                campaign_id: bytes_of(*campaign),
                by_id: bytes_of(*by),
                waves: waves.iter().map(|wave| wave_to_wire(wave, "")).collect(),
                starts_at_us: waves.iter().map(|wave| micros(wave.starts)).min().unwrap_or(0),
                ends_at_us: waves.iter().map(|wave| micros(wave.ends)).max().unwrap_or(0),
            }),
            Self::Started { campaign } => Plain::of(&p::CampaignStarted { campaign_id: bytes_of(*campaign) }),
            Self::Paused { campaign, by } => {
                Plain::of(&p::CampaignPaused { campaign_id: bytes_of(*campaign), by_id: bytes_of(*by) })
            }
            Self::Resumed { campaign, by } => {
                Plain::of(&p::CampaignResumed { campaign_id: bytes_of(*campaign), by_id: bytes_of(*by) })
            }
            Self::Drained { campaign } => Plain::of(&p::CampaignDrained { campaign_id: bytes_of(*campaign) }),
            Self::Ended { campaign } => Plain::of(&p::CampaignEnded { campaign_id: bytes_of(*campaign) }),
            Self::Stopped { campaign, by, reason } => Plain::of(&p::CampaignStopped {
                campaign_id: bytes_of(*campaign),
                by_id: bytes_of(*by),
                reason: reason.clone().unwrap_or_default(),
            }),
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        None.or_else(|| review(plain)).or_else(|| life(plain)).unwrap_or_else(|| unknown(plain, "a campaign"))
    }
}

fn review(plain: &Plain) -> Option<Result<Event, DecodeError>> {
    read(plain, |it: p::CampaignDrafted| {
        Ok(Event::Drafted {
            campaign: id(&it.campaign_id, "campaign_id")?,
            author: id(&it.author_id, "author_id")?,
            terms: terms_from(it.terms)?,
        })
    })
    .or_else(|| {
        read(plain, |it: p::CampaignEdited| {
            Ok(Event::Edited {
                campaign: id(&it.campaign_id, "campaign_id")?,
                editor: id(&it.editor_id, "editor_id")?,
                terms: terms_from(it.terms)?,
            })
        })
    })
    .or_else(|| {
        read(plain, |it: p::CampaignSubmitted| {
            Ok(Event::Submitted {
                campaign: id(&it.campaign_id, "campaign_id")?,
                by: id(&it.by_id, "by_id")?,
                revision: it.revision,
            })
        })
    })
    .or_else(|| {
        read(plain, |it: p::CampaignApproved| {
            Ok(Event::Approved {
                campaign: id(&it.campaign_id, "campaign_id")?,
                by: id(&it.by_id, "by_id")?,
                revision: it.revision,
                at: at(it.at_us),
            })
        })
    })
    .or_else(|| {
        read(plain, |it: p::CampaignRejected| {
            Ok(Event::Rejected {
                campaign: id(&it.campaign_id, "campaign_id")?,
                by: id(&it.by_id, "by_id")?,
                reason: some(it.reason),
                changes_requested: it.changes_requested,
            })
        })
    })
}

fn life(plain: &Plain) -> Option<Result<Event, DecodeError>> {
    read(plain, |it: p::CampaignScheduled| {
        Ok(Event::Scheduled {
            campaign: id(&it.campaign_id, "campaign_id")?,
            by: id(&it.by_id, "by_id")?,
            waves: it.waves.into_iter().map(wave_from).collect(),
        })
    })
    .or_else(|| {
        read(plain, |it: p::CampaignStarted| {
            Ok(Event::Started { campaign: id(&it.campaign_id, "campaign_id")? })
        })
    })
    .or_else(|| {
        read(plain, |it: p::CampaignPaused| {
            Ok(Event::Paused { campaign: id(&it.campaign_id, "campaign_id")?, by: id(&it.by_id, "by_id")? })
        })
    })
    .or_else(|| {
        read(plain, |it: p::CampaignResumed| {
            Ok(Event::Resumed { campaign: id(&it.campaign_id, "campaign_id")?, by: id(&it.by_id, "by_id")? })
        })
    })
    .or_else(|| {
        read(plain, |it: p::CampaignDrained| {
            Ok(Event::Drained { campaign: id(&it.campaign_id, "campaign_id")? })
        })
    })
    .or_else(|| {
        read(plain, |it: p::CampaignEnded| Ok(Event::Ended { campaign: id(&it.campaign_id, "campaign_id")? }))
    })
    .or_else(|| {
        read(plain, |it: p::CampaignStopped| {
            Ok(Event::Stopped {
                campaign: id(&it.campaign_id, "campaign_id")?,
                by: id(&it.by_id, "by_id")?,
                reason: some(it.reason),
            })
        })
    })
}

impl DomainEvent for budget::Event {
    fn encode(&self) -> Plain {
        match self {
            Self::Opened { campaign, limits } => Plain::of(&p::BudgetOpened {
                campaign_id: bytes_of(*campaign),
                currency: limits.currency.as_str().to_owned(),
                limit_minor: limits.limit_minor,
                per_day_minor: limits.per_day_minor,
                per_account_minor: limits.per_account_minor,
            }),
            Self::Suspended { campaign } => {
                Plain::of(&p::BudgetSuspended { campaign_id: bytes_of(*campaign) })
            }
            Self::Resumed { campaign } => Plain::of(&p::BudgetResumed { campaign_id: bytes_of(*campaign) }),
            Self::Closed { campaign } => Plain::of(&p::BudgetClosed { campaign_id: bytes_of(*campaign) }),
            Self::Reserved { campaign, redemption, account, day, amount_minor } => {
                Plain::of(&p::BudgetReserved {
                    campaign_id: bytes_of(*campaign),
                    redemption_id: bytes_of(*redemption),
                    account_id: bytes_of(*account),
                    day: day.clone(),
                    amount_minor: *amount_minor,
                })
            }
            Self::Confirmed { campaign, redemption } => Plain::of(&p::BudgetConfirmed {
                campaign_id: bytes_of(*campaign),
                redemption_id: bytes_of(*redemption),
            }),
            Self::Released { campaign, redemption } => Plain::of(&p::BudgetReleased {
                campaign_id: bytes_of(*campaign),
                redemption_id: bytes_of(*redemption),
            }),
            Self::Returned { campaign, redemption, amount_minor } => Plain::of(&p::BudgetReturned {
                campaign_id: bytes_of(*campaign),
                redemption_id: bytes_of(*redemption),
                amount_minor: *amount_minor,
            }),
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        gate(plain).or_else(|| spending(plain)).unwrap_or_else(|| unknown(plain, "a budget"))
    }
}

fn gate(plain: &Plain) -> Option<Result<budget::Event, DecodeError>> {
    use budget::Event;
    read(plain, |it: p::BudgetOpened| {
        Ok(Event::Opened {
            campaign: id(&it.campaign_id, "campaign_id")?,
            limits: budget::Limits {
                currency: currency(&it.currency)?,
                limit_minor: it.limit_minor,
                per_day_minor: it.per_day_minor,
                per_account_minor: it.per_account_minor,
            },
        })
    })
    .or_else(|| {
        read(plain, |it: p::BudgetSuspended| {
            Ok(Event::Suspended { campaign: id(&it.campaign_id, "campaign_id")? })
        })
    })
    .or_else(|| {
        read(plain, |it: p::BudgetResumed| {
            Ok(Event::Resumed { campaign: id(&it.campaign_id, "campaign_id")? })
        })
    })
    .or_else(|| {
        read(plain, |it: p::BudgetClosed| Ok(Event::Closed { campaign: id(&it.campaign_id, "campaign_id")? }))
    })
}

fn spending(plain: &Plain) -> Option<Result<budget::Event, DecodeError>> {
    use budget::Event;
    read(plain, |it: p::BudgetReserved| {
        Ok(Event::Reserved {
            campaign: id(&it.campaign_id, "campaign_id")?,
            redemption: id(&it.redemption_id, "redemption_id")?,
            account: id(&it.account_id, "account_id")?,
            day: it.day,
            amount_minor: it.amount_minor,
        })
    })
    .or_else(|| {
        read(plain, |it: p::BudgetConfirmed| {
            Ok(Event::Confirmed {
                campaign: id(&it.campaign_id, "campaign_id")?,
                redemption: id(&it.redemption_id, "redemption_id")?,
            })
        })
    })
    .or_else(|| {
        read(plain, |it: p::BudgetReleased| {
            Ok(Event::Released {
                campaign: id(&it.campaign_id, "campaign_id")?,
                redemption: id(&it.redemption_id, "redemption_id")?,
            })
        })
    })
    .or_else(|| {
        read(plain, |it: p::BudgetReturned| {
            Ok(Event::Returned {
                campaign: id(&it.campaign_id, "campaign_id")?,
                redemption: id(&it.redemption_id, "redemption_id")?,
                amount_minor: it.amount_minor,
            })
        })
    })
}
