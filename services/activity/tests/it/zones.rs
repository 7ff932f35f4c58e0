//! Privacy zones against somebody who wants to know where they are.

use kernel::AccountId;
use proto::{
    activity::{
        ActivityView, ExplanationRequest, GetActivityRequest, ListActivitiesRequest, ShowActivitiesRequest,
        StreamsRequest, StreamsView, SyncRequest, Upsert, Workout, upsert,
    },
    auth::PrivacyZone,
};
use testkit::fleet::Ground;

use crate::world::{self, Accounts, World, app, by, bytes_of};
use platform::context::acting_for;

const HOME: (f64, f64) = (43.2, 76.9);
const RADIUS_M: f64 = 400.0;
/// Nobody may come nearer to the door than this, in radii of the zone.
const BOUND: f64 = 0.2;
const ACTIVITIES: usize = 200;
/// Between two points of a made-up walk.
const STEP_M: f64 = 20.0;
const STEP_S: f64 = 8.0;
const ROWS: usize = 200;

/// Numbers that look like chance and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

/// Metres north and east of home.
fn metres(latitude: f64, longitude: f64) -> (f64, f64) {
    let degree_m = 111_195.0;
    ((latitude - HOME.0) * degree_m, (longitude - HOME.1) * degree_m * HOME.0.to_radians().cos())
}

fn degrees((north, east): (f64, f64)) -> (f64, f64) {
    let degree_m = 111_195.0;
    (HOME.0 + north / degree_m, HOME.1 + east / degree_m / HOME.0.to_radians().cos())
}

/// A walk from the door through streets that meet at right angles, away from home in the main.
fn walk(dice: &mut Dice) -> StreamsView {
    let (mut at, mut way) = ((0.0, 0.0), dice.roll(4));
    let main = [way, (way + [1, 3][dice.roll(2) as usize]) % 4];
    let mut view = StreamsView::default();
    let mut distance = Vec::new();
    for row in 0..ROWS {
        let (latitude, longitude) = degrees(at);
        view.time.push(row as f64 * STEP_S);
        view.latitude.push(latitude);
        view.longitude.push(longitude);
        distance.push(row as f64 * STEP_M);
        if row % 4 == 0 {
            way = main[usize::from(dice.roll(3) == 0)];
        }
        let (north, east) = [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)][way as usize];
        at = (at.0 + north * STEP_M, at.1 + east * STEP_M);
    }
    let column = |kind: &str, values| proto::activity::Column { r#type: kind.to_owned(), values };
    view.columns.push(column("distance", distance));
    view
}

fn workout(index: usize, dice: &mut Dice) -> Upsert {
    let elapsed_time_s = (ROWS - 1) as f64 * STEP_S;
    let workout = Workout {
        sport: "walking".to_owned(),
        start_us: 1_746_064_800_000_000 + index as i64 * 7_200_000_000,
        utc_offset_s: Some(18_000),
        elapsed_time_s,
        timer_time_s: Some(elapsed_time_s),
        distance_m: Some((ROWS - 1) as f64 * STEP_M),
        energy_kj: Some(800.0),
        streams: Some(walk(dice)),
        ..Workout::default()
    };
    Upsert { key: format!("walk-{index}"), version: 1, record: Some(upsert::Record::Workout(workout)) }
}

/// Aida walks from her door that many times, and hides it.
async fn walks_from_home(
    world: &World<'_>,
    accounts: &Accounts,
    many: usize,
) -> (AccountId, Vec<bytes::Bytes>) {
    let aida = accounts.athlete("aida");
    for class in ["summary", "map", "start_time"] {
        accounts.shows(aida, class, &["everyone"]);
    }
    accounts.change(aida, |standing| {
        let zone =
            PrivacyZone { name: "home".to_owned(), latitude: HOME.0, longitude: HOME.1, radius_m: RADIUS_M };
        standing.privacy.as_mut().unwrap().zones.push(zone);
        standing.zone_secrets = vec![bytes::Bytes::from_static(b"a secret that is not easily guessed")];
    });
    let mut dice = Dice(6);
    let mut ids = Vec::new();
    for chunk in (0..many).collect::<Vec<_>>().chunks(50) {
        let upserts = chunk.iter().map(|index| workout(*index, &mut dice)).collect();
        let asked = SyncRequest { source: "watch".to_owned(), upserts, ..SyncRequest::default() };
        let acks = world.client().sync(acting_for(app(aida), asked)).await.unwrap().into_inner().acks;
        ids.extend(acks.into_iter().map(|ack| {
            assert_eq!(ack.status, "stored", "{ack:?}");
            ack.activity_id
        }));
    }
    (aida, ids)
}

