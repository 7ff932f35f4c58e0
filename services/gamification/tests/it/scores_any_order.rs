//! However joining, counting, editing, voiding, leaving, days, settings and changes of the window interleave, and however
//! the journal is cut into batches, the rows are those of a plain fold. The fold shares no code with the projection
//! except for its types, and has no memory but the list of what happened.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use eventing::{DomainEvent, Incoming, Projection, Recorded, StreamId};
use gamification::{
    MIGRATIONS,
    app::App,
    consumers::scores::Scores,
    domain::{
        ChallengeId, Event as ProgressEvent, Fact, Terms,
        challenge::{self, terms::Written},
        daily::{self, DailyId, Steps},
        fact::Receipt,
        participation::{self, Frozen, ShowAs},
        progress::XpPart,
        scoring::Score,
        visibility,
    },
};
use jiff::Timestamp;
use kernel::{AccountId, ActivityId, Sport};
use proptest::{prelude::*, test_runner::TestRunner};
use testkit::fleet::Ground;

use crate::scores_oracle::fold;

pub(crate) const HOUR_US: i64 = 3_600_000_000;
pub(crate) const ZONES: [&str; 3] = ["Europe/Berlin", "Asia/Almaty", "America/New_York"];
pub(crate) const METRICS: [&str; 8] =
    ["distance_m", "moving_time_s", "ascent_m", "count", "steps", "longest_m", "fastest_s", "xp"];
/// Over the night in which Berlin's clocks go forward.
pub(crate) const START: &str = "2026-03-28T00:00:00";
pub(crate) const END: &str = "2026-03-30T00:00:00";
pub(crate) const LATER: &str = "2026-03-31T00:00:00";

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Join {
        who: usize,
        zone: usize,
        private: bool,
        joined_h: i64,
    },
    Leave {
        who: usize,
    },
    Private {
        who: usize,
        private: bool,
    },
    /// `None`: it no longer counts.
    Count {
        who: usize,
        activity: usize,
        fact: Option<Run>,
        received_h: i64,
        xp: i64,
    },
    Day {
        who: usize,
        source: usize,
        day: i32,
        steps: i64,
        received_h: i64,
    },
    OnlyMe {
        who: usize,
        only_me: bool,
    },
    Extend,
    Stop {
        at_h: i64,
    },
    Line {
        back: u64,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) start_h: i64,
    pub(crate) quarters: i64,
    pub(crate) distance_m: Option<i64>,
    pub(crate) ascent_m: Option<i64>,
    pub(crate) cycling: bool,
    pub(crate) only_me: Option<bool>,
}

#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) metric: usize,
    pub(crate) local: bool,
    pub(crate) from_join: bool,
    pub(crate) runs_only: bool,
    pub(crate) least_m: Option<i64>,
    /// Not of steps and XP, which are not made in attempts.
    pub(crate) attempts: Option<u32>,
    pub(crate) ops: Vec<Op>,
    /// Where the journal is cut into batches.
    pub(crate) cuts: Vec<bool>,
}

fn run() -> impl Strategy<Value = Run> {
    (
        -20_i64..80,
        1_i64..8,
        prop::option::weighted(0.8, 1_i64..9),
        prop::option::of(1_i64..4),
        any::<bool>(),
        prop::option::weighted(0.3, any::<bool>()),
    )
        .prop_map(|(start_h, quarters, distance, ascent, cycling, only_me)| Run {
            start_h,
            quarters,
            // Few values, so that ties happen.
            distance_m: distance.map(|distance| distance * 500),
            ascent_m: ascent.map(|ascent| ascent * 10),
            cycling,
            only_me,
        })
}

fn op() -> impl Strategy<Value = Op> {
    let who = 0_usize..2;
    prop_oneof![
        4 => (who.clone(), 0_usize..3, any::<bool>(), -10_i64..60)
            .prop_map(|(who, zone, private, joined_h)| Op::Join { who, zone, private, joined_h }),
        1 => who.clone().prop_map(|who| Op::Leave { who }),
        1 => (who.clone(), any::<bool>()).prop_map(|(who, private)| Op::Private { who, private }),
        10 => (who.clone(), 0_usize..5, prop::option::weighted(0.8, run()), 0_i64..160, -3_i64..6)
            .prop_map(|(who, activity, fact, received_h, xp)| Op::Count { who, activity, fact, received_h, xp }),
        4 => (who.clone(), 0_usize..2, 0_i32..5, 0_i64..4, 0_i64..160)
            .prop_map(|(who, source, day, steps, received_h)| Op::Day { who, source, day, steps, received_h }),
        1 => (who, any::<bool>()).prop_map(|(who, only_me)| Op::OnlyMe { who, only_me }),
        1 => Just(Op::Extend),
        1 => (10_i64..70).prop_map(|at_h| Op::Stop { at_h }),
        1 => (0_u64..6).prop_map(|back| Op::Line { back }),
    ]
}

