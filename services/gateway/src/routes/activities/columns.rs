//! `/v1/activities/{id}/streams`: columns of equal length.

use axum::extract::State;
use kernel::Code;
use proto::activity;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::IdParam;
use crate::{
    answer::{self, Answer},
    caller::Account,
    problem::Problem,
    query::{Params, PathId},
    routes::Shared,
    values::Figure,
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Out of `time latlng altitude heart_rate power cadence speed temperature distance`, separated by commas; all that
    /// I may see when left out.
    types: Option<String>,
    /// Thinned out to so many points.
    #[param(minimum = 2, maximum = 100_000)]
    points_max: Option<u32>,
}

type Column = Option<Vec<Figure>>;

/// Columns of equal length; null where there is no value.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct Streams {
    /// Seconds since the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Vec<Figure>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Option<Vec<f64>>>>)]
    latlng: Option<Vec<Option<[Figure; 2]>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Option<f64>>>)]
    altitude: Column,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Option<f64>>>)]
    heart_rate: Column,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Option<f64>>>)]
    power: Column,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Option<f64>>>)]
    cadence: Column,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Option<f64>>>)]
    speed: Column,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Option<f64>>>)]
    temperature: Column,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Option<f64>>>)]
    distance: Column,
}

impl Streams {
    fn of(view: activity::StreamsView) -> Self {
        let column = |values: Vec<f64>| Some(values.into_iter().map(Figure).collect::<Vec<_>>());
        let mut streams = Self::default();
        if !view.time.is_empty() {
            streams.time = column(view.time);
        }
        if !view.latitude.is_empty() {
            let points = view.latitude.into_iter().zip(view.longitude);
            let point = |(latitude, longitude): (f64, f64)| {
                (latitude.is_finite() && longitude.is_finite())
                    .then_some([Figure(latitude), Figure(longitude)])
            };
            streams.latlng = Some(points.map(point).collect());
        }
        for one in view.columns {
            let place = match one.r#type.as_str() {
                "altitude" => &mut streams.altitude,
                "heart_rate" => &mut streams.heart_rate,
                "power" => &mut streams.power,
                "cadence" => &mut streams.cadence,
                "speed" => &mut streams.speed,
                "temperature" => &mut streams.temperature,
                "distance" => &mut streams.distance,
                _ => continue,
            };
            *place = column(one.values);
        }
        streams
    }
}

/// The columns of an activity, as far as I may see them.
#[utoipa::path(get, path = "/activities/{id}/streams", tag = "activities", params(IdParam, Which),
    responses((status = 200, body = Streams)))]
pub(super) async fn streams(
    State(door): Shared,
    caller: Account,
    id: PathId,
    Params(which): Params<Which>,
) -> Answer {
    let points_max = which.points_max.unwrap_or_default();
    if which.points_max.is_some_and(|points| !(2..=100_000).contains(&points)) {
        return Err(Problem::new(Code::MalformedQuery, "points_max is a number from 2 to 100000"));
    }
    let types = which.types.unwrap_or_default();
    let request = activity::StreamsRequest {
        activity_id: id.bytes(),
        types: types.split(',').map(str::trim).filter(|kind| !kind.is_empty()).map(str::to_owned).collect(),
        points_max,
    };
    let reply = caller.call(door.peers.activity().streams(request)).await?;
    answer::ok(&Streams::of(reply))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_null_and_a_whole_number_has_no_point() {
        let view = activity::StreamsView {
            time: vec![0.0, 1.0],
            latitude: vec![43.2, f64::NAN],
            longitude: vec![76.9, f64::NAN],
            columns: vec![activity::Column { r#type: "heart_rate".into(), values: vec![120.0, f64::NAN] }],
        };
        let text = serde_json::to_string(&Streams::of(view)).expect("json");
        assert_eq!(text, r#"{"time":[0,1],"latlng":[[43.2,76.9],null],"heart_rate":[120,null]}"#);
    }
}