async fn streams_for(world: &World<'_>, viewer: AccountId, id: &bytes::Bytes) -> StreamsView {
    let asked = StreamsRequest { activity_id: id.clone(), ..StreamsRequest::default() };
    world.client().streams(by(viewer, asked)).await.unwrap().into_inner()
}

async fn view_for(world: &World<'_>, viewer: AccountId, id: &bytes::Bytes) -> ActivityView {
    let asked = GetActivityRequest { activity_id: id.clone() };
    world.client().get_activity(by(viewer, asked)).await.unwrap().into_inner()
}

fn mean(points: &[(f64, f64)]) -> (f64, f64) {
    let many = points.len() as f64;
    (points.iter().map(|at| at.0).sum::<f64>() / many, points.iter().map(|at| at.1).sum::<f64>() / many)
}

/// The centre of the circle nearest to the points (Kåsa's least squares).
fn circle(points: &[(f64, f64)]) -> (f64, f64) {
    let middle = mean(points);
    let (mut xx, mut xy, mut yy, mut xz, mut yz) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for point in points {
        let (x, y) = (point.0 - middle.0, point.1 - middle.1);
        let z = x * x + y * y;
        (xx, xy, yy, xz, yz) = (xx + x * x, xy + x * y, yy + y * y, xz + x * z, yz + y * z);
    }
    let determinant = 2.0 * (xx * yy - xy * xy);
    (middle.0 + (xz * yy - yz * xy) / determinant, middle.1 + (yz * xx - xz * xy) / determinant)
}

/// The middle of the smallest box around the points.
fn boxed(points: &[(f64, f64)]) -> (f64, f64) {
    let middle = |of: fn(&(f64, f64)) -> f64| {
        let all = || points.iter().map(of);
        (all().fold(f64::MAX, f64::min) + all().fold(f64::MIN, f64::max)) / 2.0
    };
    (middle(|at| at.0), middle(|at| at.1))
}

#[tokio::test]
async fn two_hundred_walks_do_not_tell_where_the_door_is() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let (aida, ids) = walks_from_home(&world, &accounts, ACTIVITIES).await;
    let boris = accounts.athlete("boris");
    let mut starts = Vec::new();
    for id in &ids {
        let seen = streams_for(&world, boris, id).await;
        let shown: Vec<_> =
            seen.latitude.iter().zip(&seen.longitude).map(|(lat, lon)| metres(*lat, *lon)).collect();
        let first = shown[0];
        assert!(first.0.hypot(first.1) > RADIUS_M, "nothing of the zone is shown: {first:?}");
        starts.push(first);
    }
    let whole = streams_for(&world, aida, &ids[0]).await;
    assert_eq!((whole.latitude[0], whole.time.len()), (HOME.0, ROWS), "its owner sees all of it");
    for (how, found) in [("mean", mean(&starts)), ("circle", circle(&starts)), ("box", boxed(&starts))] {
        let off = found.0.hypot(found.1) / RADIUS_M;
        println!("{how}: {off:.2} radii from the door");
        assert!(off > BOUND, "{how} finds the door to {off:.2} radii");
    }
    world.stop().await;
}

