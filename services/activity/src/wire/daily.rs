//! Events of daily values, and of the days that they tell of.

use eventing::{DecodeError, DomainEvent, Plain};
use proto::activity as wire;

use super::{bytes, id};
use crate::domain::{daily, day};

impl DomainEvent for daily::Event {
    fn encode(&self) -> Plain {
        let (daily_id, account_id) = (bytes(self.daily_id), bytes(self.account_id));
        match &self.change {
            daily::Change::Recorded { source, client_version, daily, share } => {
                let told =
                    daily.as_ref().map(daily_to_proto).map(|told| wire::Daily { share: *share, ..told });
                let health = daily.as_ref().is_some_and(|daily| crate::domain::input::is_health(&daily.kind));
                let (body, daily) = if health { (told, None) } else { (None, told) };
                let (source, client_version) = (source.clone(), *client_version);
                Plain::of(&wire::DailyRecorded { daily_id, account_id, source, client_version, daily, body })
            }
            daily::Change::Shared(share) => {
                let share = share.clone().map(|daily::Share { kind: r#type, date, value }| {
                    wire::DailyShare { r#type, date, value }
                });
                Plain::of(&wire::DailyShared { daily_id, account_id, share })
            }
            daily::Change::Deleted { client_version } => {
                Plain::of(&wire::DailyDeleted { daily_id, account_id, client_version: *client_version })
            }
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        if let Some(message) = plain.decode::<wire::DailyRecorded>() {
            let message = message?;
            let told = message.daily.or(message.body);
            return Ok(Self {
                daily_id: id(&message.daily_id, "daily_id")?,
                account_id: id(&message.account_id, "account_id")?,
                change: daily::Change::Recorded {
                    source: message.source,
                    client_version: message.client_version,
                    share: told.as_ref().and_then(|told| told.share),
                    daily: told.map(daily_of),
                },
            });
        }
        if let Some(message) = plain.decode::<wire::DailyShared>() {
            let message = message?;
            let share = message.share.map(|share| daily::Share {
                kind: share.r#type,
                date: share.date,
                value: share.value,
            });
            return Ok(Self {
                daily_id: id(&message.daily_id, "daily_id")?,
                account_id: id(&message.account_id, "account_id")?,
                change: daily::Change::Shared(share),
            });
        }
        let message: wire::DailyDeleted = plain.expect()?;
        Ok(Self {
            daily_id: id(&message.daily_id, "daily_id")?,
            account_id: id(&message.account_id, "account_id")?,
            change: daily::Change::Deleted { client_version: message.client_version },
        })
    }
}

impl DomainEvent for day::Event {
    fn encode(&self) -> Plain {
        let (day_id, account_id) = (bytes(self.day_id), bytes(self.account_id));
        let daily_ids = self.sources.iter().copied().map(bytes).collect();
        Plain::of(&wire::DaySourcesChanged { day_id, account_id, daily_ids })
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        let message: wire::DaySourcesChanged = plain.expect()?;
        let sources = message.daily_ids.iter().map(|raw| id(raw, "daily_ids"));
        Ok(Self {
            day_id: id(&message.day_id, "day_id")?,
            account_id: id(&message.account_id, "account_id")?,
            sources: sources.collect::<Result<_, _>>()?,
        })
    }
}

pub fn daily_to_proto(daily: &daily::DailyValue) -> wire::Daily {
    let spans = daily.spans.iter();
    wire::Daily {
        r#type: daily.kind.clone(),
        date: daily.date.clone(),
        value: daily.value,
        spans: spans
            .map(|span| wire::Span { start_us: span.start_us, end_us: span.end_us, value: span.value })
            .collect(),
        device: daily.device.map(daily::DeviceKind::as_str).unwrap_or_default().to_owned(),
        share: None,
    }
}

pub fn daily_of(daily: wire::Daily) -> daily::DailyValue {
    let spans = daily.spans.into_iter();
    daily::DailyValue {
        kind: daily.r#type,
        date: daily.date,
        value: daily.value,
        spans: spans
            .map(|span| daily::Span { start_us: span.start_us, end_us: span.end_us, value: span.value })
            .collect(),
        device: daily::DeviceKind::parse(&daily.device),
    }
}
