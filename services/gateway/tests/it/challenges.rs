//! `/v1/challenges`: bodies in and out, and who is asked for whom.

use axum::body::Body;
use http::{Request, header};
use kernel::{Code, Refusal};
use proto::gamification::{
    Challenge, ChallengeReward, ChallengeTerms, ChallengeWindow, ChangeChallengeRequest,
    CreateChallengeRequest, JoinChallengeRequest, Participation, Placement, SettlementResponse, TeamPlace,
    TeamPlacement,
    settlement_response::{self, SettledPlace},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    fleet::Fleet,
    world::{claims, world, world_of},
};

const ID: &str = "/v1/challenges/00000000-0000-0000-0000-000000000009";

fn id() -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(Uuid::from_u128(9).as_bytes())
}

fn draft() -> Value {
    json!({
        "name": {"en": "Around the Ile", "ru": "Вокруг Или"}, "metric": "distance_m", "sports": ["running"],
        "window": {"start": "2026-05-01T00:00:00", "end": "2026-06-01T00:00:00", "clock": "local", "time_zone": "Asia/Almaty"},
        "eligibility": {"region_in": ["KZ-75"]}, "capacity": 50_000, "ties": "first", "public": true,
        "late_sync_grace_s": 172_800,
        "rewards": [{"places": [1, 3], "points": 500, "badge": "podium"}, {"reached": 42195, "points": 100}],
    })
}

fn terms() -> ChallengeTerms {
    ChallengeTerms {
        name: [("en".to_owned(), "Around the Ile".to_owned())].into(),
        kind: "individual".to_owned(),
        metric: "distance_m".to_owned(),
        window: Some(ChallengeWindow {
            start: "2026-05-01T00:00:00".to_owned(),
            end: "2026-06-01T00:00:00".to_owned(),
            clock: "local".to_owned(),
            start_us: 1_777_550_400_000_000,
            ..Default::default()
        }),
        eligibility_json: r#"{"not": {"z":[1.50], "a":1}}"#.to_owned(),
        capacity: Some(10),
        ties: "first".to_owned(),
        public: true,
        rewards: vec![ChallengeReward {
            place_first: Some(1),
            place_last: Some(3),
            points: 500,
            ..Default::default()
        }],
        regions: vec!["KZ-75".to_owned()],
        ..Default::default()
    }
}

fn challenge() -> Challenge {
    Challenge {
        id: id(),
        author_id: id(),
        terms: Some(terms()),
        state: "open".to_owned(),
        participants: 7,
        opened_us: 1_777_597_200_000_000,
        mine: Some(Participation {
            challenge_id: id(),
            member: 17,
            show_as: "name".to_owned(),
            joined_us: 1_777_597_200_000_000,
            ..Default::default()
        }),
        revision: 4,
        ..Default::default()
    }
}

#[tokio::test]
async fn a_draft_reaches_the_service_as_it_was_written() {
    let fleet = Fleet::default();
    fleet.answers("CreateChallenge", &challenge());
    let answer = world_of(&fleet).post_as_me("/v1/challenges", &draft()).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (201, ID));
    let asked = fleet.asked::<CreateChallengeRequest>("CreateChallenge").remove(0).terms.unwrap();
    assert_eq!(asked.name["ru"], "Вокруг Или");
    assert_eq!((asked.kind.as_str(), asked.count_from.as_str()), ("individual", "window"), "unless said");
    assert_eq!(asked.eligibility_json, r#"{"region_in":["KZ-75"]}"#);
    assert_eq!((asked.capacity, asked.late_sync_grace_s), (Some(50_000), Some(172_800)));
    assert_eq!((asked.rewards[0].place_first, asked.rewards[0].place_last), (Some(1), Some(3)));
    assert_eq!((asked.rewards[1].place_first, asked.rewards[1].reached), (None, Some(42195.0)));
}

#[tokio::test]
async fn null_says_the_same_as_leaving_out() {
    let fleet = Fleet::default();
    let world = world_of(&fleet);
    let may_be_left_out = [
        "kind",
        "teams",
        "sports",
        "eligibility",
        "capacity",
        "ties",
        "public",
        "late_sync_grace_s",
        "rewards",
        "count_from",
        "min_distance_m",
        "attempts",
    ];
    let (mut without, mut with_nulls) = (draft(), draft());
    for field in may_be_left_out {
        without.as_object_mut().unwrap().remove(field);
        with_nulls[field] = Value::Null;
    }
    fleet.answers("CreateChallenge", &challenge());
    for body in [without, with_nulls] {
        assert_eq!(world.post_as_me("/v1/challenges", &body).await.status, 201, "{body}");
    }
    let asked = fleet.asked::<CreateChallengeRequest>("CreateChallenge");
    assert_eq!((asked.len(), &asked[0].terms), (2, &asked[1].terms));
}

