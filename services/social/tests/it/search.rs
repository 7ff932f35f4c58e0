//! People search: what is found equals what a look at every name finds, and nobody is found who may not be.

use std::collections::BTreeSet;

use kernel::Code;
use proto::{activity, auth, social as p};
use social::domain::fold;
use testkit::fleet::{Ground, eventually, tell};

use crate::world::{World, by, bytes_of, code};

#[tokio::test(flavor = "multi_thread")]
async fn people_are_found_in_any_script_with_few_errors() {
    let ground = &Ground::fresh();
    let world = World::on(ground).await;
    let viewer = world.person("Viewer").await;
    for name in ["Қанат Өтеғұлов", "Әсел Жұмабайқызы", "Дмитрий Щукин", "Алёна Ким", "Kan"]
    {
        world.person(name).await;
    }
    let ready = || async { world.found(viewer, "kim").await };
    eventually("indexed", ready, |found| !found.is_empty()).await;
    let last = || async { world.found(viewer, "kan").await };
    eventually("indexed", last, |found| found.len() == 2).await;
    for (queries, name) in [
        (["Qanat O'teg'ulov", "Utegulov", "ÓTEǴULOV", "kanat oteg"], "Қанат Өтеғұлов"),
        (["Assel Zhumabaykyzy", "Jūmabaiqyzy", "asel", "zhumabaikizy"], "Әсел Жұмабайқызы"),
        (["Dmitry Shchukin", "щукин", "Dmitri", "d\u{200b}mitry"], "Дмитрий Щукин"),
        (["Alyona", "Алена", "алёна", "kim al"], "Алёна Ким"),
    ] {
        for query in queries {
            assert_eq!(world.found(viewer, query).await, [name], "{query}");
        }
    }
    assert_eq!(world.found(viewer, "kan").await, ["Kan", "Қанат Өтеғұлов"], "the whole word first");
    for query in ["", "   ", "\u{200b}🏃"] {
        let request = p::SearchPeopleRequest { q: query.to_owned(), ..Default::default() };
        let answer = world.social().search_people(by(viewer, request)).await;
        if query.trim().is_empty() {
            assert_eq!(code(answer), Code::InvalidField);
        } else {
            assert!(answer.unwrap().into_inner().items.is_empty());
        }
    }
    let long = p::SearchPeopleRequest { q: "x".repeat(1 << 20), ..Default::default() };
    assert_eq!(code(world.social().search_people(by(viewer, long)).await), Code::InvalidField);
    world.fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_be_found_is_not() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    let (viewer, friend) = (world.person("Viewer").await, world.person("Friend").await);
    let (plain, hidden) = (world.person("Samal Plain").await, world.person("Samal Hidden").await);
    let (blocker, child) = (world.person("Samal Blocker").await, world.minor("Samal Child").await);
    let found = || async { world.found(viewer, "samal").await.into_iter().collect::<BTreeSet<_>>() };
    let all = |names: &[&str]| names.iter().map(|name| format!("Samal {name}")).collect::<BTreeSet<_>>();
    eventually("indexed", found, |found| *found == all(&["Plain", "Hidden", "Blocker"])).await;

    world.privacy(hidden, |privacy| privacy.searchable = false);
    assert_eq!(found().await, all(&["Plain", "Blocker"]), "settings hold at once");
    world.block(blocker, viewer).await;
    assert_eq!(found().await, all(&["Plain"]), "blocks hold at once");
    world.friends(viewer, friend).await;
    world.friends(friend, child).await;
    eventually("friends of friends find a minor", found, |found| *found == all(&["Plain", "Child"])).await;
    let request = p::SearchPeopleRequest { q: "samal child".to_owned(), ..Default::default() };
    let card = world.social().search_people(by(viewer, request)).await.unwrap().into_inner().items.remove(0);
    assert_eq!((card.handle, card.region), (None, None), "by name alone");
    let there =
        p::SearchPeopleRequest { q: "samal".to_owned(), region: "KZ-75".to_owned(), ..Default::default() };
    let there = world.social().search_people(by(viewer, there)).await.unwrap().into_inner().items;
    assert_eq!(there.len(), 1, "a hidden region is not searched for");

    world.known.change(plain, |standing| {
        *standing = auth::AccountStanding {
            account_id: bytes_of(plain),
            known: true,
            erased: true,
            ..Default::default()
        }
    });
    assert_eq!(found().await, all(&["Child"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_found_by_region_and_sport_over_pages() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    let viewer = world.person_of("Viewer", "DE-BE", false).await;
    let mut runners = BTreeSet::new();
    for index in 0..7 {
        let runner = world.person_of(&format!("Runner {index}"), "KZ-71", false).await;
        runners.insert(bytes_of(runner));
        world.privacy(runner, |privacy| {
            let members = vec!["everyone".to_owned()];
            privacy.audiences.push(auth::Audience { data_class: "summary".to_owned(), members });
        });
        let recorded = activity::ActivityRecorded {
            activity_id: bytes_of(kernel::ActivityId::random()),
            account_id: bytes_of(runner),
            facts: Some(activity::Facts { sport: "running".to_owned(), ..Default::default() }),
            ..Default::default()
        };
        let stream = eventing::StreamId::of("activity", runner);
        tell(&world.activity, &stream, &runner.to_string(), &recorded).await;
    }
    world.person_of("Walker", "KZ-71", false).await;
    let asked = |region: &str, sport: &str, cursor: String| p::SearchPeopleRequest {
        region: region.to_owned(),
        sport: sport.to_owned(),
        cursor,
        limit: 3,
        ..Default::default()
    };
    let page = |region: &'static str, sport: &'static str| {
        let world = &world;
        async move {
            let (mut found, mut cursor) = (Vec::new(), String::new());
            loop {
                let request = asked(region, sport, cursor);
                let page = world.social().search_people(by(viewer, request)).await.unwrap().into_inner();
                found.extend(page.items.into_iter().map(|person| person.account_id));
                cursor = page.next_cursor;
                if cursor.is_empty() {
                    return found;
                }
            }
        }
    };
    let found = eventually("heard", || page("KZ-71", "running"), |found| found.len() == 7).await;
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), runners);
    eventually("the walker too", || page("KZ-71", ""), |found| found.len() == 8).await;
    assert_eq!(page("", "running").await.len(), 7);
    for (region, sport) in [("XX-1", ""), ("", "chess")] {
        let request = asked(region, sport, String::new());
        assert_eq!(code(world.social().search_people(by(viewer, request)).await), Code::InvalidField);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_their_sport_people_are_found_by_those_who_may_see_it_while_they_do_it() {
    let ground = &Ground::fresh();
    let world = World::on(ground).await;
    let (runner, follower, stranger) =
        (world.person("Runner").await, world.person("Follower").await, world.person("Stranger").await);
    world.follow(follower, runner).await.unwrap();
    let own = |words: &[&str]| {
        let audiences = words.iter().map(|word| (*word).to_owned()).collect();
        Some(activity::Visibility { audiences })
    };
    let facts = |sport: &str| Some(activity::Facts { sport: sport.to_owned(), ..Default::default() });
    let recorded = |sport: &str, visibility| activity::ActivityRecorded {
        activity_id: bytes_of(kernel::ActivityId::random()),
        account_id: bytes_of(runner),
        facts: facts(sport),
        visibility,
        ..Default::default()
    };
    let (stream, key) = (eventing::StreamId::of("activity", runner), runner.to_string());
    let (first, second) = (recorded("running", None), recorded("running", own(&["everyone"])));
    let narrow = recorded("cycling", own(&["friends"]));
    for event in [&recorded("swimming", own(&[])), &narrow, &first, &second] {
        tell(&world.activity, &stream, &key, event).await;
    }
    let found = |viewer, sport: &'static str| {
        let world = &world;
        async move {
            let request = p::SearchPeopleRequest { sport: sport.to_owned(), ..Default::default() };
            let found = world.social().search_people(by(viewer, request)).await.unwrap().into_inner();
            found.items.len()
        }
    };
    eventually("heard", || found(follower, "running"), |count| *count == 1).await;
    assert_eq!(found(runner, "running").await, 1);
    assert_eq!(found(stranger, "running").await, 0, "what is for followers finds nobody for others");
    assert_eq!(found(follower, "swimming").await, 0, "what is for nobody");
    assert_eq!(found(follower, "cycling").await, 0, "what is for fewer");

    let deleted = |event: &activity::ActivityRecorded| activity::ActivityDeleted {
        activity_id: event.activity_id.clone(),
        account_id: event.account_id.clone(),
        ..Default::default()
    };
    tell(&world.activity, &stream, &key, &deleted(&first)).await;
    let edited = activity::ActivityEdited {
        activity_id: narrow.activity_id.clone(),
        account_id: narrow.account_id.clone(),
        facts: facts("cycling"),
        ..Default::default()
    };
    tell(&world.activity, &stream, &key, &edited).await;
    eventually("widened", || found(follower, "cycling"), |count| *count == 1).await;
    assert_eq!(found(follower, "running").await, 1, "another is left");
    tell(&world.activity, &stream, &key, &deleted(&second)).await;
    eventually("no run is left", || found(follower, "running"), |count| *count == 0).await;
    let edited = activity::ActivityEdited { visibility: own(&[]), ..edited };
    tell(&world.activity, &stream, &key, &edited).await;
    eventually("made private", || found(follower, "cycling"), |count| *count == 0).await;
    let restored = activity::ActivityRestored {
        activity_id: first.activity_id.clone(),
        account_id: first.account_id.clone(),
        facts: facts("running"),
        ..Default::default()
    };
    tell(&world.activity, &stream, &key, &restored).await;
    eventually("back", || found(follower, "running"), |count| *count == 1).await;
    world.fleet.stop().await;
}

/// Levenshtein by its definition.
fn edits(one: &[char], other: &[char]) -> usize {
    match (one.split_last(), other.split_last()) {
        (None, _) => other.len(),
        (_, None) => one.len(),
        (Some((a, one_rest)), Some((b, other_rest))) if a == b => edits(one_rest, other_rest),
        (Some((_, one_rest)), Some((_, other_rest))) => {
            1 + edits(one_rest, other).min(edits(one, other_rest)).min(edits(one_rest, other_rest))
        }
    }
}

fn fits(query: &str, name: &str) -> bool {
    let names = fold::words(name);
    fold::spellings(query).iter().all(|ways| {
        ways.iter().any(|way| {
            let letters: Vec<char> = way.chars().collect();
            let max = [0, 0, 0, 0, 1, 1, 1, 1].get(letters.len()).copied().unwrap_or(2);
            names.iter().any(|word| {
                let word: Vec<char> = word.chars().collect();
                word.starts_with(&letters)
                    || (word.len().abs_diff(letters.len()) <= max && edits(&letters, &word) <= max)
            })
        })
    })
}

const GIVEN: [&str; 12] = [
    "Қанат",
    "Kanat",
    "Айгерім",
    "Aigerim",
    "Dmitry",
    "Дмитрий",
    "Ольга",
    "Olga",
    "Zhanar",
    "Жанар",
    "Kanet",
    "Юлия",
];
const FAMILY: [&str; 10] = [
    "Өтеғұлов",
    "Utegulov",
    "Щукин",
    "Ахметов",
    "Akhmetova",
    "Ким",
    "Kim",
    "Sergeyev",
    "Сергеева",
    "Ивановский",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_equals_a_look_at_every_name() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    let viewer = world.person("Zzz").await;
    let mut names = Vec::new();
    for (index, given) in GIVEN.iter().enumerate() {
        for family in FAMILY.iter().skip(index % 3).step_by(3) {
            names.push(format!("{given} {family}"));
        }
    }
    for name in &names {
        world.person(name).await;
    }
    let everybody = |count: usize| {
        let world = &world;
        async move {
            let request =
                p::SearchPeopleRequest { region: "KZ-75".to_owned(), limit: 50, ..Default::default() };
            let found = world.social().search_people(by(viewer, request)).await.unwrap().into_inner();
            found.items.len() >= count
        }
    };
    eventually("indexed", || everybody((names.len() + 1).min(50)), |all| *all).await;
    let queries = [
        "kanat",
        "Қанат Ө",
        "aigerim",
        "aigerym akhmetov",
        "дмитрии",
        "olga",
        "zhanar kim",
        "жанар",
        "utegulow",
        "otegulav",
        "shchukin",
        "sergeev",
        "ivanovskiy",
        "ivanofski",
        "k",
        "ki",
        "iuliya",
        "xyz",
        "ахметовы",
    ];
    for query in queries {
        let found: BTreeSet<String> = world.found(viewer, query).await.into_iter().collect();
        let expected: BTreeSet<String> = names.iter().filter(|name| fits(query, name)).cloned().collect();
        assert_eq!(found, expected, "{query} {:?}", fold::spellings(query));
    }
}
