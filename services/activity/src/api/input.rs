//! What people write by hand, checked.

use jiff::Timestamp;
use kernel::{Refusal, Sport};
use privacy::Audience;
use proto::activity::{ChangeActivityRequest, CreateActivityRequest, Visibility};

use crate::{
    app::create_activity::Entry,
    domain::{
        edit::{Edit, Figures},
        facts::{Facts, HeartRate, Start},
        input::{Check, ELAPSED_S_MAX},
    },
};

const DISTANCE_M_MAX: f64 = 10_000_000.0;
const CLIMB_M_MAX: f64 = 100_000.0;
const ENERGY_KJ_MAX: f64 = 500_000.0;
const POWER_W_MAX: f64 = 10_000.0;
const CADENCE_RPM_MAX: f64 = 1_000.0;

pub(super) fn entry(asked: CreateActivityRequest, now: Timestamp) -> Result<Entry, Refusal> {
    let mut check = Check::default();
    let sport = check.sport(&asked.sport).unwrap_or(Sport::Other);
    check.start("start_at", asked.start_us, now);
    check.offset("start_at", asked.utc_offset_s);
    check.zone(&asked.time_zone);
    // An activity of no length is a slip of the pen.
    let elapsed = check.number("elapsed_time_s", Some(asked.elapsed_time_s), 1.0, ELAPSED_S_MAX);
    let sub_sport = check.sub_sport(&asked.sub_sport);
    let name = check.name(&asked.name);
    let visibility = visibility(&mut check, asked.visibility.as_ref());
    let mut figure = |field, value, most| check.number(field, value, 0.0, most);
    let start = Start { start_us: asked.start_us, utc_offset_s: 0, time_zone: None };
    let facts = Facts {
        sub_sport,
        timer_time_s: figure("timer_time_s", asked.timer_time_s, ELAPSED_S_MAX),
        moving_time_s: figure("moving_time_s", asked.moving_time_s, ELAPSED_S_MAX),
        distance_m: figure("distance_m", asked.distance_m, DISTANCE_M_MAX),
        ascent_m: figure("ascent_m", asked.ascent_m, CLIMB_M_MAX),
        descent_m: figure("descent_m", asked.descent_m, CLIMB_M_MAX),
        energy_kj: figure("energy_kj", asked.energy_kj, ENERGY_KJ_MAX),
        power_avg_w: figure("power_avg_w", asked.power_avg_w, POWER_W_MAX),
        power_max_w: figure("power_max_w", asked.power_max_w, POWER_W_MAX),
        cadence_avg_rpm: figure("cadence_avg_rpm", asked.cadence_avg_rpm, CADENCE_RPM_MAX),
        ..Facts::new(sport, start, elapsed.unwrap_or_default())
    };
    let beats = |value: &f64| *value > 0.0;
    let heart_rate = HeartRate {
        avg_bpm: figure("heart_rate_avg_bpm", asked.heart_rate_avg_bpm, 300.0).filter(beats),
        max_bpm: figure("heart_rate_max_bpm", asked.heart_rate_max_bpm, 300.0).filter(beats),
    };
    check.done()?;
    let stated_zone = (!asked.time_zone.is_empty()).then_some(asked.time_zone);
    Ok(Entry { facts, stated_offset_s: asked.utc_offset_s, stated_zone, heart_rate, name, visibility })
}

pub(super) fn edit(asked: ChangeActivityRequest, now: Timestamp) -> Result<Edit, Refusal> {
    let mut check = Check::default();
    let sport = asked.sport.as_deref().and_then(|text| check.sport(text));
    let sub_sport = asked.sub_sport.as_deref().map(|text| check.sub_sport(text));
    let name = asked.name.as_deref().map(|text| check.name(text));
    let own = visibility(&mut check, asked.visibility.as_ref());
    if let Some(start_us) = asked.start_us {
        check.start("start_at", start_us, now);
        check.offset("start_at", asked.utc_offset_s);
    }
    let mut figure = |field, value, least, most| check.number(field, value, least, most);
    let figures = Figures {
        start: asked.start_us.map(|start_us| Start { start_us, utc_offset_s: 0, time_zone: None }),
        elapsed_time_s: figure("elapsed_time_s", asked.elapsed_time_s, 1.0, ELAPSED_S_MAX),
        timer_time_s: figure("timer_time_s", asked.timer_time_s, 0.0, ELAPSED_S_MAX),
        moving_time_s: figure("moving_time_s", asked.moving_time_s, 0.0, ELAPSED_S_MAX),
        distance_m: figure("distance_m", asked.distance_m, 0.0, DISTANCE_M_MAX),
        ascent_m: figure("ascent_m", asked.ascent_m, 0.0, CLIMB_M_MAX),
        descent_m: figure("descent_m", asked.descent_m, 0.0, CLIMB_M_MAX),
        energy_kj: figure("energy_kj", asked.energy_kj, 0.0, ENERGY_KJ_MAX),
        power_avg_w: figure("power_avg_w", asked.power_avg_w, 0.0, POWER_W_MAX),
        power_max_w: figure("power_max_w", asked.power_max_w, 0.0, POWER_W_MAX),
        cadence_avg_rpm: figure("cadence_avg_rpm", asked.cadence_avg_rpm, 0.0, CADENCE_RPM_MAX),
    };
    check.done()?;
    let visibility = if asked.clear_visibility { Some(None) } else { own.map(Some) };
    Ok(Edit { name, sport, sub_sport, visibility, stated_offset_s: asked.utc_offset_s, figures })
}

pub(super) fn visibility(check: &mut Check, asked: Option<&Visibility>) -> Option<Audience> {
    match Audience::parse(&asked?.audiences) {
        Ok(audience) => Some(audience),
        Err(error) => {
            check.fault(&format!("visibility/{}", error.index), "unknown", error.reason.to_string());
            None
        }
    }
}