#[tokio::test]
async fn a_challenge_is_answered_with_its_rule_as_it_was_written_and_my_part_in_it() {
    let fleet = Fleet::default();
    fleet.answers("GetChallenge", &challenge());
    let answer = world_of(&fleet).get_as_me(ID).await;
    assert_eq!((answer.status.as_u16(), answer.header("etag")), (200, "\"4\""));
    let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
    assert!(text.contains(r#""eligibility":{"not": {"z":[1.50], "a":1}}"#), "{text}");
    let body = answer.json();
    assert_eq!(body["me"]["member"], "m17");
    assert_eq!(body["rewards"], json!([{"places": [1, 3], "points": 500}]));
    assert_eq!((&body["state"], &body["participants"]), (&json!("open"), &json!(7)));
    assert_eq!(body["opened_at"], "2026-05-01T01:00:00Z");
    assert!(body.get("settled_at").is_none() && body.get("stopped_at").is_none(), "{body}");
    assert_eq!(body["author"], Uuid::from_u128(9).to_string());
    fleet.answers("GetChallenge", &Challenge { author_id: bytes::Bytes::new(), ..challenge() });
    let untold = || async { world_of(&fleet).get_as_me(ID).await.json() };
    // The answer that is left over from above comes first.
    untold().await;
    let body = untold().await;
    assert!(body.get("author").is_none(), "nobody is named instead: {body}");
}

#[tokio::test]
async fn what_is_public_needs_no_token_and_a_bad_one_is_refused() {
    let fleet = Fleet::default();
    fleet.answers("GetChallenge", &challenge());
    let world = world_of(&fleet);
    assert_eq!(world.get(ID).await.status, 200);
    assert_eq!(world.get_as_me(ID).await.status, 200);
    let bad = Request::get(ID).header(header::AUTHORIZATION, "Bearer abc").body(Body::empty()).unwrap();
    assert_eq!(world.send(bad).await.code(), "unauthenticated");
    let mut device = claims();
    device["scope"] = json!("activity:ingest");
    let device =
        Request::get(ID).header(header::AUTHORIZATION, format!("Bearer {}", world.token_of(&device)));
    assert_eq!(world.send(device.body(Body::empty()).unwrap()).await.code(), "insufficient_scope");
    let actors = fleet.actors("GetChallenge");
    assert_eq!(actors.len(), 2, "{actors:?}");
    assert!(actors[0].starts_with("anonymous") && actors[1].starts_with("account:"), "{actors:?}");
    assert_eq!(
        world.get("/v1/challenges").await.code(),
        "unauthenticated",
        "the list is for those signed in"
    );
}

#[tokio::test]
async fn what_is_left_out_of_a_change_stays_and_null_clears() {
    let fleet = Fleet::default();
    fleet.answers("GetChallenge", &challenge()).answers("ChangeChallenge", &challenge());
    let world = world_of(&fleet);
    let change = json!({"name": {"kk": "Іле айналасы"}, "capacity": null, "rewards": []});
    assert_eq!(world.ask("PATCH", ID, &change).await.status, 200);
    let asked = fleet.asked::<ChangeChallengeRequest>("ChangeChallenge").remove(0);
    assert_eq!(asked.expected_revision, Some(4), "of what was read");
    let asked = asked.terms.unwrap();
    assert_eq!((asked.name.len(), asked.capacity, asked.rewards.len()), (1, None, 0));
    assert_eq!((asked.eligibility_json, asked.window), (terms().eligibility_json, terms().window));
}

#[tokio::test]
async fn the_least_distance_of_the_fastest_goes_with_it_unless_it_is_said() {
    let fleet = Fleet::default();
    let mut fastest = challenge();
    let terms = fastest.terms.as_mut().unwrap();
    (terms.metric, terms.min_distance_m) = ("fastest_s".to_owned(), Some(1_000.0));
    fleet.answers("GetChallenge", &fastest).answers("ChangeChallenge", &challenge());
    let world = world_of(&fleet);
    for change in [
        json!({"metric": "count"}),
        json!({"metric": "count", "min_distance_m": 500}),
        json!({"metric": "fastest_s"}),
        json!({"capacity": 3}),
    ] {
        assert_eq!(world.ask("PATCH", ID, &change).await.status, 200, "{change}");
    }
    let asked = fleet.asked::<ChangeChallengeRequest>("ChangeChallenge").into_iter();
    let least: Vec<_> = asked.map(|asked| asked.terms.unwrap().min_distance_m).collect();
    assert_eq!(least, [None, Some(500.0), Some(1_000.0), Some(1_000.0)]);
}

#[tokio::test]
async fn a_change_that_somebody_elses_came_before_is_made_again_unless_a_version_was_named() {
    let fleet = Fleet::default();
    let late = Refusal::new(Code::VersionMismatch, "somebody was faster");
    fleet.answers("GetChallenge", &challenge());
    fleet.refuses("ChangeChallenge", late.clone()).answers("ChangeChallenge", &challenge());
    let world = world_of(&fleet);
    assert_eq!(world.ask("PATCH", ID, &json!({"capacity": 20})).await.status, 200);
    fleet.refuses("ChangeChallenge", late);
    // The answer that is left over from above comes first.
    world.ask("PATCH", ID, &json!({"capacity": 20})).await;
    let named = world
        .signed(Request::patch(ID))
        .header(header::IF_MATCH, "\"3\"")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from("{}"))
        .unwrap();
    let answer = world.send(named).await;
    assert_eq!(
        fleet.asked::<ChangeChallengeRequest>("ChangeChallenge").last().unwrap().expected_revision,
        Some(3)
    );
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (412, "version_mismatch"));
}

