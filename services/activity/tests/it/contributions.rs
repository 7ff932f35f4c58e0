//! Whatever happens to activities, in whatever order and how often it is told: what is kept of them adds up to what a
//! fold over those that are live says.

use std::{collections::BTreeMap, sync::Arc};

use activity::{
    MIGRATIONS,
    consumers::Statistics,
    domain::{
        activity::{Activity, Change, Event, Synced},
        edit::Edit,
        facts::{Best, Effort, Facts, Leg, Origin, Record, Start},
    },
    stats::{
        DaySums, Sums,
        contribution::parts,
        records::{Kind, Mark, find},
    },
    store::contributions,
};
use backends::{postgres, sqlite};
use eventing::{Aggregate, Db, DomainEvent, Incoming, Projection, StreamId};
use kernel::{AccountId, ActivityId, Sport};
use privacy::Audience;
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use testkit::{engines, overlap::heard};

const DAY_US: i64 = 86_400_000_000;
const ACTIVITIES: usize = 4;

/// Something that happens to one of the activities.
#[derive(Clone, Debug)]
enum Deed {
    Recorded(Told),
    Synced(Told, i64),
    SyncDeleted(i64),
    Edited(Option<Sport>, Option<bool>),
    Deleted,
    Restored,
}

#[derive(Clone, Debug)]
struct Told {
    sport: Sport,
    start_us: i64,
    offset_s: i32,
    distance_m: Option<f64>,
    energy_kj: Option<f64>,
    legs: Vec<(Sport, f64)>,
}

fn told() -> impl Strategy<Value = Told> {
    let sport = prop::sample::select(vec![Sport::Running, Sport::Cycling, Sport::Multisport]);
    let leg = (prop::sample::select(vec![Sport::Running, Sport::Cycling]), 0.0..1e5_f64);
    let figures = (prop::option::of(0.0..1e5_f64), prop::option::of(0.0..1e4_f64));
    (sport, 0..6 * DAY_US, -50_400..50_400_i32, figures, prop::collection::vec(leg, 0..3)).prop_map(
        |(sport, start_us, offset_s, (distance_m, energy_kj), legs)| Told {
            sport,
            start_us,
            offset_s,
            distance_m,
            energy_kj,
            legs,
        },
    )
}

fn deed() -> impl Strategy<Value = Deed> {
    let sport = prop::sample::select(vec![Sport::Running, Sport::Hiking]);
    prop_oneof![
        told().prop_map(Deed::Recorded),
        (told(), 1..9_i64).prop_map(|(told, version)| Deed::Synced(told, version)),
        (1..9_i64).prop_map(Deed::SyncDeleted),
        (prop::option::of(sport), prop::option::of(any::<bool>())).prop_map(|(a, b)| Deed::Edited(a, b)),
        Just(Deed::Deleted),
        Just(Deed::Restored),
    ]
}

fn record(told: &Told, origin: Origin) -> Record {
    let start = Start { start_us: told.start_us, utc_offset_s: told.offset_s, time_zone: None };
    let leg = |(sport, distance_m): &(Sport, f64)| Leg {
        distance_m: Some(*distance_m),
        ..Leg::new(*sport, told.start_us, 60.5)
    };
    let effort = |metres: f64| Effort {
        name: "5km".to_owned(),
        best: Best::Time(metres / 4.0),
        start_s: 0.0,
        end_s: metres / 4.0,
        algorithm: "quickest-window".to_owned(),
        version: 1,
    };
    let facts = Facts {
        efforts: told.distance_m.map(effort).into_iter().collect(),
        distance_m: told.distance_m,
        energy_kj: told.energy_kj,
        legs: told.legs.iter().map(leg).collect(),
        ..Facts::new(told.sport, start, 1800.25)
    };
    Record {
        origin,
        streams_blob: None,
        visibility: None,
        facts: Some(facts),
        health: None,
        name: None,
        devices: Vec::new(),
        explained: Vec::new(),
        marks: Default::default(),
        judgement: None,
        trace: None,
    }
}

