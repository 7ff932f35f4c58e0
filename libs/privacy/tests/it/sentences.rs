//! What the settings promise, said one by one.

use stadion_privacy::{
    Audience, BoardName, DataClass, FieldMask, Owner, Relation, Rule, Settings, explain, visibility, visible,
};

fn adult(settings: &Settings) -> Owner<'_> {
    Owner { settings, minor: false, erased: false }
}

fn minor(settings: &Settings) -> Owner<'_> {
    Owner { settings, minor: true, erased: false }
}

fn showing(class: DataClass, audience: Audience) -> Settings {
    Settings { audiences: [(class, audience)].into(), ..Settings::default() }
}

fn rule_of(owner: &Owner<'_>, activity: Option<&Audience>, viewer: &Relation, class: DataClass) -> Rule {
    explain(owner, activity, viewer).into_iter().find(|explained| explained.class == class).unwrap().rule
}

#[test]
fn a_stranger_sees_an_untouched_adult_profile_and_nothing_else() {
    let settings = Settings::default();
    let seen = visible(&adult(&settings), None, &Relation::stranger());
    assert_eq!(seen, FieldMask::from_iter([DataClass::Profile]));
}

#[test]
fn a_follower_sees_activities_but_no_heart_rate() {
    let settings = Settings::default();
    let seen = visible(&adult(&settings), None, &Relation::follower());
    assert!(seen.shows(DataClass::Summary) && seen.shows(DataClass::Map));
    assert!(!seen.shows(DataClass::HeartRate) && !seen.shows(DataClass::Device));
}

#[test]
fn owners_see_all_that_is_theirs_minors_too() {
    let settings = Settings::default();
    assert_eq!(visible(&adult(&settings), Some(&Audience::only_me()), &Relation::owner()), FieldMask::ALL);
    assert_eq!(visible(&minor(&settings), None, &Relation::owner()), FieldMask::ALL);
}

#[test]
fn a_block_hides_everything_from_a_friend() {
    let settings = showing(DataClass::Profile, Audience::everyone());
    let viewer = Relation { blocked: true, ..Relation::friend() };
    assert!(visible(&adult(&settings), Some(&Audience::everyone()), &viewer).is_nothing());
    assert_eq!(rule_of(&adult(&settings), None, &viewer, DataClass::Map), Rule::Blocked);
}

#[test]
fn what_two_are_to_each_other_hides_everything_while_it_is_unknown() {
    let settings = showing(DataClass::Profile, Audience::everyone());
    let unknown = Relation::unknown();
    assert!(visible(&adult(&settings), Some(&Audience::everyone()), &unknown).is_nothing());
    assert!(!visibility::found_by_search(&adult(&settings), &unknown));
    assert!(!Relation::stranger().blocked, "who is nobody in particular is known to be that");
}

#[test]
fn nobody_sees_an_erased_owner() {
    let settings = showing(DataClass::Summary, Audience::everyone());
    let erased = Owner { erased: true, ..adult(&settings) };
    assert!(visible(&erased, None, &Relation::owner()).is_nothing());
    assert!(!visibility::found_by_search(&erased, &Relation::stranger()));
}

#[test]
fn a_run_shown_to_everyone_keeps_its_map_with_the_followers() {
    let settings = Settings::default();
    let seen = visible(&adult(&settings), Some(&Audience::everyone()), &Relation::stranger());
    assert!(seen.shows(DataClass::Summary));
    assert!(!seen.shows(DataClass::Map) && !seen.shows(DataClass::StartTime));
}

#[test]
fn a_run_for_me_alone_hides_its_parts_whatever_their_settings() {
    let settings = showing(DataClass::Map, Audience::everyone());
    let seen = visible(&adult(&settings), Some(&Audience::only_me()), &Relation::friend());
    assert_eq!(seen, FieldMask::from_iter([DataClass::Profile]));
    assert_eq!(
        rule_of(&adult(&settings), Some(&Audience::only_me()), &Relation::friend(), DataClass::Map),
        Rule::SummaryHidden
    );
}

#[test]
fn a_minors_ceiling_stands_above_a_public_activity() {
    let settings = showing(DataClass::HeartRate, Audience::everyone());
    let seen = visible(&minor(&settings), Some(&Audience::everyone()), &Relation::follower());
    assert_eq!(seen, FieldMask::from_iter([DataClass::Profile]));
    let seen = visible(&minor(&settings), Some(&Audience::everyone()), &Relation::friend());
    assert!(seen.shows(DataClass::Map) && !seen.shows(DataClass::HeartRate));
    assert_eq!(
        rule_of(&minor(&settings), None, &Relation::friend(), DataClass::HeartRate),
        Rule::MinorCeiling
    );
}

#[test]
fn the_rule_that_decided_is_told() {
    let settings = showing(DataClass::Map, Audience::friends());
    let own = Audience::followers();
    let rule = |class| rule_of(&adult(&settings), Some(&own), &Relation::friend(), class);
    assert_eq!(rule(DataClass::Summary), Rule::ActivityVisibility);
    assert_eq!(rule(DataClass::Map), Rule::ClassSetting);
    assert_eq!(rule(DataClass::Photos), Rule::Default);
    assert_eq!(rule_of(&adult(&settings), None, &Relation::owner(), DataClass::Map), Rule::Owner);
}

#[test]
fn strangers_find_adults_and_friends_of_friends_find_minors() {
    let settings = Settings::default();
    let near = Relation { friend_of_friend: true, ..Relation::stranger() };
    assert!(visibility::found_by_search(&adult(&settings), &Relation::stranger()));
    assert!(!visibility::found_by_search(&minor(&settings), &Relation::follower()));
    assert!(visibility::found_by_search(&minor(&settings), &near));

    let hidden = Settings { searchable: false, ..Settings::default() };
    assert!(!visibility::found_by_search(&adult(&hidden), &Relation::friend()));
    let quiet = showing(DataClass::Profile, Audience::friends());
    assert!(!visibility::found_by_search(&adult(&quiet), &Relation::stranger()));
}

#[test]
fn the_strictest_wish_names_a_member_on_boards() {
    let settings = Settings::default();
    assert_eq!(visibility::board_name(&adult(&settings), BoardName::Shown), BoardName::Shown);
    assert_eq!(visibility::board_name(&adult(&settings), BoardName::Anonymous), BoardName::Anonymous);
    assert_eq!(visibility::board_name(&minor(&settings), BoardName::Shown), BoardName::Anonymous);
}
