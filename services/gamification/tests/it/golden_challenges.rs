//! What was written once of challenges is read for ever.

use std::{collections::BTreeSet, sync::Arc};

use eligibility::Rule;
use gamification::domain::{
    ChallengeId, Terms,
    challenge::{
        CountFrom, Event, Kind, Metric, Placement, Reward, RewardAt, TeamPlace, TeamPlacement, Ties, Window,
    },
    participation::{self, Frozen, ShowAs},
    seats,
    teams::TeamId,
};
use kernel::{AccountId, Sport};

const PACKAGE: &str = "stadion.gamification.v1";
const MAY_US: i64 = 1_777_602_600_000_000;

fn terms() -> Terms {
    Terms {
        name: [("en".to_owned(), "May".to_owned())].into(),
        kind: Kind::Individual,
        teams: BTreeSet::new(),
        metric: Metric::Distance,
        sports: BTreeSet::from([Sport::Running]),
        window: Window::parse("2026-05-01T00:00:00", "2026-06-01T00:00:00", "instant", "Asia/Almaty")
            .unwrap(),
        eligibility: Rule::parse(r#"{"region_in":["KZ-75"]}"#, "").unwrap(),
        capacity: Some(50_000),
        ties: Ties::Shared,
        public: true,
        late_sync_grace_s: 0,
        rewards: vec![
            Reward {
                at: RewardAt::Places { first: 1, last: 3 },
                points: 500,
                badge: Some("podium".to_owned()),
            },
            Reward { at: RewardAt::Reached { score: 42_195_000 }, points: 100, badge: None },
        ],
        count_from: CountFrom::Join,
        min_distance_mm: Some(1_500),
        attempts: None,
        regions: BTreeSet::from(["KZ-75".to_owned()]),
    }
}

fn hares_id() -> TeamId {
    TeamId::derived(&[b"hares"])
}

fn between_teams() -> Terms {
    Terms {
        kind: Kind::Team,
        attempts: Some(3),
        teams: BTreeSet::from([hares_id(), TeamId::derived(&[b"storks"])]),
        rewards: vec![Reward {
            at: RewardAt::Percentile { from: 99_500, to: 100_000 },
            points: 7,
            badge: None,
        }],
        ..terms()
    }
}

#[test]
fn challenges_are_read_as_they_were_written() {
    let challenge = ChallengeId::derived(&[b"golden"]);
    let (by, account) = (AccountId::derived(&[b"author"]), AccountId::derived(&[b"athlete"]));
    let usual = Terms {
        window: Window::parse("2026-05-01T00:00:00", "2026-06-01T00:00:00", "local", "").unwrap(),
        eligibility: Rule::everyone(),
        capacity: None,
        rewards: Vec::new(),
        sports: BTreeSet::new(),
        min_distance_mm: None,
        late_sync_grace_s: 172_800,
        regions: BTreeSet::new(),
        ..terms()
    };
    let window = terms().window.extended("2026-06-10T00:00:00").unwrap();
    let (rank, member, score, reached_us) = (1, 17, 5_012_300, MAY_US);
    let placement = Placement {
        account,
        rank,
        member,
        score,
        reached_us,
        tied: false,
        anonymous: true,
        team: None,
        earned: None,
    };
    let team = hares_id();
    let hares =
        TeamPlacement { team, rank: 2, score: 9_012_300, reached_us, tied: true, members: 2, behind: 1 };
    let helped =
        Placement { team: Some(TeamPlace { team, rank: 2, score: 9_012_300 }), earned: Some(5), ..placement };
    let today = vec![
        ("full", Event::Drafted { challenge, author: by, terms: Arc::new(terms()) }),
        ("teams", Event::Drafted { challenge, author: by, terms: Arc::new(between_teams()) }),
        ("usual", Event::Changed { challenge, by, terms: Arc::new(usual) }),
        ("past", Event::Opened { challenge, by, opened_us: MAY_US }),
        ("snow", Event::Extended { challenge, by, window, reason: "snow".to_owned() }),
        (
            "rain",
            Event::Stopped { challenge, by, reason: "rain".to_owned(), stopped_us: MAY_US, opened: true },
        ),
        ("due", Event::Settling { challenge, activity_head: 8_123 }),
        ("one", Event::PlacementsFixed { challenge, placements: vec![placement] }),
        ("helped", Event::PlacementsFixed { challenge, placements: vec![helped] }),
        ("hares", Event::TeamsFixed { challenge, teams: vec![hares] }),
        ("one", Event::Settled { challenge, count: 1, checksum: vec![7; 32], settled_us: MAY_US }),
        (
            "deleted",
            Event::PlacementAdjusted {
                challenge,
                account,
                score_before: 5_012_300,
                score_after: 0,
                reason: "deleted".to_owned(),
                at_us: MAY_US,
            },
        ),
    ];
    testkit::golden::check(PACKAGE, concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/challenge"), &today);
}

#[test]
fn participants_are_read_as_they_were_written() {
    let (challenge, account) = (ChallengeId::derived(&[b"golden"]), AccountId::derived(&[b"athlete"]));
    let joined = |frozen: Option<Frozen>| participation::Event::Joined {
        challenge,
        account,
        member: 17,
        show_as: ShowAs::Name,
        count_private: true,
        joined_us: MAY_US,
        frozen,
    };
    let frozen = Frozen {
        segments: vec!["level:2".to_owned(), "region:KZ-75".to_owned()],
        time_zone: "Asia/Almaty".to_owned(),
    };
    let anonymous = participation::Event::Changed {
        challenge,
        account,
        show_as: ShowAs::Anonymous,
        count_private: false,
    };
    let today = vec![
        ("almaty", joined(Some(frozen))),
        ("erased", joined(None)),
        ("anonymous", anonymous),
        ("once", participation::Event::Left { challenge, account }),
        ("gone", participation::Event::Erased { challenge, account }),
    ];
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/participation");
    testkit::golden::check(PACKAGE, folder, &today);

    let seats = vec![("many", seats::Event::Changed { challenge, taken: 49_999, next_member: 50_777 })];
    testkit::golden::check(PACKAGE, concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/seats"), &seats);
}
