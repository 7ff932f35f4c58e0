//! Pages and single activities where many are stored: latency, and processor time of the whole process.

use std::time::Instant;

use anyhow::{Context, bail};
use backends::sqlite;
use eventing::{Db, args, sql::DbError};
use jiff::{SignedDuration, Timestamp};
use kernel::{AccountId, ActivityId};
use prost::Message;
use proto::activity::{ActivityRecorded, Facts, Lap, Origin, Provenance};

use crate::{
    Options,
    door::{Door, Person},
    generator::dice::Dice,
    process::{Server, binary},
    report::{Report, durations, record},
    steady,
};

const ACCOUNTS: usize = 1_000;
const PAGES: u32 = 1_000;
const PAGE: usize = 20;
const ROWS_EACH: usize = 5_000;
const HOURS_BETWEEN: i64 = 7;
const LAPS: i64 = 10;

/// How many are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Args)]
pub(crate) struct Lists {
    #[arg(long, default_value_t = 1_000_000)]
    activities: usize,
}

pub(crate) async fn measure(wanted: Lists, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let binary = binary(options).await?;
    let folder = options.fresh_folder()?;
    let data = folder.path().join("data");
    let seeded = steady::seed(&binary, &data, (ACCOUNTS, 0.0, 1)).await?;
    let people = people(&std::fs::read_to_string(&seeded.sessions)?)?;
    let db = sqlite::open(&data.join("stores/activity.db"), sqlite::Options::default()).await?;
    let each = wanted.activities.div_ceil(people.len());
    fill(&db, &people, each).await?;
    drop(db);
    let server = Server::start(&binary, &data).await?;
    let door = Door::of(&server, binary, data)?;
    let stored = each * people.len();
    let conditions =
        format!("{stored} activities of {ACCOUNTS} athletes on SQLite, one call after the other");
    lists(&server, &door, &people, each, &conditions, report).await?;
    server.stop().await
}

async fn lists(
    server: &Server,
    door: &Door,
    people: &[Person],
    each: usize,
    conditions: &str,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut dice = Dice::of(7);
    let (mut pages, mut details) = (durations()?, durations()?);
    let mut ids = Vec::new();
    // Each of the accounts has been seen once: keys and pages of the store are as in the middle of a day.
    for person in people {
        door.get("/activities?limit=1", person).await?;
    }
    let before_s = server.cpu_seconds()?;
    for _ in 0..PAGES {
        let who = &people[dice.below(people.len())];
        // Anywhere in what they did, with a full page behind it.
        let before = start_of(PAGE + dice.below(each.saturating_sub(PAGE)))?;
        let begun = Instant::now();
        let page = door.get(&format!("/activities?limit={PAGE}&before={before}"), who).await?;
        record(&mut pages, begun.elapsed());
        let items = page["items"].as_array().context("a page has items")?;
        if items.len() != PAGE {
            bail!("a page of {} before {before}", items.len());
        }
        ids.push((who, items[0]["id"].as_str().context("an activity has an id")?.to_owned()));
    }
    let used_s = server.cpu_seconds()? - before_s;
    for (who, id) in ids {
        let begun = Instant::now();
        door.get(&format!("/activities/{id}"), who).await?;
        record(&mut details, begun.elapsed());
    }
    report.figure(
        format!("{PAGES} pages of {PAGE} of `GET /activities`"),
        (used_s, "CPU-s"),
        "≤ 0.2 CPU-s",
        format!("{conditions}, all of the server's threads"),
    );
    report.latencies("a page of `GET /activities`", &pages, "p99 < 10 ms", conditions);
    report.latencies("`GET /activities/{id}`", &details, "p99 < 10 ms", conditions);
    Ok(())
}

fn people(sessions: &str) -> anyhow::Result<Vec<Person>> {
    let person = |line: &str| {
        let (account_id, token) = line.split_once(' ').context("a line is `account_id token`")?;
        Ok(Person { account_id: account_id.to_owned(), token: token.to_owned() })
    };
    sessions.lines().map(person).collect()
}

fn start_of(nth: usize) -> anyhow::Result<Timestamp> {
    let first: Timestamp = "2010-01-01T06:00:00Z".parse()?;
    let hours = HOURS_BETWEEN * i64::try_from(nth)?;
    Ok(first.checked_add(SignedDuration::from_hours(hours))?)
}

/// Rows as the projection writes them: a read model without the journal behind it.
async fn fill(db: &Db, people: &[Person], each: usize) -> anyhow::Result<()> {
    for person in people {
        let account: AccountId = person.account_id.parse().ok().context("an account's id")?;
        let mut rows = Vec::new();
        for nth in 0..each {
            rows.push((ActivityId::random(), start_of(nth)?.as_microsecond()));
        }
        for some in rows.chunks(ROWS_EACH) {
            let some = some.to_vec();
            let written: Result<(), DbError> = db
                .transact(move |tx| {
                    Box::pin(async move {
                        for (id, start_us) in some {
                            let sql = "INSERT INTO activity (activity_id, account_id, start_us, sport, live, revision, whole)
                                 VALUES ($1, $2, $3, 'running', 1, 1, $4)";
                            let whole = whole(account, id, start_us).encode_to_vec();
                            tx.execute(sql, args![id, account, start_us, whole]).await?;
                        }
                        Ok(())
                    })
                })
                .await;
            written?;
        }
    }
    Ok(())
}

fn whole(account: AccountId, id: ActivityId, start_us: i64) -> ActivityRecorded {
    let bytes = |id: &[u8]| bytes::Bytes::copy_from_slice(id);
    let lap = |nth: i64| Lap {
        start_us: start_us + nth * 330_000_000,
        elapsed_time_s: 330.0,
        distance_m: Some(1_000.0),
        ..Lap::default()
    };
    ActivityRecorded {
        activity_id: bytes(id.as_bytes()),
        account_id: bytes(account.as_bytes()),
        origin: Some(Origin {
            kind: 2,
            source: "healthkit".to_owned(),
            client_version: 1,
            ..Origin::default()
        }),
        facts: Some(Facts {
            sport: "running".to_owned(),
            start_us,
            utc_offset_s: 18_000,
            time_zone: "Asia/Almaty".to_owned(),
            elapsed_time_s: 3_300.0,
            moving_time_s: Some(3_250.0),
            distance_m: Some(10_000.0),
            ascent_m: Some(80.0),
            energy_kj: Some(2_800.0),
            laps: (0..LAPS).map(lap).collect(),
            ..Facts::default()
        }),
        name: "Round the lake".to_owned(),
        provenance: Some(Provenance::default()),
        ..ActivityRecorded::default()
    }
}
