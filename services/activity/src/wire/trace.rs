//! What a recording is known by, to proto and back.

use proto::activity as wire;

use crate::domain::trace::{Spot, Trace, Way};

pub fn to_proto(trace: &Trace) -> wire::Trace {
    let spot =
        |spot: Spot| wire::Spot { at_s: spot.at_s, latitude: spot.latitude, longitude: spot.longitude };
    wire::Trace {
        sketch: trace.sketch.clone(),
        begin: trace.way.map(|way| spot(way.begin)),
        end: trace.way.map(|way| spot(way.end)),
        reach_m: trace.way.map_or(0.0, |way| way.reach_m),
        offset_stated: trace.offset_stated,
    }
}

pub fn of_proto(trace: wire::Trace) -> Trace {
    let spot =
        |spot: wire::Spot| Spot { at_s: spot.at_s, latitude: spot.latitude, longitude: spot.longitude };
    let ends = trace.begin.zip(trace.end);
    let way = ends.map(|(begin, end)| Way { begin: spot(begin), end: spot(end), reach_m: trace.reach_m });
    Trace { sketch: trace.sketch, way, offset_stated: trace.offset_stated }
}