fn decide(activity: &Activity, owner: AccountId, deed: &Deed) -> Vec<Change> {
    let stored = |synced| if let Synced::Stored(changes) = synced { changes } else { Vec::new() };
    match deed {
        Deed::Recorded(told) => activity.record(record(told, Origin::Manual)),
        Deed::Synced(told, version) => {
            let origin = Origin::Sync { source: "healthkit".to_owned(), client_version: *version };
            stored(activity.sync(record(told, origin), *version))
        }
        Deed::SyncDeleted(version) => stored(activity.sync_delete(*version)),
        Deed::Edited(sport, shown) => {
            let visibility = shown.map(|shown| {
                let audience: &[&str] = if shown { &["followers"] } else { &[] };
                Some(Audience::parse(audience).unwrap())
            });
            let edit = Edit { sport: *sport, visibility, ..Edit::default() };
            activity.edit(owner, activity.revision, &edit).unwrap_or_default()
        }
        Deed::Deleted => activity.delete(owner, None).unwrap_or_default(),
        Deed::Restored => activity.restore(owner).unwrap_or_default(),
    }
}

/// What happened, as events in the order of the journal, and how everything is in the end.
fn happen(owner: AccountId, deeds: &[(usize, Deed)]) -> (Vec<Incoming>, BTreeMap<ActivityId, Activity>) {
    let ids: Vec<_> =
        (0..ACTIVITIES).map(|n| ActivityId::derived(&[owner.as_bytes(), &n.to_be_bytes()])).collect();
    let mut states: BTreeMap<ActivityId, Activity> = BTreeMap::new();
    let mut events = Vec::new();
    for (which, deed) in deeds {
        let activity_id = ids[*which];
        let state = states.entry(activity_id).or_default();
        for change in decide(state, owner, deed) {
            let event = Event { activity_id, account_id: owner, change };
            state.evolve(&event);
            let position = i64::try_from(events.len()).unwrap() + 1;
            let place = (position, state.revision.cast_signed());
            let stream = StreamId::of("activity", activity_id);
            events.push(heard("activity", stream, &owner.to_string(), place, event.encode()));
        }
    }
    (events, states)
}

/// The same in the plainest way: by every live activity, one by one.
fn folded(states: &BTreeMap<ActivityId, Activity>, sport: Option<Sport>) -> Vec<DaySums> {
    let mut days: BTreeMap<i64, Sums> = BTreeMap::new();
    for activity in states.values().filter(|activity| activity.is_live()) {
        let facts = activity.record.as_ref().unwrap().facts.as_ref().unwrap();
        let parts = parts(facts);
        let chosen: Vec<_> = match sport {
            None => parts.into_iter().take(1).collect(),
            Some(sport) => parts.into_iter().filter(|part| part.sport == sport).collect(),
        };
        for (n, part) in chosen.iter().enumerate() {
            days.entry(part.day).or_default().add(&Sums {
                count: u32::from(n == 0),
                elapsed_ms: part.elapsed_ms,
                moving_ms: part.moving_ms,
                distance_mm: part.distance_mm,
                ascent_mm: part.ascent_mm,
                descent_mm: part.descent_mm,
                energy_j: part.energy_j,
            });
        }
    }
    days.into_iter().map(|(day, sums)| DaySums { day, sums }).collect()
}

/// The best by looking at all there is.
fn farthest(states: &BTreeMap<ActivityId, Activity>) -> Option<i64> {
    let live = states.values().filter(|activity| activity.is_live());
    let facts = live.map(|activity| parts(activity.record.as_ref().unwrap().facts.as_ref().unwrap()));
    facts.flatten().filter(|part| part.sport == Sport::Running).filter_map(|part| part.distance_mm).max()
}