#[tokio::test]
async fn no_surface_tells_how_much_of_a_walk_is_hidden() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let (aida, ids) = walks_from_home(&world, &accounts, 1).await;
    let boris = accounts.athlete("boris");
    let (own, mut seen) = (view_for(&world, aida, &ids[0]).await, view_for(&world, boris, &ids[0]).await);
    let streams = streams_for(&world, boris, &ids[0]).await;
    let distance = streams.columns.iter().find(|column| column.r#type == "distance").unwrap();
    let (last_s, last_m) = (*streams.time.last().unwrap(), *distance.values.last().unwrap());
    assert_eq!((streams.time[0], distance.values[0]), (0.0, 0.0), "both begin at the cut");
    assert!((seen.elapsed_time_s.unwrap() - last_s).abs() < 0.01);
    assert!((seen.distance_m.unwrap() - last_m).abs() < 1.0, "{:?} and {last_m}", seen.distance_m);
    assert!(seen.distance_m.unwrap() < own.distance_m.unwrap() - RADIUS_M);
    assert_eq!((seen.timer_time_s, seen.energy_kj, seen.laps.len()), (None, None, 0));
    // The start moves with the cut: it is the instant of the first row.
    let hidden_s = (ROWS - streams.time.len()) as f64 * STEP_S;
    assert_eq!(seen.start_us.unwrap() - own.start_us.unwrap(), (hidden_s * 1e6) as i64);

    let asked = ExplanationRequest { activity_id: ids[0].clone() };
    let explained = world.client().explanation(by(boris, asked)).await.unwrap().into_inner().items;
    let told = explained.iter().find(|item| item.field == "distance_m").unwrap();
    assert_eq!((told.value, told.source.as_str()), (seen.distance_m.unwrap(), "computed"));
    // Splits and efforts are shown of one activity only, and only of what is left.
    let detail = seen.detail.take().unwrap();
    let split_m: f64 = detail.splits_km.iter().map(|split| split.distance_m).sum();
    assert!((split_m - seen.distance_m.unwrap()).abs() <= 1.0, "{split_m}");
    let asked = ShowActivitiesRequest { activity_ids: ids.clone() };
    let shown = world.client().show_activities(by(boris, asked)).await.unwrap().into_inner().items;
    assert_eq!(shown, std::slice::from_ref(&seen), "a feed shows the same");
    let asked = ListActivitiesRequest { account_id: bytes_of(aida), ..ListActivitiesRequest::default() };
    let listed = world.client().list_activities(by(boris, asked)).await.unwrap().into_inner().items;
    assert_eq!(listed, std::slice::from_ref(&seen), "and so does a list");
    let asked = ListActivitiesRequest { as_account_id: bytes_of(boris), ..ListActivitiesRequest::default() };
    let listed = world.client().list_activities(by(aida, asked)).await.unwrap().into_inner().items;
    assert_eq!(listed, std::slice::from_ref(&seen), "and the view as another");
    // What lies between two times is found by the start that is shown, so that no question tells of another.
    for (after_us, found) in [(seen.start_us.unwrap(), 1), (seen.start_us.unwrap() + 1, 0)] {
        let asked = ListActivitiesRequest {
            account_id: bytes_of(aida),
            after_us: Some(after_us),
            ..ListActivitiesRequest::default()
        };
        let listed = world.client().list_activities(by(boris, asked)).await.unwrap().into_inner().items;
        assert_eq!(listed.len(), found);
    }
    world.stop().await;
}

#[tokio::test]
async fn a_walk_that_never_leaves_the_zone_shows_no_track_and_round_figures() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let (aida, ids) = walks_from_home(&world, &accounts, 1).await;
    accounts.change(aida, |standing| standing.privacy.as_mut().unwrap().zones[0].radius_m = 9_000.0);
    let boris = accounts.athlete("boris");
    let seen = view_for(&world, boris, &ids[0]).await;
    assert_eq!((seen.elapsed_time_s, seen.distance_m), (Some(1_620.0), Some(4_000.0)));
    assert!(seen.stream_types.is_empty() && seen.ascent_m.is_none());
    assert!(streams_for(&world, boris, &ids[0]).await.latitude.is_empty());
    world.stop().await;
}