fn story() -> impl Strategy<Value = Story> {
    (
        0_usize..METRICS.len(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        prop::option::weighted(0.3, 1_i64..4),
        prop::option::weighted(0.4, 1_u32..4),
        prop::collection::vec(op(), 1..60),
        prop::collection::vec(any::<bool>(), 60),
    )
        .prop_map(|(metric, local, from_join, runs_only, least, attempts, ops, cuts)| Story {
            metric,
            local,
            from_join,
            runs_only,
            least_m: least.map(|least| least * 500),
            attempts: attempts.filter(|_| !["steps", "xp"].contains(&METRICS[metric])),
            ops: as_decided(ops),
            cuts,
        })
}

/// A challenge is stopped once, its line is drawn once, and neither is it extended behind them nor stopped behind a line.
fn as_decided(ops: Vec<Op>) -> Vec<Op> {
    let (mut stopped, mut drawn) = (false, false);
    let mut may = |op: &Op| match op {
        Op::Extend => !stopped && !drawn,
        Op::Stop { .. } => !drawn && !std::mem::replace(&mut stopped, true),
        Op::Line { .. } => !std::mem::replace(&mut drawn, true),
        _ => true,
    };
    ops.into_iter().filter(|op| may(op)).collect()
}

pub(crate) fn hour(h: i64) -> i64 {
    "2026-03-28T00:00:00Z".parse::<Timestamp>().unwrap().as_microsecond() + h * HOUR_US
}

impl Run {
    fn fact(&self, received_us: i64) -> Fact {
        let start_us = hour(self.start_h);
        let duration_s = self.quarters * 900;
        Fact {
            sport: if self.cycling { Sport::Cycling } else { Sport::Running },
            start_us,
            end_us: start_us + duration_s * 1_000_000,
            local_day: 0,
            time_zone: String::new(),
            utc_offset_s: 0,
            duration_s,
            distance_mm: self.distance_m.map(|metres| metres * 1_000),
            ascent_mm: self.ascent_m.map(|metres| metres * 1_000),
            received_us,
            only_me: self.only_me,
        }
    }
}

impl Story {
    pub(crate) fn terms(&self) -> Terms {
        let written = Written {
            name: BTreeMap::from([("en".to_owned(), "March".to_owned())]),
            metric: METRICS[self.metric].to_owned(),
            start: START.to_owned(),
            end: END.to_owned(),
            clock: if self.local { "local" } else { "instant" }.to_owned(),
            sports: if self.runs_only { vec!["running".to_owned()] } else { Vec::new() },
            count_from: if self.from_join { "join" } else { "window" }.to_owned(),
            min_distance_m: self.least_m.map(|least| f64::from(i32::try_from(least).unwrap())),
            late_sync_grace_s: Some(24 * 3_600),
            attempts: self.attempts,
            ..Written::default()
        };
        Terms::parse(&written).unwrap()
    }
}

// ── the projection ─────────────────────────────────────────────────────────────────────────────────────────────────

struct Told {
    story: u64,
    position: i64,
    events: Vec<Incoming>,
}

impl Told {
    fn account(&self, who: usize) -> AccountId {
        AccountId::derived(&[&self.story.to_be_bytes(), &who.to_be_bytes()])
    }

    fn challenge(&self) -> ChallengeId {
        ChallengeId::derived(&[&self.story.to_be_bytes()])
    }

    fn say(&mut self, stream: &str, event: &impl DomainEvent) {
        self.position += 1;
        let plain = event.encode();
        let event = Recorded {
            position: self.position,
            stream: StreamId::named(stream),
            version: self.position,
            event_id: uuid::Uuid::new_v4(),
            partition_key: String::new(),
            kind: plain.kind.clone(),
            schema_ver: 1,
            payload: plain.payload.clone(),
            meta: proto::envelope::Meta::default(),
            at_us: hour(0),
        };
        self.events.push(Incoming { source: "gamification".to_owned(), event, plain });
    }

    fn taking_part(&mut self, op: &Op) {
        let challenge = self.challenge();
        let of_part = |account| format!("participation-{challenge}-{account}");
        match op {
            Op::Join { who, zone, private, joined_h } => {
                let account = self.account(*who);
                let joined = participation::Event::Joined {
                    challenge,
                    account,
                    member: 1,
                    show_as: ShowAs::Name,
                    count_private: *private,
                    joined_us: hour(*joined_h),
                    frozen: Some(Frozen { segments: Vec::new(), time_zone: ZONES[*zone].to_owned() }),
                };
                self.say(&of_part(account), &joined);
            }
            Op::Leave { who } => {
                let account = self.account(*who);
                self.say(&of_part(account), &participation::Event::Left { challenge, account });
            }
            Op::Private { who, private } => {
                let (account, show_as) = (self.account(*who), ShowAs::Name);
                let changed =
                    participation::Event::Changed { challenge, account, show_as, count_private: *private };
                self.say(&of_part(account), &changed);
            }
            _ => {}
        }
    }

    fn op(&mut self, op: &Op, nth: usize) {
        let challenge = self.challenge();
        let (by, position) = (self.account(9), u64::try_from(nth).unwrap() + 1);
        match op {
            Op::Join { .. } | Op::Leave { .. } | Op::Private { .. } => self.taking_part(op),
            Op::Count { who, activity, fact, received_h, xp } => {
                let (account, revision) = (self.account(*who), position);
                let activity = ActivityId::derived(&[account.as_bytes(), &activity.to_be_bytes()]);
                let receipt = Receipt { at_us: hour(*received_h), position };
                let heard = match fact {
                    Some(run) => {
                        let fact = Some(run.fact(receipt.at_us));
                        ProgressEvent::Counted { account, activity, revision, fact, position }
                    }
                    None => ProgressEvent::Uncounted { account, activity, revision, receipt },
                };
                self.say(&format!("progress-{account}"), &heard);
                let parts = vec![XpPart { activity, rule: "duration".to_owned(), xp: *xp }];
                let gained = ProgressEvent::XpChanged {
                    account,
                    before: 0,
                    after: 0,
                    rule_version: 1,
                    parts,
                    receipt,
                };
                self.say(&format!("progress-{account}"), &gained);
            }
            Op::Day { who, source, day, steps, received_h } => {
                let account = self.account(*who);
                let daily =
                    DailyId::derived(&[account.as_bytes(), &source.to_be_bytes(), &day.to_be_bytes()]);
                let receipt = Receipt { at_us: hour(*received_h), position };
                let steps = Some(Steps { local_day: march(*day), steps: *steps });
                let event = daily::Event { account, daily, revision: position, receipt, steps };
                self.say(&format!("daily-{daily}"), &event);
            }
            Op::OnlyMe { who, only_me } => {
                let account = self.account(*who);
                let event = visibility::Event { account, only_me: *only_me };
                self.say(&format!("visibility-{account}"), &event);
            }
            Op::Extend => {}
            Op::Stop { at_h } => {
                let (reason, stopped_us) = (String::new(), hour(*at_h));
                let event = challenge::Event::Stopped { challenge, by, reason, stopped_us, opened: true };
                self.say(&format!("challenge-{challenge}"), &event);
            }
            Op::Line { back } => {
                let activity_head = position.saturating_sub(*back);
                let event = challenge::Event::Settling { challenge, activity_head };
                self.say(&format!("challenge-{challenge}"), &event);
            }
        }
    }
}

/// Days since 1970 of the 27th of March 2026 and those behind it.
fn march(day: i32) -> i32 {
    20_539 + day
}

// ── together ───────────────────────────────────────────────────────────────────────────────────────────────────────

async fn projected(app: &App, scores: &Arc<Scores>, story: &Story, number: u64) -> Vec<Option<Score>> {
    let mut told =
        Told { story: number, position: i64::try_from(number).unwrap() * 1_000, events: Vec::new() };
    let (challenge, author) = (told.challenge(), told.account(8));
    let stream = format!("challenge-{challenge}");
    let terms = Arc::new(story.terms());
    told.say(&stream, &challenge::Event::Drafted { challenge, author, terms: terms.clone() });
    told.say(&stream, &challenge::Event::Opened { challenge, by: author, opened_us: 1 });
    for (nth, op) in story.ops.iter().enumerate() {
        told.op(op, nth);
        if matches!(op, Op::Extend) {
            let window = terms.window.extended(LATER).unwrap();
            told.say(
                &stream,
                &challenge::Event::Extended { challenge, by: author, window, reason: String::new() },
            );
        }
    }
    let mut batch: Vec<Incoming> = Vec::new();
    let mut cuts = story.cuts.iter().cycle();
    let count = told.events.len();
    for (nth, incoming) in told.events.clone().into_iter().enumerate() {
        batch.push(incoming);
        if *cuts.next().unwrap() || nth + 1 == count {
            let (scores, events) = (scores.clone(), std::mem::take(&mut batch));
            let applied = app.store.read(move |tx| {
                Box::pin(async move {
                    let applied = scores.apply(tx, &events).await;
                    applied.map_err(|failure| eventing::sql::DbError::Statement(failure.to_string()))
                })
            });
            applied.await.unwrap();
        }
    }
    let rows = app.store.standing(challenge).await.unwrap();
    let of = |who| rows.iter().find(|row| row.account == told.account(who)).and_then(|row| row.score);
    vec![of(0), of(1)]
}

#[test]
fn any_interleaving_gives_the_rows_of_a_plain_fold() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let ground = Ground::fresh();
    let fleet = runtime.block_on(ground.fleet(&["gamification"]));
    let resources = runtime.block_on(fleet.resources("gamification"));
    runtime.block_on(MIGRATIONS.apply(&resources.db)).unwrap();
    let app = runtime.block_on(async {
        gamification::app(&resources, &resources.spine(), gamification::Config::default())
    });
    let app = app.unwrap();
    let scores = Arc::new(Scores::new(resources.journal.sealer().clone()));
    let number = AtomicU64::new(1);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 160,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let checked = runner.run(&story(), |story| {
        let number = number.fetch_add(1, Ordering::SeqCst);
        let rows = runtime.block_on(projected(&app, &scores, &story, number));
        prop_assert_eq!(rows, vec![fold(&story, 0), fold(&story, 1)]);
        Ok(())
    });
    if let Err(failed) = checked {
        panic!("{failed}");
    }
}
