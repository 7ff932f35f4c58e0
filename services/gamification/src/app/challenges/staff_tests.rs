//! Who may write and manage, told as sentences.

use proto::auth::Role;

use super::*;
use crate::domain::challenge::{Reward, RewardAt, terms::Written};

fn hand(roles: &[(&str, &[&str])]) -> Hand {
    let role = |(role, regions): &(&str, &[&str])| Role {
        role: (*role).to_owned(),
        regions: regions.iter().map(|region| (*region).to_owned()).collect(),
    };
    let standing = AccountStanding { roles: roles.iter().map(role).collect(), ..AccountStanding::default() };
    Hand::of(AccountId::derived(&[b"hand"]), &standing)
}

fn terms(rule: &str) -> Terms {
    Terms::parse(&Written {
        name: [("en".to_owned(), "May".to_owned())].into(),
        metric: "count".to_owned(),
        start: "2026-05-01T00:00:00".to_owned(),
        end: "2026-06-01T00:00:00".to_owned(),
        eligibility_json: rule.to_owned(),
        ..Written::default()
    })
    .unwrap()
}

const ALMATY: &str = r#"{"region_in":["KZ-75"]}"#;

#[test]
fn a_marketer_writes_for_the_regions_of_the_role_and_must_name_them() {
    let marketer = hand(&[("marketer", &["KZ-75", "KZ-71"])]);
    assert!(marketer.may_write(&terms(ALMATY)).is_ok());
    for rule in ["", r#"{"region_in":["KZ-75","DE-BE"]}"#, r#"{"not":{"region_in":["KZ-75"]}}"#] {
        assert_eq!(marketer.may_write(&terms(rule)).unwrap_err().code, Code::Forbidden, "{rule}");
    }
    assert!(hand(&[("marketer", &[])]).may_write(&terms("")).is_ok());
    let several = hand(&[("marketer", &["KZ-75"]), ("marketer", &["DE-BE"])]);
    assert!(several.may_write(&terms(r#"{"region_in":["KZ-75","DE-BE"]}"#)).is_ok());
    let unlimited = hand(&[("marketer", &["KZ-75"]), ("marketer", &[])]);
    assert!(unlimited.may_write(&terms("")).is_ok());
    let unlimited = hand(&[("marketer", &[]), ("marketer", &["KZ-75"])]);
    assert!(unlimited.may_write(&terms("")).is_ok());
}

#[test]
fn a_coach_writes_where_the_role_reaches() {
    let everywhere = hand(&[("coach", &[])]);
    assert!(everywhere.may_write(&terms("")).is_ok() && everywhere.may_write(&terms(ALMATY)).is_ok());
    let coach = hand(&[("coach", &["KZ-75"]), ("coach", &["KZ-71"])]);
    assert!(coach.may_write(&terms(r#"{"region_in":["KZ-75","KZ-71"]}"#)).is_ok());
    for rule in ["", r#"{"region_in":["DE-BE"]}"#] {
        assert_eq!(coach.may_write(&terms(rule)).unwrap_err().code, Code::Forbidden, "{rule}");
    }
    let both = hand(&[("coach", &["KZ-75"]), ("marketer", &["DE-BE"])]);
    assert!(both.may_write(&terms(ALMATY)).is_ok());
    assert!(both.may_write(&terms(r#"{"region_in":["KZ-75","DE-BE"]}"#)).is_err(), "neither role does");
}

#[test]
fn operators_write_everywhere_and_athletes_for_the_groups_they_are_in() {
    assert!(hand(&[("operator", &[])]).may_write(&terms("")).is_ok());
    let club = terms(r#"{"all":[{"level_at_least":2},{"group":"g"}]}"#);
    let mut athlete = hand(&[]);
    assert_eq!(athlete.may_write(&club).unwrap_err().code, Code::Forbidden);
    athlete.groups.member_of.insert("g".to_owned());
    assert!(athlete.may_write(&club).is_ok());
    assert_eq!(athlete.plain_member_of(&club), Some("g"));
    assert_eq!(athlete.plain_member_of(&terms(r#"{"group":"h"}"#)), None);
    assert!(!athlete.may_manage(AccountId::derived(&[b"other"]), &club), "only what they wrote themselves");
    athlete.groups.staffs.insert("g".to_owned());
    assert!(athlete.may_write(&club).is_ok() && athlete.plain_member_of(&club).is_none());
    assert!(athlete.may_manage(AccountId::derived(&[b"other"]), &club));
    assert!(athlete.may_write(&terms(r#"{"any":[{"level_at_least":2},{"group":"g"}]}"#)).is_err());
    assert!(hand(&[("moderator", &[])]).may_write(&terms("")).is_err());
}

#[test]
fn the_author_operators_and_the_staff_of_its_regions_manage_it() {
    let (me, other) = (AccountId::derived(&[b"hand"]), AccountId::derived(&[b"other"]));
    assert!(hand(&[]).may_manage(me, &terms("")));
    assert!(hand(&[("operator", &[])]).may_manage(other, &terms("")));
    assert!(hand(&[("marketer", &["KZ-75"])]).may_manage(other, &terms(ALMATY)));
    for roles in [("marketer", &["DE-BE"][..]), ("coach", &[])] {
        assert!(!hand(&[roles]).may_manage(other, &terms(ALMATY)));
    }
    assert!(!hand(&[]).may_manage(other, &terms("")));
}

#[test]
fn nobody_promises_rewards_who_is_only_of_a_group() {
    let rewarded = |rule: &str| {
        let reward = Reward { at: RewardAt::Places { first: 1, last: 1 }, points: 500, badge: None };
        Terms { rewards: vec![reward], ..terms(rule) }
    };
    let club = r#"{"group":"g"}"#;
    let mut athlete = hand(&[]);
    athlete.groups.staffs.insert("g".to_owned());
    assert!(athlete.may_write(&rewarded(club)).is_ok() && athlete.may_reward(&terms(club)).is_ok());
    let refused = athlete.may_reward(&rewarded(club)).unwrap_err();
    assert_eq!((refused.code, refused.fields[0].pointer.as_str()), (Code::InvalidField, "/rewards"));
    // A role that does not reach the challenge is none.
    let elsewhere = Hand { groups: athlete.groups, ..hand(&[("marketer", &["DE-BE"])]) };
    assert!(elsewhere.may_write(&rewarded(club)).is_ok() && elsewhere.may_reward(&rewarded(club)).is_err());
    for roles in [("operator", &[][..]), ("coach", &[]), ("marketer", &["KZ-75"])] {
        assert!(hand(&[roles]).may_reward(&rewarded(ALMATY)).is_ok(), "{roles:?}");
    }
}
