//! A planned workout as a FIT workout file, which watches and bike computers follow step by step.
//!
//! Numbers are those of the public profile: `workout` (26) and `workout_step` (27).

use kernel::Sport;

use super::names;
use super::profile::{MESSAGE_INDEX, file_id, global, workout};
use super::write::{Base, Writer};

const FILE_WORKOUT: i64 = 5;
const WORKOUT_STEP: u16 = 27;
const OTHER: u8 = 1;
/// Without the zero at their end; devices show less.
const NAME_BYTES_MAX: usize = 47;
/// What devices take at most.
pub const STEPS_MAX: usize = 200;

/// A workout to be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub name: String,
    pub sport: Sport,
    /// FIT's name of it.
    pub sub_sport: Option<String>,
    pub steps: Vec<Step>,
}

/// One step of a [`Plan`], or a repetition of those before it.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Do {
        name: String,
        until: Until,
        target: Target,
        intensity: Intensity,
    },
    /// The steps from this index on, up to here, so often in all.
    Repeat {
        from: u16,
        times: u16,
    },
}

/// When a step is over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Until {
    TimeS(f64),
    DistanceM(f64),
    /// The lap key is pressed.
    Pressed,
}

/// What to keep to; the lower end first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    Free,
    HeartRateBpm(u16, u16),
    /// 1 to 5, as the device has them.
    HeartRateZone(u8),
    PowerW(u16, u16),
    /// 1 to 7, as the device has them.
    PowerZone(u8),
    SpeedMps(f64, f64),
    CadenceRpm(u16, u16),
}

/// What a step is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Intensity {
    Active = 0,
    Rest = 1,
    WarmUp = 2,
    CoolDown = 3,
}

/// Raw values of `target_type`, `target_value`, `custom_target_value_low` and `…_high`.
type RawTarget = (i64, i64, Option<i64>, Option<i64>);

impl Target {
    fn raw(self) -> RawTarget {
        // Below 100 bpm and 1 000 W, FIT means percents.
        let between = |kind: i64, low: i64, high: i64| (kind, 0, Some(low), Some(high));
        match self {
            Self::Free => (2, 0, None, None),
            Self::SpeedMps(low, high) => between(0, thousandths(low), thousandths(high)),
            Self::HeartRateBpm(low, high) => between(1, i64::from(low) + 100, i64::from(high) + 100),
            Self::HeartRateZone(zone) => (1, zone.into(), None, None),
            Self::CadenceRpm(low, high) => between(3, low.into(), high.into()),
            Self::PowerW(low, high) => between(4, i64::from(low) + 1_000, i64::from(high) + 1_000),
            Self::PowerZone(zone) => (4, zone.into(), None, None),
        }
    }
}

impl Until {
    /// `duration_type` and `duration_value`.
    fn raw(self) -> (i64, Option<i64>) {
        match self {
            Self::TimeS(seconds) => (0, Some(thousandths(seconds))),
            Self::DistanceM(metres) => (1, Some((metres * 100.0).round() as i64)),
            Self::Pressed => (5, None),
        }
    }
}

fn thousandths(value: f64) -> i64 {
    (value * 1_000.0).round() as i64
}

/// Writes the plan; steps beyond [`STEPS_MAX`] are left out. `created_fit_s` tells its file from others, in FIT's
/// seconds (since 1989-12-31T00:00:00Z).
pub fn write(plan: &Plan, created_fit_s: u32) -> Vec<u8> {
    let steps = plan.steps.get(..plan.steps.len().min(STEPS_MAX)).unwrap_or_default();
    let mut writer = Writer::new();
    let maker = 255;
    writer.message(
        OTHER,
        global::FILE_ID,
        &[
            (file_id::KIND, Base::Enum, Some(FILE_WORKOUT)),
            (file_id::MANUFACTURER, Base::U16, Some(maker)),
            (file_id::PRODUCT, Base::U16, Some(0)),
            (file_id::SERIAL, Base::U32z, Some(i64::from(created_fit_s.max(1)))),
            (file_id::TIME_CREATED, Base::U32, Some(created_fit_s.into())),
        ],
    );
    let (sport, sub_sport) = names::numbers(plan.sport, plan.sub_sport.as_deref());
    let head = [
        (4, Base::Enum, Some(sport.into())),
        (11, Base::Enum, Some(sub_sport.into())),
        (6, Base::U16, i64::try_from(steps.len()).ok()),
    ];
    writer.named(OTHER, global::WORKOUT, (workout::NAME, shown(&plan.name)), &head);
    for (index, step) in steps.iter().enumerate() {
        write_step(&mut writer, index, step);
    }
    writer.finish()
}