#[tokio::test]
async fn a_rule_a_thousand_deep_is_a_clean_refusal_and_nobody_is_asked() {
    let fleet = Fleet::default();
    let world = world_of(&fleet);
    let mut text = draft().to_string();
    let deep = format!("{}{}{}", r#"{"not":"#.repeat(1000), "{}", "}".repeat(1000));
    text = text.replace(r#"{"region_in":["KZ-75"]}"#, &deep);
    for (method, path) in [("POST", "/v1/challenges"), ("PATCH", ID)] {
        let request = world
            .signed(Request::builder().method(method).uri(path))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(text.clone()))
            .unwrap();
        let answer = world.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "malformed_json"), "{method}");
    }
    assert!(fleet.actors("CreateChallenge").is_empty() && fleet.actors("GetChallenge").is_empty());
}

#[tokio::test]
async fn fields_that_cannot_be_are_pointed_at() {
    let world = world();
    for (field, value, pointer, code) in [
        ("capacity", json!(-1), "/capacity", "out_of_range"),
        ("capacity", json!("many"), "/capacity", "invalid_type"),
        ("rewards", json!([{"places": [1]}]), "/rewards/0/places", "invalid"),
        ("rewards", json!([{"reached": 1e300}]), "/rewards/0/reached", "out_of_range"),
        ("window", json!({"start": "2026-05-01T00:00:00"}), "/window/end", "required"),
        ("name", json!("Around the Ile"), "/name", "invalid_type"),
    ] {
        let mut body = draft();
        body[field] = value;
        let answer = world.post_as_me("/v1/challenges", &body).await;
        assert_eq!(answer.fault(), (pointer.to_owned(), code.to_owned()), "{field}");
    }
    let mut body = draft();
    body.as_object_mut().unwrap().remove("metric");
    let answer = world.post_as_me("/v1/challenges", &body).await;
    assert_eq!(answer.fault(), ("/metric".to_owned(), "required".to_owned()));
}

#[tokio::test]
async fn who_may_not_join_learns_which_clauses_said_no() {
    let fleet = Fleet::default();
    let mut refusal = Refusal::new(Code::NotEligible, "the conditions are not met");
    refusal.reasons = vec![r#"{"clause":{"region_in":["KZ-75"]},"met":false}"#.to_owned()];
    fleet.refuses("JoinChallenge", refusal);
    let world = world_of(&fleet);
    let answer = world.ask("PUT", &format!("{ID}/participants/me"), &Value::Null).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "not_eligible"));
    assert_eq!(answer.json()["reasons"], json!([{"clause": {"region_in": ["KZ-75"]}, "met": false}]));
    for (code, status) in [(Code::ChallengeFull, 409), (Code::ChallengeClosed, 409)] {
        fleet.refuses("JoinChallenge", Refusal::new(code, "no"));
        let answer = world.ask("PUT", &format!("{ID}/participants/me"), &Value::Null).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code.as_str()));
    }
}

#[tokio::test]
async fn joining_needs_no_body_and_says_how_one_is_shown() {
    let fleet = Fleet::default();
    fleet.answers("JoinChallenge", &challenge().mine.unwrap());
    let world = world_of(&fleet);
    let path = format!("{ID}/participants/me");
    let answer = world.ask("PUT", &path, &Value::Null).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["member"]), (200, &json!("m17")));
    world.ask("PUT", &path, &json!({"show_as": "anonymous", "count_private": true})).await;
    let asked = fleet.asked::<JoinChallengeRequest>("JoinChallenge");
    assert_eq!((asked[0].show_as.as_str(), asked[0].count_private), ("", None));
    assert_eq!((asked[1].show_as.as_str(), asked[1].count_private), ("anonymous", Some(true)));
}