/// The fastest, likewise.
fn fastest(states: &BTreeMap<ActivityId, Activity>) -> Option<i64> {
    let live = states.values().filter(|activity| activity.is_live());
    let facts = live.map(|activity| parts(activity.record.as_ref().unwrap().facts.as_ref().unwrap()));
    let runs = facts.flatten().filter(|part| part.sport == Sport::Running);
    runs.flat_map(|part| part.efforts).map(|(_, value)| value).filter(|value| *value > 0).min()
}

/// Tells them in groups of any size, some groups twice, and then something of the past again.
async fn tell(db: &Db, events: &[Incoming], groups: &[(usize, bool)]) {
    let projection = Arc::new(Statistics);
    let mut rest = events;
    let mut groups = groups.iter().cycle();
    while !rest.is_empty() {
        let (size, twice) = groups.next().unwrap();
        let (group, behind) = rest.split_at((*size).min(rest.len()));
        rest = behind;
        for _ in 0..=usize::from(*twice) {
            let (projection, group) = (projection.clone(), group.to_vec());
            db.transact(move |tx| Box::pin(async move { projection.apply(tx, &group).await })).await.unwrap();
        }
    }
    let (projection, again) = (projection.clone(), events[..events.len() / 2].to_vec());
    db.transact(move |tx| Box::pin(async move { projection.apply(tx, &again).await })).await.unwrap();
}

async fn any_interleaving_adds_up(db: &Db, cases: u32) {
    MIGRATIONS.apply(db).await.unwrap();
    let mut runner = TestRunner::new_with_rng(
        ProptestConfig::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let deeds = prop::collection::vec((0..ACTIVITIES, deed()), 1..40);
    let groups = prop::collection::vec((1..9_usize, any::<bool>()), 1..9);
    let mut seen = 0;
    for _ in 0..cases {
        let (deeds, groups) = (&deeds, &groups).new_tree(&mut runner).unwrap().current();
        let owner = AccountId::random();
        let (events, states) = happen(owner, &deeds);
        tell(db, &events, &groups).await;
        for sport in [None, Some(Sport::Running), Some(Sport::Cycling), Some(Sport::Multisport)] {
            let kept = contributions::days(db, owner, sport, -10..=20).await.unwrap();
            assert_eq!(kept, folded(&states, sport), "{sport:?} after {deeds:#?}");
            let days = contributions::active_days(db, owner, sport).await.unwrap();
            assert_eq!(days, kept.iter().map(|day| day.day).collect::<Vec<_>>());
            seen += kept.len();
        }
        let done = contributions::done(db, owner, Some(Sport::Running)).await.unwrap();
        let found = find(done.iter().map(|(id, part)| (*id, part)));
        let best = found.get(&(Sport::Running, Kind::LongestDistance)).and_then(|steps| steps.last());
        assert_eq!(best.map(|Mark { value, .. }| *value), farthest(&states).filter(|best| *best > 0));
        let five_km = found.iter().find(|((_, kind), _)| kind.name() == "fastest_5km");
        let best = five_km.and_then(|(_, steps)| steps.last());
        assert_eq!(best.map(|Mark { value, .. }| *value), fastest(&states));
    }
    assert!(seen > cases as usize, "something was there to be added up");
}

#[tokio::test]
async fn any_interleaving_adds_up_to_what_is_live() {
    let folder = tempfile::tempdir().unwrap();
    let db = sqlite::open(&folder.path().join("activity.db"), sqlite::Options::default()).await.unwrap();
    any_interleaving_adds_up(&db, 150).await;
}

#[tokio::test]
async fn any_interleaving_adds_up_on_postgresql() {
    let Some(server) = engines::postgres("contributions on PostgreSQL") else { return };
    let name = format!("stadion_contributions_{}", uuid::Uuid::new_v4().simple());
    let made = postgres::create_database(&server, &name).await.unwrap();
    let db = postgres::connect(&made, postgres::Options::default()).await.unwrap();
    any_interleaving_adds_up(&db, 40).await;
}
