//! The function against a naive oracle: the oracle writes down, word by word, who is in which audience, and reads the
//! precedence as a list of questions. It shares no code with the function.

use std::collections::BTreeSet;

use proptest::{collection, prelude::*, sample};
use stadion_privacy::{Audience, DataClass, Owner, Relation, Settings, explain, visibility, visible};

const GROUPS: [&str; 3] = [
    "11111111-1111-4111-8111-111111111111",
    "22222222-2222-4222-8222-222222222222",
    "33333333-3333-4333-8333-333333333333",
];

/// All words under which the viewer could be meant.
fn words_for(viewer: &Relation) -> BTreeSet<String> {
    let mut words = BTreeSet::from(["everyone".to_owned()]);
    if viewer.follower || viewer.friend {
        words.insert("followers".to_owned());
    }
    if viewer.friend {
        words.insert("friends".to_owned());
    }
    for group in &viewer.shared_groups {
        words.insert("groups".to_owned());
        words.insert(format!("group:{group}"));
    }
    words
}

fn meets(audience: &[String], viewer: &Relation) -> bool {
    audience.iter().any(|word| words_for(viewer).contains(word))
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// The table of defaults and ceilings, as the settings page prints it.
fn table(class: &str) -> (Vec<String>, Vec<String>) {
    match class {
        "profile" => (words("everyone"), words("followers")),
        "summary" | "map" | "start_time" | "photos" => (words("followers"), words("friends")),
        _ => (words(""), words("")),
    }
}

fn oracle(owner: &Owner<'_>, activity: Option<&Audience>, viewer: &Relation, class: &str) -> bool {
    if owner.erased || viewer.blocked {
        return false;
    }
    if viewer.owner {
        return true;
    }
    let (default, ceiling) = table(class);
    if owner.minor && !meets(&ceiling, viewer) {
        return false;
    }
    let set = |class: DataClass| owner.settings.audiences.get(&class).map(Audience::words);
    match class {
        "profile" | "body" => meets(&set(class.parse().unwrap()).unwrap_or(default), viewer),
        "summary" => {
            let own = activity.map(Audience::words);
            meets(&own.or(set(DataClass::Summary)).unwrap_or(default), viewer)
        }
        part => {
            oracle(owner, activity, viewer, "summary")
                && meets(&set(part.parse().unwrap()).unwrap_or(default), viewer)
        }
    }
}

fn audiences() -> impl Strategy<Value = Audience> {
    let mut vocabulary = words("everyone followers friends groups");
    vocabulary.extend(GROUPS.map(|group| format!("group:{group}")));
    sample::subsequence(vocabulary, 0..=3).prop_map(|words| Audience::parse(&words).unwrap())
}

fn settings() -> impl Strategy<Value = Settings> {
    let class = sample::select(DataClass::ALL.to_vec());
    collection::btree_map(class, audiences(), 0..8)
        .prop_map(|audiences| Settings { audiences, ..Settings::default() })
}

fn relations() -> impl Strategy<Value = Relation> {
    let rarely = || prop::bool::weighted(0.1);
    let groups = sample::subsequence(GROUPS.to_vec(), 0..=3);
    let told = (rarely(), any::<bool>(), any::<bool>(), any::<bool>(), groups, rarely()).prop_map(
        |(owner, follower, friend, friend_of_friend, groups, blocked)| Relation {
            owner,
            follower,
            friend,
            friend_of_friend,
            shared_groups: groups.iter().map(|group| group.parse().unwrap()).collect(),
            blocked,
        },
    );
    prop_oneof![9 => told, 1 => Just(Relation::unknown())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn the_function_and_the_oracle_agree(
        settings in settings(), own in proptest::option::of(audiences()), viewer in relations(),
        minor: bool, erased in prop::bool::weighted(0.1),
    ) {
        let owner = Owner { settings: &settings, minor, erased };
        let mask = visible(&owner, own.as_ref(), &viewer);
        for class in DataClass::ALL {
            prop_assert_eq!(mask.shows(class), oracle(&owner, own.as_ref(), &viewer, class.as_str()), "{}", class);
        }
        for explained in explain(&owner, own.as_ref(), &viewer) {
            prop_assert_eq!(explained.shown, mask.shows(explained.class));
        }
    }

    #[test]
    fn the_effective_settings_of_a_minor_say_what_the_function_does(settings in settings(), viewer in relations()) {
        let owner = Owner { settings: &settings, minor: true, erased: false };
        let told = Settings { audiences: settings.effective(true), ..Settings::default() };
        let as_told = Owner { settings: &told, minor: false, erased: false };
        let (real, said) = (visible(&owner, None, &viewer), visible(&as_told, None, &viewer));
        prop_assert_eq!(real.and(said), real, "more is shown than was told");
        if viewer.shared_groups.is_empty() {
            prop_assert_eq!(real, said);
        }
    }

    #[test]
    fn what_is_unknown_hides_all_and_names_nobody(
        settings in settings(), own in proptest::option::of(audiences()), minor: bool,
    ) {
        let (owner, viewer) = (Owner { settings: &settings, minor, erased: false }, Relation::unknown());
        prop_assert!(visible(&owner, own.as_ref(), &viewer).is_nothing());
        prop_assert!(!visibility::found_by_search(&owner, &viewer));
    }

    #[test]
    fn nobody_sees_more_than_somebody_nearer(
        settings in settings(), own in proptest::option::of(audiences()), viewer in relations(), minor: bool,
    ) {
        let owner = Owner { settings: &settings, minor, erased: false };
        let far = visible(&owner, own.as_ref(), &viewer);
        let friend = Relation { friend: true, follower: true, ..viewer.clone() };
        prop_assert_eq!(far.and(visible(&owner, own.as_ref(), &friend)), far, "a friend sees at least as much");
        let all = visible(&owner, own.as_ref(), &Relation::owner());
        prop_assert_eq!(far.and(all), far, "and the owner sees all that anybody sees");
        let blocked = Relation { blocked: true, ..viewer };
        prop_assert!(visible(&owner, own.as_ref(), &blocked).is_nothing());
    }

    #[test]
    fn an_audience_survives_its_words(audience in audiences()) {
        prop_assert_eq!(Audience::parse(&audience.words()), Ok(audience));
    }

    #[test]
    fn parsing_never_panics(words in collection::vec(".{0,60}", 0..8)) {
        let _ = Audience::parse(&words);
    }
}
