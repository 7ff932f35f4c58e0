//! What siblings are told of accounts.

use kernel::{AccountId, Code};
use proto::auth as p;
use testkit::fleet::{Ground, eventually};

use crate::stage::{Stage, by, id_bytes, refused, stranger, told};

#[tokio::test]
async fn every_account_asked_for_is_answered_in_order_known_or_not() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let nobody = AccountId::random();
    let account_ids = vec![id_bytes(nobody), id_bytes(person.id), id_bytes(nobody)];
    let answer = told(stage.client().standing(p::StandingRequest { account_ids, held: vec![] }).await)
        .expect("standing");
    let known: Vec<bool> = answer.accounts.iter().map(|one| one.known).collect();
    assert_eq!(known, [false, true, false]);
    assert_eq!(answer.accounts[0].account_id, id_bytes(nobody));
    let standing = &answer.accounts[1];
    assert_eq!((standing.display_name.as_str(), standing.birth_year), ("Aigerim", Some(1990)));
    assert_eq!((standing.time_zone.as_str(), standing.locale.as_str()), ("Asia/Almaty", "kk"));
    assert_eq!((standing.country.as_deref(), standing.region.as_deref()), (Some("KZ"), Some("KZ-75")));
    assert!(!standing.minor && !standing.erased && !standing.locked);
}

#[tokio::test]
async fn only_siblings_ask_and_at_most_two_hundred() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let request =
        |count: usize| p::StandingRequest { account_ids: vec![id_bytes(person.id); count], held: vec![] };
    let answer = told(stage.client().standing(request(200)).await).expect("standing");
    assert_eq!(answer.accounts.len(), 200);
    refused(told(stage.client().standing(request(201)).await), Code::InvalidField);
    refused(told(stage.client().standing(by(&person, request(1))).await), Code::Forbidden);
    refused(told(stage.client().standing(stranger(request(1))).await), Code::Forbidden);
}

#[tokio::test]
async fn who_turns_eighteen_for_certain_is_no_minor_any_more() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let young = p::RegisterRequest { birth_year: Some(2008), ..crate::stage::sign_up("Dana") };
    let person = stage.person_of(young).await;
    assert!(stage.standing(person.id).await.minor);
    stage.fleet.clock.advance_s(300 * 86_400);
    assert!(!stage.standing(person.id).await.minor);
}

#[tokio::test]
async fn every_change_of_a_standing_is_told_and_passwords_are_nobodys_affair() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let topic = auth::store::standings::topic();
    let newest = || async {
        let values = stage.published(&topic).await;
        values
            .into_iter()
            .filter(|value| value.key == person.id.to_string())
            .map(|value| value.revision)
            .max()
    };
    let head = || async { stage.journal.store().head().await.expect("a head").unsigned_abs() };
    let mut last = eventually("the account is told of", newest, Option::is_some).await;

    let privacy =
        p::PutPrivacyRequest { if_revision: Some(0), searchable: Some(false), ..Default::default() };
    told(stage.client().put_privacy(by(&person, privacy)).await).expect("changed");
    last = eventually("a privacy setting", newest, |newest| *newest > last).await;
    assert_eq!(last, Some(head().await), "the revision is the event's position");
    let change = p::ChangeMeRequest { display_name: Some("Aigerim B".to_owned()), ..Default::default() };
    told(stage.client().change_me(by(&person, change)).await).expect("changed");
    last = eventually("a name", newest, |newest| *newest > last).await;
    let request = p::WithdrawConsentRequest { purpose: "health_data".to_owned() };
    told(stage.client().withdraw_consent(by(&person, request)).await).expect("withdrawn");
    last = eventually("a consent", newest, |newest| *newest > last).await;
    told(stage.client().add_operator(p::AddOperatorRequest { email: person.email.clone() }).await)
        .expect("one");
    last = eventually("a role", newest, |newest| *newest > last).await;

    let request = proto::journal::StateReadAllRequest {
        topic: topic.name.to_string(),
        after_key: String::new(),
        max: 10,
    };
    let mut state = stage.fleet.peers("leaderboard").state("auth");
    let values = state.read_all(request).await.expect("a page").into_inner().values;
    assert_eq!(values.len(), 1);
    assert_eq!((values[0].key.clone(), Some(values[0].revision)), (person.id.to_string(), last));
}

#[tokio::test]
async fn what_a_sibling_holds_already_is_not_said_again_until_it_is_another() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let (person, other) = (stage.person("Aigerim").await, stage.person("Bolat").await);
    let nobody = AccountId::random();
    let ask = async |held: [u64; 3]| {
        let account_ids = vec![id_bytes(person.id), id_bytes(other.id), id_bytes(nobody)];
        let request = p::StandingRequest { account_ids, held: held.to_vec() };
        let answer = told(stage.client().standing(request).await).expect("standing");
        <[p::AccountStanding; 3]>::try_from(answer.accounts).expect("three")
    };
    let [first, second, unknown] = ask([0, 0, 0]).await;
    assert_eq!((first.display_name.as_str(), second.display_name.as_str()), ("Aigerim", "Bolat"));
    assert!(first.stamp != 0 && first.stamp != second.stamp && !first.same);
    assert_eq!((unknown.stamp, unknown.same), (0, false));

    let [same, anew, unknown] = ask([first.stamp, first.stamp, first.stamp]).await;
    let nothing_but = p::AccountStanding {
        account_id: id_bytes(person.id),
        stamp: first.stamp,
        same: true,
        ..p::AccountStanding::default()
    };
    assert_eq!(same, nothing_but);
    assert_eq!(anew, second, "held is of each account itself");
    assert!(!unknown.same && !unknown.known);

    let change = p::ChangeMeRequest { display_name: Some("Aigerim B".to_owned()), ..Default::default() };
    told(stage.client().change_me(by(&person, change)).await).expect("changed");
    let [changed, same, _] = ask([first.stamp, second.stamp, 0]).await;
    assert_eq!((changed.display_name.as_str(), changed.same), ("Aigerim B", false));
    assert!(changed.stamp != first.stamp && same.same);

    // Time alone makes nobody another but a minor.
    stage.fleet.clock.advance_s(400 * 86_400);
    let [same, ..] = ask([changed.stamp, 0, 0]).await;
    assert!(same.same);
}

#[tokio::test]
async fn what_another_replica_has_committed_counts_at_once() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let (held, replica) = (stage.standing(person.id).await, stage.replica().await);
    for name in ["Aigerim B", "Aigerim C"] {
        let here = replica.standing(&[person.id], &[]).await.expect("standing").accounts;
        assert_eq!(here, [stage.standing(person.id).await], "both say the same, stamp and all");
        let change = p::ChangeMeRequest { display_name: Some(name.to_owned()), ..Default::default() };
        told(stage.client().change_me(by(&person, change)).await).expect("changed");
        let there = replica.standing(&[person.id], &[held.stamp]).await.expect("standing").accounts;
        assert_eq!((there[0].display_name.as_str(), there[0].same), (name, false));
    }
    // More news than are looked through one by one.
    for at in 0..1_100 {
        let change = p::ChangeMeRequest { display_name: Some(format!("A{at}")), ..Default::default() };
        told(stage.client().change_me(by(&person, change)).await).expect("changed");
    }
    let there = replica.standing(&[person.id], &[]).await.expect("standing").accounts;
    assert_eq!(there[0].display_name, "A1099");
}