#[tokio::test]
async fn teams_and_percentiles_go_in_and_come_out_as_they_were_written() {
    let fleet = Fleet::default();
    let teams = [Uuid::from_u128(1), Uuid::from_u128(2)].map(|team| team.to_string());
    let mut between = challenge();
    between.terms = Some(ChallengeTerms {
        kind: "team".to_owned(),
        teams: teams.to_vec(),
        rewards: vec![ChallengeReward {
            percentile_from: Some(90.0),
            percentile_to: Some(100.0),
            points: 5,
            ..Default::default()
        }],
        ..terms()
    });
    fleet.answers("CreateChallenge", &between);
    let mut written = draft();
    let change =
        json!({ "kind": "team", "teams": teams, "rewards": [{ "percentile": [90, 100], "points": 5 }] });
    written.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let answer = world_of(&fleet).post_as_me("/v1/challenges", &written).await;
    assert_eq!(answer.status.as_u16(), 201);
    let body = answer.json();
    for field in ["kind", "teams", "rewards"] {
        assert_eq!(body[field], change[field], "{field}");
    }
    let asked = fleet.asked::<CreateChallengeRequest>("CreateChallenge").remove(0).terms.unwrap();
    assert_eq!((asked.kind.as_str(), asked.teams), ("team", teams.to_vec()));
    assert_eq!((asked.rewards[0].percentile_from, asked.rewards[0].percentile_to), (Some(90.0), Some(100.0)));
    for wrong in [json!({ "teams": ["hares"] }), json!({ "rewards": [{ "percentile": [1], "points": 5 }] })] {
        let mut body = written.clone();
        body.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        let answer = world_of(&fleet).post_as_me("/v1/challenges", &body).await;
        assert_eq!(answer.status.as_u16(), 422, "{wrong}");
    }
}

#[tokio::test]
async fn a_settlement_places_teams_beside_those_who_made_them() {
    let fleet = Fleet::default();
    let team = |rank, behind| TeamPlacement {
        team_id: id(),
        rank,
        score: 9_000_000,
        members: 2,
        behind,
        ..Default::default()
    };
    let helped = Placement {
        account_id: id(),
        rank: 1,
        member: 1,
        team: Some(TeamPlace { team_id: id(), rank: 1, score: 9_000_000 }),
        ..Default::default()
    };
    fleet.answers(
        "Settlement",
        &SettlementResponse {
            settled_us: 1_777_597_200_000_000,
            placements: vec![SettledPlace {
                placement: Some(helped),
                display_name: "Aigerim".to_owned(),
                percentile: 0.0,
            }],
            teams: vec![team(1, 3), team(2, 2)],
            of_teams: 4,
            ..Default::default()
        },
    );
    let body = world_of(&fleet).get_as_me(&format!("{ID}/settlement")).await.json();
    let group = Uuid::from_u128(9).to_string();
    assert_eq!(body["placements"]["items"][0]["group_id"], json!(group));
    assert_eq!(
        body["teams"][0],
        json!({"rank": 1, "group_id": group, "score": 9_000, "tied": false, "members": 2, "percentile": 75})
    );
    assert_eq!(body["teams"][1]["percentile"], json!(50));
}

#[tokio::test]
async fn a_settlement_names_nobody_who_is_anonymous_to_me() {
    let fleet = Fleet::default();
    let place = |member, name: &str| SettledPlace {
        placement: Some(Placement {
            account_id: id(),
            rank: member,
            member,
            score: 5_012_300,
            ..Default::default()
        }),
        display_name: name.to_owned(),
        percentile: 50.0,
    };
    let settlement = SettlementResponse {
        settled_us: 1_777_597_200_000_000,
        participants: 2,
        placements: vec![place(1, "Aigerim"), place(2, "")],
        next_cursor: "2".to_owned(),
        adjustments: [id(), bytes::Bytes::new()]
            .map(|account_id| settlement_response::Adjustment { account_id, ..Default::default() })
            .into(),
        ..Default::default()
    };
    fleet.answers("Settlement", &settlement);
    let body = world_of(&fleet).get_as_me(&format!("{ID}/settlement?limit=2")).await.json();
    let items = &body["placements"]["items"];
    assert_eq!((&items[0]["display_name"], &items[0]["score"]), (&json!("Aigerim"), &json!(5012.3)));
    assert_eq!(items[0]["account_id"], Uuid::from_u128(9).to_string());
    assert!(items[1].get("account_id").is_none() && items[1].get("display_name").is_none(), "{items}");
    assert!(body["placements"]["next_cursor"].is_string());
    assert_eq!(body["adjustments"].as_array().unwrap().len(), 1, "{body}");
}