fn write_step(writer: &mut Writer, index: usize, step: &Step) {
    let (name, (kind, length), target, intensity) = match step {
        Step::Do { name, until, target, intensity } => {
            (name.as_str(), until.raw(), target.raw(), Some(*intensity as i64))
        }
        // Repeating is a step whose length is the one to go back to, and whose target is how often.
        Step::Repeat { from, times } => {
            ("", (6, Some(i64::from(*from))), (2, (*times).into(), None, None), None)
        }
    };
    let (target_kind, target, low, high) = target;
    let fields = [
        (MESSAGE_INDEX, Base::U16, i64::try_from(index).ok()),
        (1, Base::Enum, Some(kind)),
        (2, Base::U32, length),
        (3, Base::Enum, Some(target_kind)),
        (4, Base::U32, Some(target)),
        (5, Base::U32, low),
        (6, Base::U32, high),
        (7, Base::Enum, intensity),
    ];
    writer.named(OTHER, WORKOUT_STEP, (0, shown(name)), &fields);
}

fn shown(name: &str) -> &str {
    name.get(..name.floor_char_boundary(NAME_BYTES_MAX)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::definition::Definition;
    use super::super::header::Header;
    use super::super::message::Message;
    use super::*;

    /// Every message as `(global, definition, bytes)`, read with the reader's own parts.
    fn messages(file: &[u8]) -> Vec<(Definition, Vec<u8>)> {
        let header = Header::parse(file).expect("a header");
        let mut rest = &file[header.size..header.size + header.data_size];
        let mut found = Vec::new();
        while let Some((head, after)) = rest.split_first() {
            assert_eq!(*head, 0x40 | OTHER, "each message has its definition");
            let (definition, length) = Definition::parse(after, false).expect("a definition");
            let (bytes, after) = after[length + 1..].split_at(definition.size);
            found.push((definition, bytes.to_vec()));
            rest = after;
        }
        found
    }

    fn intervals() -> Plan {
        let step = |name: &str, until, target, intensity| Step::Do {
            name: name.to_owned(),
            until,
            target,
            intensity,
        };
        Plan {
            name: "Интервалы 5 × 1 км".to_owned(),
            sport: Sport::Running,
            sub_sport: Some("track".to_owned()),
            steps: vec![
                step("warm up", Until::TimeS(600.0), Target::HeartRateZone(2), Intensity::WarmUp),
                step("fast", Until::DistanceM(1_000.0), Target::SpeedMps(4.0, 4.5), Intensity::Active),
                step("slow", Until::TimeS(90.5), Target::HeartRateBpm(100, 130), Intensity::Rest),
                Step::Repeat { from: 1, times: 5 },
                step("", Until::Pressed, Target::Free, Intensity::CoolDown),
            ],
        }
    }

    #[test]
    fn a_plan_is_its_steps_in_order() {
        let file = write(&intervals(), 1_000_000_000);
        let messages = messages(&file);
        let globals: Vec<_> = messages.iter().map(|(definition, _)| definition.global).collect();
        assert_eq!(globals, [0, 26, 27, 27, 27, 27, 27]);
        let get = |index: usize, number: u8| {
            let (definition, bytes) = &messages[index];
            Message { definition, bytes }.get::<i64>(number)
        };
        let text = |index: usize, number: u8| {
            let (definition, bytes) = &messages[index];
            Message { definition, bytes }.text(number)
        };
        assert_eq!((get(0, 0), get(1, 4), get(1, 11), get(1, 6)), (Some(5), Some(1), Some(4), Some(5)));
        assert_eq!(text(1, 8).as_deref(), Some("Интервалы 5 × 1 км"));
        // The fast step: 1 km between 4 and 4.5 m/s.
        assert_eq!((get(3, 1), get(3, 2), get(3, 3)), (Some(1), Some(100_000), Some(0)));
        assert_eq!((get(3, 5), get(3, 6), get(3, 7)), (Some(4_000), Some(4_500), Some(0)));
        assert_eq!((get(4, 2), get(4, 5), get(4, 6)), (Some(90_500), Some(200), Some(230)));
        // Back to step 1, five times in all.
        assert_eq!((get(5, 1), get(5, 2), get(5, 4)), (Some(6), Some(1), Some(5)));
        assert_eq!((get(6, 1), get(6, 2), text(6, 0)), (Some(5), None, None));
    }

    #[test]
    fn a_long_name_is_cut_between_letters_and_too_many_steps_are_left_out() {
        let plan = Plan {
            name: "ж".repeat(100),
            steps: vec![Step::Repeat { from: 0, times: 2 }; 300],
            ..intervals()
        };
        let file = write(&plan, 1);
        assert_eq!(messages(&file).len(), 2 + STEPS_MAX);
        assert_eq!(crate::read(&file).expect_err("no activity").code(), "file_not_activity");
    }
}
