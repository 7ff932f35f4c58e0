//! Events of live sessions.

use eventing::{DecodeError, DomainEvent, Plain};
use kernel::Sport;
use privacy::Audience;
use proto::activity as wire;

use super::{bytes, id, record::audience_of, some};
use crate::domain::live::{Change, Course, EndedBy, Ending, Event, Plan};

impl DomainEvent for Event {
    fn encode(&self) -> Plain {
        let (live_id, account_id) = (bytes(self.live_id), bytes(self.account_id));
        match &self.change {
            Change::Started(plan) => Plain::of(&wire::LiveSessionStarted {
                live_id,
                account_id,
                session_id: plan.session_id.map(bytes).unwrap_or_default(),
                visibility: plan.visibility.as_ref().map(visibility),
                plan: plan.course.as_ref().map(course_to_proto),
                name: plan.name.clone().unwrap_or_default(),
            }),
            Change::Ended(ending) => Plain::of(&wire::LiveSessionEnded {
                live_id,
                account_id,
                activity_id: ending.activity_id.map(bytes).unwrap_or_default(),
                ended_by: ending.by.as_str().to_owned(),
                points: ending.points,
            }),
        }
    }

    fn decode(plain: &Plain) -> Result<Self, DecodeError> {
        if let Some(message) = plain.decode::<wire::LiveSessionStarted>() {
            let message = message?;
            let session_id = match message.session_id.is_empty() {
                true => None,
                false => Some(id(&message.session_id, "session_id")?),
            };
            let plan = Plan {
                course: message.plan.map(course_of),
                name: some(message.name),
                visibility: message.visibility.as_ref().map(audience_of),
                session_id,
            };
            return Ok(Self {
                live_id: id(&message.live_id, "live_id")?,
                account_id: id(&message.account_id, "account_id")?,
                change: Change::Started(Box::new(plan)),
            });
        }
        let message: wire::LiveSessionEnded = plain.expect()?;
        let activity_id = match message.activity_id.is_empty() {
            true => None,
            false => Some(id(&message.activity_id, "activity_id")?),
        };
        let ending = Ending { by: EndedBy::parse(&message.ended_by), activity_id, points: message.points };
        Ok(Self {
            live_id: id(&message.live_id, "live_id")?,
            account_id: id(&message.account_id, "account_id")?,
            change: Change::Ended(ending),
        })
    }
}

pub fn visibility(own: &Audience) -> wire::Visibility {
    wire::Visibility { audiences: own.words() }
}

fn course_to_proto(course: &Course) -> wire::LivePlan {
    wire::LivePlan {
        sport: course.sport.as_str().to_owned(),
        sub_sport: course.sub_sport.clone().unwrap_or_default(),
        start_us: course.start_us,
        utc_offset_s: course.stated_offset_s,
        time_zone: course.stated_zone.clone().unwrap_or_default(),
    }
}

fn course_of(plan: wire::LivePlan) -> Course {
    Course {
        // A sport that a newer version wrote is read as `other`.
        sport: Sport::parse(&plan.sport).unwrap_or(Sport::Other),
        sub_sport: some(plan.sub_sport),
        start_us: plan.start_us,
        stated_offset_s: plan.utc_offset_s,
        stated_zone: some(plan.time_zone),
    }
}
