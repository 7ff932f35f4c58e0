//! Events of daily values.

use eventing::{DecodeError, DomainEvent, Plain};
use proto::activity as wire;

use super::{bytes, id};
use crate::domain::daily;

impl DomainEvent for daily::Event {
    fn encode(&self) -> Plain {
        let (daily_id, account_id) = (bytes(self.daily_id), bytes(self.account_id));
        match &self.change {
            daily::Change::Recorded { source, client_version, daily } => {
                let told = daily.as_ref().map(daily_to_proto);
                let health = daily.as_ref().is_some_and(|daily| crate::domain::input::is_health(&daily.kind));
                let (body, daily) = if health { (told, None) } else { (None, told) };
                let (source, client_version) = (source.clone(), *client_version);
                Plain::of(&wire::DailyRecorded { daily_id, account_id, source, client_version, daily, body })
            }
            daily::Change::Deleted { client_version } => {
                Plain::of(&wire::DailyDeleted { daily_id, account_id, client_version: *client_version })
            }
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        if let Some(message) = plain.decode::<wire::DailyRecorded>() {
            let message = message?;
            return Ok(Self {
                daily_id: id(&message.daily_id, "daily_id")?,
                account_id: id(&message.account_id, "account_id")?,
                change: daily::Change::Recorded {
                    source: message.source,
                    client_version: message.client_version,
                    daily: message.daily.or(message.body).map(daily_of),
                },
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

pub fn daily_to_proto(daily: &daily::DailyValue) -> wire::Daily {
    let spans = daily.spans.iter();
    wire::Daily {
        r#type: daily.kind.clone(),
        date: daily.date.clone(),
        value: daily.value,
        spans: spans
            .map(|span| wire::Span { start_us: span.start_us, end_us: span.end_us, value: span.value })
            .collect(),
    }
}

fn daily_of(daily: wire::Daily) -> daily::DailyValue {
    let spans = daily.spans.into_iter();
    daily::DailyValue {
        kind: daily.r#type,
        date: daily.date,
        value: daily.value,
        spans: spans
            .map(|span| daily::Span { start_us: span.start_us, end_us: span.end_us, value: span.value })
            .collect(),
    }
}
