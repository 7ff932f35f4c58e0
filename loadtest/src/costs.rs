//! What one event and one call cost on the way, in µs of one core.

use std::{hint::black_box, sync::Arc, time::Instant};

use anyhow::Context;
use bytes::Bytes;
use eventing::{
    Plain, Recorded, Sealer, StreamId,
    sealing::{CachedKeys, StaticKeys},
};
use kernel::{AccountId, Clock, Id, SystemClock};
use platform::{
    actor::{Actor, ActorSigner, ActorVerifier},
    installation::InstallationKey,
};
use proto::{activity, envelope::Meta, gamification};
use uuid::Uuid;

use crate::report::Report;

const TIMES: u32 = 5_000;
const ROUNDS: usize = 5;

pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    sealing(report).await?;
    actors(report)
}

async fn sealing(report: &mut Report) -> anyhow::Result<()> {
    let sealer = Sealer::new(Arc::new(CachedKeys::new(Arc::new(StaticKeys::default()))));
    let account = AccountId::random();
    for (name, plain) in [
        ("ActivityRecorded, 4 classes", Plain::of(&recorded(account))),
        ("BadgeUnlocked, 1 class", Plain::of(&unlocked(account))),
        ("LevelReached, nothing personal", Plain::of(&level(account))),
    ] {
        let bytes = plain.payload.len();
        let conditions =
            format!("{bytes} B, keys in the cache, one event at a time, median of {ROUNDS} × {TIMES}");
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            for _ in 0..TIMES {
                black_box(sealer.seal(&[(Uuid::now_v7(), black_box(&plain))]).await?);
            }
            rounds.push(begun.elapsed().as_secs_f64());
        }
        report.figure(format!("seal one event: {name}"), (median_us(rounds), "µs"), "", &conditions);

        let stored = stored(&sealer, &plain).await?;
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            for _ in 0..TIMES {
                black_box(sealer.open(black_box(std::slice::from_ref(&stored))).await?);
            }
            rounds.push(begun.elapsed().as_secs_f64());
        }
        report.figure(format!("open one event: {name}"), (median_us(rounds), "µs"), "", &conditions);
    }
    Ok(())
}

async fn stored(sealer: &Sealer, plain: &Plain) -> anyhow::Result<Recorded> {
    let event_id = Uuid::now_v7();
    let (payload, sealed) = sealer.seal(&[(event_id, plain)]).await?.pop().context("nothing was sealed")?;
    Ok(Recorded {
        position: 1,
        stream: StreamId::named("load-1"),
        version: 1,
        event_id,
        partition_key: "load".to_owned(),
        kind: plain.kind.clone(),
        schema_ver: plain.schema_ver,
        payload,
        meta: Meta { sealed, ..Meta::default() },
        at_us: 0,
    })
}

/// The signed actor token that each call between services carries.
fn actors(report: &mut Report) -> anyhow::Result<()> {
    let key = InstallationKey::ephemeral()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let account = || Actor::Account {
        account_id: AccountId::random(),
        session_id: Id::random(),
        scopes: vec!["app".to_owned()],
    };
    let fresh: Vec<Actor> = (0..TIMES).map(|_| account()).collect();
    let signer = ActorSigner::new("gateway", &key, clock.clone());
    let verifier = ActorVerifier::new(&key, clock);
    let each = format!("{TIMES} accounts, one each");
    let same = format!("the same account {TIMES} times");

    let begun = Instant::now();
    let tokens: Vec<Bytes> = fresh.iter().map(|actor| signer.token(actor)).collect();
    report.figure("sign an actor token", (us(begun.elapsed().as_secs_f64()), "µs"), "", &each);

    let begun = Instant::now();
    for token in &tokens {
        black_box(verifier.verify(black_box(token))?);
    }
    report.figure("verify an actor token, first time", (us(begun.elapsed().as_secs_f64()), "µs"), "", &each);

    let (actor, token) = (&fresh[0], &tokens[0]);
    let begun = Instant::now();
    for _ in 0..TIMES {
        black_box(signer.token(black_box(actor)));
        black_box(verifier.verify(black_box(token))?);
    }
    report.figure(
        "sign and verify an actor token, both cached",
        (us(begun.elapsed().as_secs_f64()), "µs"),
        "",
        &same,
    );
    Ok(())
}

fn us(seconds: f64) -> f64 {
    seconds * 1e6 / f64::from(TIMES)
}

fn median_us(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_by(f64::total_cmp);
    us(rounds[rounds.len() / 2])
}

fn bytes_of<Kind>(id: Id<Kind>) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}

fn recorded(account: AccountId) -> activity::ActivityRecorded {
    let lap = |nth: i64| activity::Lap {
        start_us: 1_777_600_800_000_000 + nth * 330_000_000,
        elapsed_time_s: 330.0,
        distance_m: Some(1_000.0),
        ..activity::Lap::default()
    };
    activity::ActivityRecorded {
        activity_id: bytes_of(Id::<kernel::id::Activity>::random()),
        account_id: bytes_of(account),
        streams_blob: "streams/0123456789abcdef".to_owned(),
        facts: Some(activity::Facts {
            sport: "running".to_owned(),
            start_us: 1_777_600_800_000_000,
            utc_offset_s: 18_000,
            time_zone: "Asia/Almaty".to_owned(),
            local_date: "2026-05-01".to_owned(),
            elapsed_time_s: 3_300.0,
            distance_m: Some(10_012.3),
            ascent_m: Some(84.0),
            laps: (0..10).map(lap).collect(),
            ..activity::Facts::default()
        }),
        health: Some(activity::Health { heart_rate_avg_bpm: Some(151.0), ..activity::Health::default() }),
        name: "Morning run".to_owned(),
        devices: Some(activity::Devices {
            devices: vec![activity::Device {
                manufacturer: "garmin".to_owned(),
                ..activity::Device::default()
            }],
        }),
        ..activity::ActivityRecorded::default()
    }
}

fn unlocked(account: AccountId) -> gamification::BadgeUnlocked {
    let because = gamification::Because {
        activity_id: bytes_of(Id::<kernel::id::Activity>::random()),
        value: 1.0,
        at_us: 1_777_602_600_000_000,
        ..gamification::Because::default()
    };
    gamification::BadgeUnlocked {
        achievement_id: bytes_of(Id::<kernel::id::Activity>::random()),
        account_id: bytes_of(account),
        badge: "first_run".to_owned(),
        unlocked_us: Some(1_777_602_600_000_000),
        rule: "first activity in running".to_owned(),
        rule_version: 1,
        because: vec![because],
        private: false,
        frozen_days: Vec::new(),
    }
}

fn level(account: AccountId) -> gamification::LevelReached {
    gamification::LevelReached { account_id: bytes_of(account), level: 2, from_level: 1, rule_version: 1 }
}
