//! Readers and commands that write the rows of one account at once, as in two processes on PostgreSQL: what was taken
//! away stays away, and nothing else is lost, whoever is last.

use std::sync::Arc;

use activity::{
    Config,
    blobs::Blobs,
    consumers::{AccountErased, ConsentWithdrawn, Rows},
    domain::{
        activity::{Change, Event},
        facts::{Facts, Health, HeartRate, Origin, Record, Start},
    },
    store::{
        ActivityStore, SqlActivities,
        samples::{self, Sample},
        taken::{self, Taken},
    },
};
use eventing::{Db, DomainEvent, Failure, Incoming, Plain, Projection, Reactor, StreamId, args};
use kernel::{AccountId, ActivityId, Id, Sport};
use testkit::{
    fleet::{self, Fleet, Ground},
    overlap::{applying, heard, overlapping},
};

use crate::world::bytes_of;

const ROUNDS: usize = 100;
const BPM: f64 = 151.0;

/// Activity's readers, run by hand. One event stands in its journal: what is at place 1 was said before anything that is
/// heard here, what is at place 2 after.
struct Rink<'a> {
    db: Db,
    activities: Arc<dyn ActivityStore>,
    rows: Arc<dyn Projection>,
    consents: Arc<dyn Projection>,
    erasures: AccountErased,
    fleet: Fleet<'a>,
}

impl<'a> Rink<'a> {
    async fn on(ground: &'a Ground) -> Self {
        let fleet = ground.fleet(&["activity"]).await;
        let resources = fleet.resources("activity").await;
        activity::MIGRATIONS.apply(&resources.db).await.unwrap();
        let (stream, event) = (StreamId::named("test-1"), deleted_of(AccountId::random()));
        assert_eq!(fleet::tell(&resources.journal, &stream, "test", &event).await.position, 1);
        let db = resources.db.clone();
        let activities: Arc<dyn ActivityStore> = Arc::new(SqlActivities(db.clone()));
        let blobs = Blobs::open(&Config::default().files, &resources.data).unwrap();
        Self {
            rows: Arc::new(Rows { activities: activities.clone(), blobs: blobs.clone() }),
            consents: Arc::new(ConsentWithdrawn { activities: activities.clone() }),
            erasures: AccountErased {
                journal: resources.journal.clone(),
                db: db.clone(),
                activities: activities.clone(),
                blobs,
            },
            activities,
            db,
            fleet,
        }
    }

    async fn applied(
        &self,
        projection: &Arc<dyn Projection>,
        events: impl AsRef<[Incoming]>,
    ) -> Result<(), Failure> {
        let work = applying(projection, events.as_ref());
        self.db.transact(move |tx| work(tx)).await
    }

    /// Name, heart rate and whether it is shown.
    async fn shown(&self, run: ActivityId) -> (String, Option<f64>, bool) {
        let row = self.activities.get(run).await.unwrap().unwrap();
        let bpm = row.whole.health.and_then(|health| health.heart_rate_avg_bpm);
        (row.whole.name, bpm, row.live)
    }

    async fn kept(&self, account: AccountId) -> i64 {
        let sql = "SELECT (SELECT COUNT(*) FROM activity WHERE account_id = $1)
             + (SELECT COUNT(*) FROM upload WHERE account_id = $1)
             + (SELECT COUNT(*) FROM metric WHERE account_id = $1)";
        self.db.fetch_one(sql, args![account]).await.unwrap().unwrap().get(0).unwrap()
    }

    async fn keeps(&self, account: AccountId, asked: Taken) {
        let sample = |kind: &str| Sample {
            key: kind.to_owned(),
            version: 1,
            kind: kind.to_owned(),
            at_us: 1,
            value: 100.0,
            skew_s: 0,
        };
        let samples = vec![sample("steps"), sample("heart_rate")];
        samples::put(&self.db, account, "phone", samples, asked).await.unwrap();
    }

    /// What kinds of samples are kept.
    async fn kinds(&self, account: AccountId) -> Vec<String> {
        let sql = "SELECT type FROM metric WHERE account_id = $1 ORDER BY type";
        let rows = self.db.fetch(sql, args![account]).await.unwrap();
        rows.iter().map(|row| row.get(0).unwrap()).collect()
    }

    async fn stop(self) {
        let Self { fleet, .. } = self;
        fleet.stop().await;
    }
}

