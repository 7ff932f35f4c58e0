//! Challenges as those meet them who make them and take part, over real engines.

use gamification::domain::participation;
use kernel::{AccountId, Code, Id};
use platform::context::acting_for;
use proto::gamification as wire;
use testkit::fleet::{Ground, eventually};

use crate::{
    arena::{Arena, code, may},
    fleet::{by, bytes_of},
};

const BEFORE: &str = "2026-04-20T00:00:00Z";
const WITHIN: &str = "2026-05-10T12:00:00Z";
const AFTER: &str = "2026-06-02T00:00:00Z";

fn in_almaty() -> wire::ChallengeTerms {
    wire::ChallengeTerms { eligibility_json: r#"{"region_in":["KZ-75"]}"#.to_owned(), ..may() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_is_drafted_opened_joined_and_stopped() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let marketer = arena.person("marketer", "KZ-75", &[("marketer", &["KZ-75"])]);
    let (almaty, astana) = (arena.athlete("almaty", "KZ-75"), arena.athlete("astana", "KZ-71"));
    let club = arena.joins_group(almaty, "runners", false);

    let draft = arena.create(marketer, in_almaty()).await.unwrap();
    assert_eq!((draft.state.as_str(), draft.revision, draft.participants), ("draft", 1, 0));
    let terms = draft.terms.clone().unwrap();
    assert_eq!((terms.ties.as_str(), terms.late_sync_grace_s), ("first", Some(172_800)));
    assert_eq!(terms.regions, ["KZ-75"]);
    assert_eq!(code(arena.get(almaty, &draft.id).await), Code::NotFound);
    assert_eq!(code(arena.join(almaty, &draft.id).await), Code::NotFound);
    assert_eq!(code(arena.open(almaty, &draft.id).await), Code::NotFound);
    assert_eq!(code(arena.join(marketer, &draft.id).await), Code::ChallengeClosed);

    let opened = arena.open(marketer, &draft.id).await.unwrap();
    assert_eq!((opened.state.as_str(), opened.revision), ("open", 2));
    assert_eq!(arena.get(astana, &draft.id).await.unwrap().state, "open");

    let mine = arena.join(almaty, &draft.id).await.unwrap();
    assert_eq!((mine.member, mine.show_as.as_str(), mine.count_private), (1, "name", false));
    let segments = ["age:30-39", &format!("club:{club}"), "league:bronze", "level:1", "region:KZ-75"];
    assert_eq!((mine.segments.clone(), mine.group_id.len()), (segments.map(str::to_owned).to_vec(), 0));
    let refused = platform::refusal(&arena.join(astana, &draft.id).await.unwrap_err());
    assert_eq!(refused.code, Code::NotEligible);
    assert_eq!(refused.reasons, [r#"{"clause":{"region_in":["KZ-75"]},"met":false}"#]);

    let seen = arena.get(almaty, &draft.id).await.unwrap();
    assert_eq!((seen.participants, seen.mine), (1, Some(mine)));
    assert_eq!(arena.get(astana, &draft.id).await.unwrap().mine, None);

    assert_eq!(code(arena.stop_challenge(astana, &draft.id).await), Code::Forbidden);
    let stopped = arena.stop_challenge(marketer, &draft.id).await.unwrap();
    assert_eq!(stopped.state, "settling");
    assert!(stopped.stopped_us > 0);
    assert_eq!(code(arena.stop_challenge(marketer, &draft.id).await), Code::ChallengeClosed);
    assert_eq!(code(arena.join(arena.athlete("late", "KZ-75"), &draft.id).await), Code::ChallengeClosed);
    assert_eq!(code(arena.leave(almaty, &draft.id).await), Code::ChallengeClosed);
    arena.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_make_challenges_who_may() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let marketer = arena.person("marketer", "KZ-75", &[("marketer", &["KZ-71"])]);
    assert_eq!(code(arena.create(marketer, in_almaty()).await), Code::Forbidden);
    assert_eq!(code(arena.create(marketer, may()).await), Code::Forbidden);
    let coach = arena.person("coach", "KZ-75", &[("coach", &[])]);
    assert!(arena.create(coach, may()).await.is_ok());

    let (captain, member) = (arena.athlete("captain", "KZ-75"), arena.athlete("member", "KZ-75"));
    let group = arena.joins_group(captain, "runners", true);
    arena.joins_group(member, "runners", false);
    let ours = wire::ChallengeTerms { eligibility_json: format!(r#"{{"group":"{group}"}}"#), ..may() };
    let stranger = arena.athlete("stranger", "KZ-75");
    assert_eq!(code(arena.create(stranger, ours.clone()).await), Code::Forbidden);
    assert_eq!(code(arena.create(captain, may()).await), Code::Forbidden);
    assert_eq!(code(arena.create(member, may()).await), Code::Forbidden);
    let abroad = arena.person("coach abroad", "DE-BE", &[("coach", &["DE-BE"])]);
    assert_eq!(code(arena.create(abroad, in_almaty()).await), Code::Forbidden);
    let draft = arena.create(captain, ours).await.unwrap();
    assert_eq!(arena.open(captain, &draft.id).await.unwrap().state, "open");
    assert!(arena.join(member, &draft.id).await.is_ok());
    assert_eq!(code(arena.join(stranger, &draft.id).await), Code::NotEligible);
    // Whom auth does not know.
    assert_eq!(code(arena.create(AccountId::random(), may()).await), Code::Forbidden);
    arena.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_joins_a_draft_twice_or_after_the_end() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let (operator, athlete) = (arena.operator(), arena.athlete("athlete", "KZ-75"));
    arena.at(BEFORE);
    let id = arena.create(operator, may()).await.unwrap().id;
    assert_eq!(code(arena.join(athlete, &id).await), Code::NotFound);
    assert_eq!(code(arena.join(operator, &id).await), Code::ChallengeClosed, "a draft, to its author");
    assert_eq!(arena.open(operator, &id).await.unwrap().state, "scheduled");

    arena.at(WITHIN);
    assert_eq!(arena.join(athlete, &id).await.unwrap().member, 1);
    let shown = wire::JoinChallengeRequest {
        challenge_id: id.clone(),
        show_as: "anonymous".to_owned(),
        count_private: Some(true),
        ..Default::default()
    };
    let again = arena.client().join_challenge(by(athlete, shown)).await.unwrap().into_inner();
    assert_eq!((again.member, again.show_as.as_str(), again.count_private), (1, "anonymous", true));
    // What is not said stays: nobody is shown by name who only asks again.
    assert_eq!(arena.join(athlete, &id).await.unwrap().show_as, "anonymous");
    let seen = arena.get(athlete, &id).await.unwrap();
    assert_eq!((seen.participants, seen.mine.unwrap().show_as.as_str()), (1, "anonymous"));

    arena.leave(athlete, &id).await.unwrap();
    arena.leave(athlete, &id).await.unwrap();
    assert_eq!(arena.get(athlete, &id).await.unwrap().participants, 0);
    let other = arena.athlete("other", "KZ-75");
    assert_eq!(arena.join(other, &id).await.unwrap().member, 2);
    let back = arena.join(athlete, &id).await.unwrap();
    assert_eq!((back.member, back.show_as.as_str()), (1, "anonymous"), "who comes back keeps the number");

    arena.at(AFTER);
    assert_eq!(arena.get(athlete, &id).await.unwrap().state, "ended");
    assert_eq!(code(arena.join(arena.athlete("late", "KZ-75"), &id).await), Code::ChallengeClosed);
    arena.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_of_what_is_not_there_is_not_found() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let operator = arena.operator();
    for id in [bytes_of(Id::<()>::random()), bytes::Bytes::from_static(b"short")] {
        assert_eq!(code(arena.get(operator, &id).await), Code::NotFound);
        assert_eq!(code(arena.open(operator, &id).await), Code::NotFound);
        assert_eq!(code(arena.join(operator, &id).await), Code::NotFound);
        assert_eq!(code(arena.leave(operator, &id).await), Code::NotFound);
        assert_eq!(code(arena.stop_challenge(operator, &id).await), Code::NotFound);
    }
    arena.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_sees_what_is_public_and_must_sign_in_for_the_rest() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let open = arena.running(wire::ChallengeTerms { public: true, ..may() }).await;
    let closed = arena.running(may()).await;
    let draft = arena.create(arena.operator(), may()).await.unwrap().id;
    let ask = async |id: &bytes::Bytes| {
        let stranger = platform::actor::Actor::anonymous("192.0.2.1");
        let request = acting_for(stranger, wire::GetChallengeRequest { challenge_id: id.clone() });
        arena.client().get_challenge(request).await
    };
    assert_eq!(ask(&open).await.unwrap().into_inner().state, "open");
    assert_eq!(code(ask(&closed).await), Code::Unauthenticated);
    assert_eq!(code(ask(&draft).await), Code::NotFound);
    arena.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_moves_the_end_and_the_settlement_and_a_stop_settles_now() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let operator = arena.operator();
    let id = arena.running(may()).await;
    let stream = format!("challenge-{}", uuid::Uuid::from_slice(&id).unwrap());
    let due = async || {
        let sql = "SELECT due_us FROM es_timer WHERE stream_id = $1 AND command_id = 'settle'";
        let row = arena.db.fetch_one(sql, eventing::args![&stream]).await.unwrap().unwrap();
        kernel::time::from_micros(row.get(0).unwrap()).to_string()
    };
    assert_eq!(due().await, "2026-06-02T19:00:00Z", "the end in Almaty and two days");
    let extend = async |end: &str| {
        let request = wire::ExtendChallengeRequest {
            challenge_id: id.clone(),
            end: end.to_owned(),
            reason: "snow".to_owned(),
        };
        arena.client().extend_challenge(by(operator, request)).await
    };
    assert_eq!(code(extend("2026-05-20T00:00:00").await), Code::InvalidField);
    let extended = extend("2026-06-10T00:00:00").await.unwrap().into_inner();
    assert_eq!(extended.terms.unwrap().window.unwrap().end, "2026-06-10T00:00:00");
    assert_eq!(due().await, "2026-06-11T19:00:00Z");
    assert_eq!(
        arena.get(operator, &id).await.unwrap().terms.unwrap().window.unwrap().end,
        "2026-06-10T00:00:00"
    );
    arena.stop_challenge(operator, &id).await.unwrap();
    assert!(due().await.starts_with("2026-05-10T12:00:0"), "at once");
    assert_eq!(code(extend("2026-06-20T00:00:00").await), Code::ChallengeClosed);
    arena.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_change_by_whole_and_only_on_the_revision_that_was_seen() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let operator = arena.operator();
    let draft = arena.create(operator, may()).await.unwrap();
    let change = async |terms: wire::ChallengeTerms, expected_revision: Option<u64>| {
        let request = wire::ChangeChallengeRequest {
            challenge_id: draft.id.clone(),
            terms: Some(terms),
            expected_revision,
        };
        arena.client().change_challenge(by(operator, request)).await.map(tonic::Response::into_inner)
    };
    let ascents = wire::ChallengeTerms { metric: "ascent_m".to_owned(), ..may() };
    assert_eq!(change(ascents.clone(), Some(1)).await.unwrap().revision, 2);
    assert_eq!(code(change(may(), Some(1)).await), Code::VersionMismatch);
    arena.open(operator, &draft.id).await.unwrap();
    assert_eq!(code(change(may(), None).await), Code::Conflict);
    let wider = wire::ChallengeTerms { public: true, capacity: None, ..ascents.clone() };
    let changed = change(wider, Some(3)).await.unwrap();
    assert!(changed.terms.unwrap().public);
    let wrong = wire::ChallengeTerms { capacity: Some(0), ..ascents };
    assert_eq!(code(change(wrong, None).await), Code::InvalidField);
    arena.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_narrowed_and_paged_the_newest_first() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let (operator, athlete) = (arena.operator(), arena.athlete("athlete", "KZ-75"));
    let named = |name: &str, terms: wire::ChallengeTerms| wire::ChallengeTerms {
        name: [("en".to_owned(), name.to_owned())].into(),
        ..terms
    };
    let anywhere = arena.running(named("anywhere", may())).await;
    arena.running(named("almaty", in_almaty())).await;
    let rides = wire::ChallengeTerms { sports: vec!["cycling".to_owned()], ..may() };
    let rides = arena.running(named("rides", rides)).await;
    arena.create(operator, named("draft", may())).await.unwrap();
    arena.join(athlete, &anywhere).await.unwrap();
    arena.stop_challenge(operator, &rides).await.unwrap();

    let names = async |viewer: AccountId, request: wire::ListChallengesRequest| {
        let items = arena.list(viewer, request).await.unwrap().items;
        items.into_iter().map(|item| item.terms.unwrap().name["en"].clone()).collect::<Vec<_>>().join(" ")
    };
    let all = wire::ListChallengesRequest::default;
    assert_eq!(names(athlete, all()).await, "rides almaty anywhere");
    assert_eq!(names(operator, all()).await, "draft rides almaty anywhere");
    let in_region = |region: &str| wire::ListChallengesRequest { region: region.to_owned(), ..all() };
    assert_eq!(names(athlete, in_region("KZ-75")).await, "rides almaty anywhere");
    assert_eq!(names(athlete, in_region("DE-BE")).await, "rides anywhere");
    let of_sport = wire::ListChallengesRequest { sport: "running".to_owned(), ..all() };
    assert_eq!(names(athlete, of_sport).await, "almaty anywhere");
    let in_state = |state: &str| wire::ListChallengesRequest { state: state.to_owned(), ..all() };
    assert_eq!(names(athlete, in_state("open")).await, "almaty anywhere");
    assert_eq!(names(athlete, in_state("settling")).await, "rides");
    assert_eq!(names(athlete, in_state("draft")).await, "");
    assert_eq!(names(operator, in_state("draft")).await, "draft");
    for empty in ["scheduled", "ended", "settled", "stopped"] {
        assert_eq!(names(operator, in_state(empty)).await, "", "{empty}");
    }
    assert_eq!(names(athlete, wire::ListChallengesRequest { mine: true, ..all() }).await, "anywhere");
    for wrong in
        [in_state("asleep"), in_region("kz"), wire::ListChallengesRequest { sport: "x".to_owned(), ..all() }]
    {
        assert_eq!(code(arena.list(athlete, wrong).await), Code::InvalidField);
    }
    let page = arena.list(athlete, wire::ListChallengesRequest { limit: 2, ..all() }).await.unwrap();
    assert_eq!(page.items.len(), 2);
    let next = wire::ListChallengesRequest { limit: 2, cursor: page.next_cursor, ..all() };
    let page = arena.list(athlete, next).await.unwrap();
    assert_eq!((page.items.len(), page.next_cursor.as_str()), (1, ""));
    assert_eq!(page.items[0].mine.as_ref().unwrap().member, 1);
    let bad = wire::ListChallengesRequest { cursor: "'; DROP".to_owned(), ..all() };
    assert_eq!(code(arena.list(athlete, bad).await), Code::BadCursor);
    arena.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_account_takes_part_in_nothing_any_more() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let (gone, other) = (arena.athlete("gone", "KZ-75"), arena.athlete("other", "KZ-75"));
    let one = arena.running(wire::ChallengeTerms { capacity: Some(1), ..may() }).await;
    let two = arena.running(may()).await;
    for id in [&one, &two] {
        arena.join(gone, id).await.unwrap();
    }
    assert_eq!(code(arena.join(other, &one).await), Code::ChallengeFull);
    arena.erased(gone).await;
    for id in [&one, &two] {
        let seen = async || arena.get(gone, id).await.unwrap();
        let left = |challenge: &wire::Challenge| challenge.participants == 0 && challenge.mine.is_none();
        eventually("nobody", seen, left).await;
    }
    let id = gamification::domain::ChallengeId::new(uuid::Uuid::from_slice(&one).unwrap());
    let stream = participation::stream_of(id, gone);
    let part = arena.app.journal.load::<gamification::domain::Participation>(&stream).await.unwrap().state;
    assert_eq!((part.standing, part.frozen), (participation::Standing::Erased, None));
    assert_eq!(code(arena.join(gone, &one).await), Code::NotFound);
    assert_eq!(arena.join(other, &one).await.unwrap().member, 2, "a number is nobody else's");
    arena.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_tells_who_could_join_who_not_and_why_and_how_the_board_would_look() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let marketer = arena.person("marketer", "KZ-75", &[("marketer", &["KZ-75"])]);
    let runs = [("one", "KZ-75", 5_000.0), ("two", "KZ-75", 9_000.0), ("astana", "KZ-71", 7_000.0)];
    for (name, region, distance_m) in runs {
        arena.runs(arena.athlete(name, region), "2026-05-09", distance_m).await;
    }
    let early = arena.athlete("early", "KZ-75");
    arena.runs(early, "2026-04-20", 20_000.0).await;
    let draft = arena.create(marketer, in_almaty()).await.unwrap().id;
    let ask = async |by_whom: AccountId| {
        let request = by(by_whom, wire::PreviewChallengeRequest { challenge_id: draft.clone() });
        arena.client().preview_challenge(request).await.map(tonic::Response::into_inner)
    };
    let all = |seen: &wire::PreviewChallengeResponse| seen.accounts_looked_at == 4 && seen.scoring == 2;
    let seen = eventually("everybody is known", async || ask(marketer).await.unwrap(), all).await;
    assert!(seen.complete);
    assert_eq!((seen.eligible, seen.scores_best.len()), (3, 0), "so few could be told apart");
    let refused: Vec<_> = seen.refused.into_iter().map(|why| (why.clause_json, why.accounts)).collect();
    assert_eq!(refused, [(r#"{"region_in":["KZ-75"]}"#.to_owned(), 1)]);
    assert_eq!(code(ask(early).await), Code::NotFound);
    for nth in 0..17 {
        arena.runs(arena.athlete(&format!("crowd {nth}"), "KZ-75"), "2026-05-09", 100.0).await;
    }
    let crowd = |seen: &wire::PreviewChallengeResponse| seen.scoring == 19;
    let seen = eventually("a crowd", async || ask(marketer).await.unwrap(), crowd).await;
    assert_eq!((seen.eligible, &seen.scores_best[..3]), (20, &[9_000_000, 5_000_000, 100_000][..]));
    assert_eq!(arena.get(marketer, &draft).await.unwrap().state, "draft", "nothing was written");
    arena.stop().await;
}

fn ours(group: &str) -> wire::ChallengeTerms {
    let eligibility_json = format!(r#"{{"all":[{{"level_at_least":1}},{{"group":"{group}"}}]}}"#);
    wire::ChallengeTerms { eligibility_json, ..may() }
}

fn rewarded(badge: &str, terms: wire::ChallengeTerms) -> wire::ChallengeTerms {
    let reward = wire::ChallengeReward {
        reached: Some(1.0),
        points: 500,
        badge: badge.to_owned(),
        ..Default::default()
    };
    wire::ChallengeTerms { rewards: vec![reward], ..terms }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_runs_a_group_promises_no_rewards_and_looks_at_nobody() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let captain = arena.athlete("captain", "KZ-75");
    let group = arena.joins_group(captain, "runners", true);
    let pointer = |refused: Result<wire::Challenge, tonic::Status>| {
        let refusal = platform::refusal(&refused.unwrap_err());
        assert_eq!(refusal.code, Code::InvalidField);
        (refusal.fields[0].pointer.clone(), refusal.fields[0].code.clone())
    };
    let refused = ("/rewards".to_owned(), "not_allowed".to_owned());
    assert_eq!(pointer(arena.create(captain, rewarded("", ours(&group))).await), refused);
    let draft = arena.create(captain, ours(&group)).await.unwrap();
    assert_eq!(draft.author_id, bytes_of(captain));
    let change = async |terms: wire::ChallengeTerms| {
        let terms = Some(terms);
        let request =
            wire::ChangeChallengeRequest { challenge_id: draft.id.clone(), terms, expected_revision: None };
        arena.client().change_challenge(by(captain, request)).await.map(tonic::Response::into_inner)
    };
    assert_eq!(pointer(change(rewarded("", ours(&group))).await), refused);
    assert!(change(wire::ChallengeTerms { capacity: Some(9), ..ours(&group) }).await.is_ok());
    let request = wire::PreviewChallengeRequest { challenge_id: draft.id.clone() };
    assert_eq!(code(arena.client().preview_challenge(by(captain, request)).await), Code::Forbidden);
    // Who may promise badges promises none that activities earn.
    let operator = arena.operator();
    let refused = ("/rewards/0/badge".to_owned(), "not_allowed".to_owned());
    assert_eq!(pointer(arena.create(operator, rewarded("marathon", may())).await), refused);
    assert!(arena.create(operator, rewarded("club_marathon", may())).await.is_ok());
    arena.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_groups_challenge_is_known_to_its_members_who_takes_part_the_author_and_the_staff() {
    let ground = Ground::fresh();
    let arena = Arena::on(&ground).await;
    let (captain, member) = (arena.athlete("captain", "KZ-75"), arena.athlete("member", "KZ-75"));
    let (runner, other) = (arena.athlete("runner", "KZ-75"), arena.athlete("other", "KZ-75"));
    let group = arena.joins_group(captain, "runners", true);
    for account in [member, runner] {
        arena.joins_group(account, "runners", false);
    }
    arena.joins_group(other, "chess", false);
    let everybodys = arena.running(may()).await;
    let id = arena.create(captain, ours(&group)).await.unwrap().id;
    arena.open(captain, &id).await.unwrap();
    let public =
        arena.create(captain, wire::ChallengeTerms { public: true, ..ours(&group) }).await.unwrap().id;
    arena.open(captain, &public).await.unwrap();
    arena.join(runner, &id).await.unwrap();
    // Out of the group, and still on its board.
    arena.joins_group(runner, "chess", false);

    let listed = async |viewer: AccountId| {
        let page = arena.list(viewer, wire::ListChallengesRequest { limit: 1, ..Default::default() }).await;
        let (mut ids, mut page) = (Vec::new(), page.unwrap());
        loop {
            ids.extend(page.items.iter().map(|item| (item.id.clone(), item.author_id.clone())));
            if page.next_cursor.is_empty() {
                return ids;
            }
            let next =
                wire::ListChallengesRequest { limit: 1, cursor: page.next_cursor, ..Default::default() };
            page = arena.list(viewer, next).await.unwrap();
        }
    };
    let (nobody, author) = (bytes::Bytes::new(), bytes_of(captain));
    for (viewer, told) in [(member, &nobody), (runner, &nobody), (captain, &author)] {
        assert_eq!(&arena.get(viewer, &id).await.unwrap().author_id, told);
        let others = (everybodys.clone(), nobody.clone());
        assert_eq!(
            listed(viewer).await,
            [(public.clone(), told.clone()), (id.clone(), told.clone()), others]
        );
    }
    assert_eq!(arena.get(arena.operator(), &id).await.unwrap().author_id, author);
    assert_eq!(listed(arena.operator()).await.len(), 3);
    assert_eq!(code(arena.get(other, &id).await), Code::NotFound);
    assert_eq!(listed(other).await, [(public.clone(), nobody.clone()), (everybodys.clone(), nobody)]);

    arena.known.social_is_away(true);
    assert_eq!(code(arena.get(member, &id).await), Code::Unavailable);
    assert_eq!(listed(member).await.len(), 2, "hidden while nobody says who is a member");
    assert_eq!(listed(runner).await.len(), 3);
    assert!(arena.get(other, &public).await.is_ok());
    arena.stop().await;
}
