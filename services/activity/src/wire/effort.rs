//! Best efforts, in events and in answers.

use proto::activity as wire;

use crate::domain::facts::{Best, Effort};

pub fn to_proto(effort: &Effort) -> wire::Effort {
    wire::Effort {
        name: effort.name.clone(),
        best: Some(match effort.best {
            Best::Time(seconds) => wire::effort::Best::TimeS(seconds),
            Best::Power(watts) => wire::effort::Best::PowerW(watts),
        }),
        start_s: effort.start_s,
        end_s: effort.end_s,
        algorithm: effort.algorithm.clone(),
        version: effort.version,
    }
}

/// None where a newer version measures by something unknown here.
pub fn of(effort: wire::Effort) -> Option<Effort> {
    Some(Effort {
        name: effort.name,
        best: match effort.best? {
            wire::effort::Best::TimeS(seconds) => Best::Time(seconds),
            wire::effort::Best::PowerW(watts) => Best::Power(watts),
        },
        start_s: effort.start_s,
        end_s: effort.end_s,
        algorithm: effort.algorithm,
        version: effort.version,
    })
}