fn run_of(account: AccountId) -> ActivityId {
    ActivityId::derived(&[account.as_bytes(), b"run"])
}

fn record(name: &str) -> Box<Record> {
    let start = Start { start_us: 1_777_600_800_000_000, utc_offset_s: 18_000, time_zone: None };
    Box::new(Record {
        origin: Origin::Manual,
        streams_blob: None,
        visibility: None,
        facts: Some(Facts::new(Sport::Running, start, 1_800.0)),
        health: Some(Health {
            heart_rate: HeartRate { avg_bpm: Some(BPM), max_bpm: None },
            ..Health::default()
        }),
        name: Some(name.to_owned()),
        devices: Vec::new(),
        explained: Vec::new(),
        marks: Default::default(),
        judgement: None,
        trace: None,
    })
}

fn said(account: AccountId, (position, version): (i64, i64), change: Change) -> Incoming {
    let activity_id = run_of(account);
    let event = Event { activity_id, account_id: account, change };
    heard(
        "activity",
        StreamId::of("activity", activity_id),
        &account.to_string(),
        (position, version),
        event.encode(),
    )
}

fn recorded(account: AccountId) -> Incoming {
    said(account, (1, 1), Change::Recorded(record("a run")))
}

fn edited(account: AccountId, version: i64) -> Incoming {
    let change =
        Change::Edited { record: record("the run"), previous_start_us: 1, changed: vec!["name".to_owned()] };
    said(account, (1, version), change)
}

fn deleted(account: AccountId) -> Incoming {
    said(account, (1, 2), Change::Deleted { client_version: None })
}

fn deleted_of(account: AccountId) -> proto::activity::ActivityDeleted {
    let activity_id = bytes_of(run_of(account));
    proto::activity::ActivityDeleted { activity_id, account_id: bytes_of(account), client_version: None }
}

fn received(account: AccountId) -> Incoming {
    let upload: Id<()> = Id::derived(&[account.as_bytes(), b"file"]);
    let event = proto::activity::UploadReceived {
        upload_id: bytes_of(upload),
        account_id: bytes_of(account),
        file_hash: bytes::Bytes::from_static(b"hash"),
        blob: "original/a/b".to_owned(),
        source: "upload".to_owned(),
        ..Default::default()
    };
    heard("activity", StreamId::of("upload", upload), &account.to_string(), (1, 1), Plain::of(&event))
}

fn of_auth(account: AccountId, plain: Plain) -> Incoming {
    heard("auth", StreamId::of("account", account), &account.to_string(), (7, 7), plain)
}

fn withdrawn(account: AccountId) -> Incoming {
    let event = proto::auth::ConsentWithdrawn {
        account_id: bytes_of(account),
        purpose: "health_data".to_owned(),
        ..Default::default()
    };
    of_auth(account, Plain::of(&event))
}

fn erased(account: AccountId) -> Incoming {
    of_auth(account, Plain::of(&proto::auth::AccountErased { account_id: bytes_of(account) }))
}

#[tokio::test]
async fn a_heart_rate_never_comes_back_and_no_change_is_lost_while_the_consent_is_withdrawn() {
    let Some(ground) = Ground::postgres("a withdrawn consent beside other readers") else { return };
    let rink = Rink::on(&ground).await;
    let gone = ("a run".to_owned(), None, false);
    let renamed = ("the run".to_owned(), None, true);
    type Case = (fn(AccountId) -> Incoming, (String, Option<f64>, bool));
    let cases: [Case; 2] = [(deleted, gone), (|account| edited(account, 2), renamed)];
    for (what, wanted) in cases {
        for consent_first in [true, false] {
            let account = AccountId::random();
            rink.applied(&rink.rows, [recorded(account)]).await.unwrap();
            assert_eq!(rink.shown(run_of(account)).await.1, Some(BPM));
            let consent = (&rink.consents, vec![withdrawn(account)]);
            let change = (&rink.rows, vec![what(account)]);
            let (first, second) = if consent_first { (consent, change) } else { (change, consent) };
            let (one, other) =
                overlapping(&rink.db, applying(first.0, &first.1), rink.applied(second.0, &second.1)).await;
            one.unwrap();
            other.unwrap();
            assert_eq!(rink.shown(run_of(account)).await, wanted, "the consent first: {consent_first}");
        }
    }
    rink.stop().await;
}

#[tokio::test]
async fn what_was_opened_before_the_consent_was_withdrawn_is_written_without_its_heart_rate() {
    let Some(ground) = Ground::postgres("an event opened before a withdrawal") else { return };
    let rink = Rink::on(&ground).await;
    for consent_first in [true, false] {
        let account = AccountId::random();
        let consent = (&rink.consents, vec![withdrawn(account)]);
        let run = (&rink.rows, vec![recorded(account)]);
        let (first, second) = if consent_first { (consent, run) } else { (run, consent) };
        let (one, other) =
            overlapping(&rink.db, applying(first.0, &first.1), rink.applied(second.0, &second.1)).await;
        one.unwrap();
        other.unwrap();
        assert_eq!(rink.shown(run_of(account)).await.1, None, "the consent first: {consent_first}");
        // Given again, it holds for what is said from then on.
        let later = said(account, (2, 2), Change::Restored(record("a later run")));
        rink.applied(&rink.rows, [later]).await.unwrap();
        assert_eq!(rink.shown(run_of(account)).await.1, Some(BPM));
    }
    rink.stop().await;
}

#[tokio::test]
async fn samples_that_were_asked_for_before_a_withdrawal_tell_nothing_of_the_body() {
    let Some(ground) = Ground::postgres("samples beside a withdrawn consent") else { return };
    let rink = Rink::on(&ground).await;
    for between in [true, false] {
        let account = AccountId::random();
        let asked = taken::now(&rink.db, account).await.unwrap();
        let consent = applying(&rink.consents, &[withdrawn(account)]);
        if between {
            let (one, ()) = overlapping(&rink.db, consent, rink.keeps(account, asked)).await;
            one.unwrap();
        } else {
            rink.applied(&rink.consents, [withdrawn(account)]).await.unwrap();
            rink.keeps(account, asked).await;
        }
        assert_eq!(rink.kinds(account).await, ["steps"]);
        let asked = taken::now(&rink.db, account).await.unwrap();
        rink.keeps(account, asked).await;
        assert_eq!(rink.kinds(account).await, ["heart_rate", "steps"], "the consent was given again");
    }
    rink.stop().await;
}

#[tokio::test]
async fn an_erased_account_has_no_row_whoever_is_last() {
    let Some(ground) = Ground::postgres("an erasure beside other readers") else { return };
    let rink = Rink::on(&ground).await;
    for events in [[recorded, deleted], [received, recorded]] {
        let account = AccountId::random();
        let written = applying(&rink.rows, &events.map(|event| event(account)));
        let erasure = erased(account);
        let (one, other) = overlapping(&rink.db, written, rink.erasures.react(&erasure)).await;
        one.unwrap();
        other.unwrap();
        assert_eq!(rink.kept(account).await, 0);
        // Who was at it all the time.
        rink.applied(&rink.rows, [recorded(account), received(account)]).await.unwrap();
        rink.keeps(account, Taken::default()).await;
        assert_eq!(rink.kept(account).await, 0);
    }
    rink.stop().await;
}

/// Three writers on two accounts, again and again: nobody waits in a circle.
#[tokio::test]
async fn writers_of_few_accounts_never_wait_in_a_circle() {
    let Some(ground) = Ground::postgres("writers of few accounts at once") else { return };
    let rink = Rink::on(&ground).await;
    let [one, other] = [AccountId::random(), AccountId::random()];
    rink.applied(&rink.rows, [recorded(one), recorded(other)]).await.unwrap();
    for round in 0..ROUNDS {
        let version = i64::try_from(round).unwrap() + 2;
        let (edits, ends) =
            ([edited(one, version), edited(other, version)], [withdrawn(other), withdrawn(one)]);
        let (rows, consents, (), ()) = tokio::join!(
            rink.applied(&rink.rows, &edits),
            rink.applied(&rink.consents, &ends),
            rink.keeps(one, Taken::default()),
            rink.keeps(other, Taken::default()),
        );
        rows.unwrap_or_else(|error| panic!("round {round}: {error}"));
        consents.unwrap_or_else(|error| panic!("round {round}: {error}"));
        for account in [one, other] {
            assert_eq!(
                rink.shown(run_of(account)).await,
                ("the run".to_owned(), None, true),
                "round {round}"
            );
        }
    }
    rink.stop().await;
}
