//! Campaigns from draft to stop, as marketers meet them.

use kernel::Code;
use proto::promo as p;
use testkit::fleet::{Ground, eventually};

use crate::world::{REGION, World, by, code, draft, keyed};

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_runs_only_after_somebody_else_approved_exactly_what_runs() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    world.shop().await;
    let (author, other) = (world.staff("marketer", &[REGION]), world.staff("marketer", &[REGION]));
    let create = p::CreatePromoRequest { draft: Some(draft(100_000)) };
    let created = world.promo().create_promo(by(author, create)).await.unwrap().into_inner();
    assert_eq!((created.state.as_str(), created.revision.starts_with("sha256:")), ("draft", true));
    assert!(created.created_at_us > 0);

    let action = || p::PromoActionRequest { promo_id: created.id.clone() };
    let approve = |revision: &str| p::ApprovePromoRequest {
        promo_id: created.id.clone(),
        revision: revision.to_owned(),
    };
    world.promo().submit_promo(by(author, action())).await.unwrap();
    let own = world.promo().approve_promo(by(author, approve(&created.revision))).await;
    assert_eq!(code(own), Code::OwnApproval);
    let stale = world.promo().approve_promo(by(other, approve("sha256:0"))).await;
    assert_eq!(code(stale), Code::RevisionChanged);
    let early = world.promo().schedule_promo(by(author, action())).await;
    assert_eq!(code(early), Code::Conflict);
    let approved =
        world.promo().approve_promo(by(other, approve(&created.revision))).await.unwrap().into_inner();
    assert_eq!((approved.state.as_str(), approved.approvals.len()), ("approved", 1));

    let edit = p::Draft { holdout_percent: Some(5), ..Default::default() };
    let edit = p::EditPromoRequest { promo_id: created.id.clone(), draft: Some(edit) };
    let edited = world.promo().edit_promo(by(author, edit)).await.unwrap().into_inner();
    assert_eq!((edited.state.as_str(), edited.approvals.len()), ("draft", 0), "an edit voids the approval");
    world.promo().submit_promo(by(author, action())).await.unwrap();
    world.promo().approve_promo(by(other, approve(&edited.revision))).await.unwrap();
    let scheduled = world.promo().schedule_promo(by(author, action())).await.unwrap().into_inner();
    assert_eq!((scheduled.state.as_str(), scheduled.waves[0].state.as_str()), ("running", "live"));

    let stop = p::StopPromoRequest { promo_id: created.id.clone(), reason: "wrong price".to_owned() };
    let stopped = world.promo().stop_promo(by(other, stop)).await.unwrap().into_inner();
    assert_eq!((stopped.state.as_str(), stopped.reason.as_str()), ("stopped", "wrong price"));
    let resumed = world.promo().resume_promo(by(author, action())).await;
    assert_eq!(code(resumed), Code::Conflict);
    world.fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn marketers_see_and_do_only_what_their_regions_allow() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    world.shop().await;
    let promo = world.running(draft(100_000)).await;
    let get = || p::GetPromoRequest { promo_id: promo.id.clone() };
    let elsewhere = world.staff("marketer", &["KZ-71"]);
    assert_eq!(code(world.promo().get_promo(by(elsewhere, get())).await), Code::NotFound);
    let create = p::CreatePromoRequest { draft: Some(draft(1)) };
    assert_eq!(code(world.promo().create_promo(by(elsewhere, create)).await), Code::Forbidden);
    let list = |who| {
        let mut client = world.promo();
        async move { client.list_promos(by(who, p::ListPromosRequest::default())).await }
    };
    assert!(list(elsewhere).await.unwrap().into_inner().items.is_empty());
    let operator = world.staff("operator", &[]);
    assert_eq!(list(operator).await.unwrap().into_inner().items.len(), 1);
    let athlete = world.athlete();
    assert_eq!(code(world.promo().get_promo(by(athlete, get())).await), Code::Forbidden);
    let why = p::WhyNotRequest { promo_id: promo.id.clone(), account_id: crate::world::bytes_of(athlete) };
    let why = world.promo().why_not(by(operator, why)).await.unwrap().into_inner();
    assert_eq!(
        why.reasons,
        [r#"{"clause":{"badge":"first_run"},"met":false}"#, r#"{"clause":{"level_at_least":2},"met":false}"#]
    );
    world.fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_starts_and_drains_a_campaign_and_a_repeated_key_answers_the_first_again() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    world.shop().await;
    let author = world.staff("marketer", &[REGION]);
    let create = || by(author, p::CreatePromoRequest { draft: Some(draft(5)) });
    let (mut one, mut two, mut three) = (world.promo(), world.promo(), world.promo());
    let first = keyed("k1", b"a", one.create_promo(create())).await.unwrap();
    let second = keyed("k1", b"a", two.create_promo(create())).await.unwrap();
    assert!(second.metadata().contains_key("stadion-replayed"));
    assert_eq!(first.into_inner().id, second.into_inner().id);
    assert_eq!(code(keyed("k1", b"b", three.create_promo(create())).await), Code::IdempotencyMismatch);

    let later = p::Schedule {
        start: "2026-05-11T00:00:00".to_owned(),
        end: "2026-05-12T00:00:00".to_owned(),
        clock: "region".to_owned(),
        time_zone: String::new(),
    };
    let promo = world.running(p::Draft { schedule: Some(later), ..draft(5) }).await;
    assert_eq!(promo.state, "scheduled");
    let operator = world.staff("operator", &[]);
    let state = || async {
        let get = p::GetPromoRequest { promo_id: promo.id.clone() };
        world.promo().get_promo(by(operator, get)).await.unwrap().into_inner().state
    };
    world.fleet.clock.set("2026-05-10T19:00:01Z".parse().unwrap());
    eventually("running", state, |state| state == "running").await;
    world.fleet.clock.set("2026-05-11T19:00:01Z".parse().unwrap());
    eventually("draining", state, |state| state == "draining").await;
    world.fleet.clock.set("2026-06-01T00:00:00Z".parse().unwrap());
    eventually("ended", state, |state| state == "ended").await;
    world.fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_that_cannot_be_meant_is_refused_with_pointers() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    let author = world.staff("marketer", &[REGION]);
    let unknown_partner = p::CreatePromoRequest { draft: Some(draft(5)) };
    let refused = world.promo().create_promo(by(author, unknown_partner)).await.unwrap_err();
    assert_eq!(platform::refusal(&refused).fields[0].pointer, "/partner_id");
    let mut wrong = draft(0);
    wrong.eligibility_json = Some(r#"{"shoe_size":43}"#.to_owned());
    let wrong = p::CreatePromoRequest { draft: Some(wrong) };
    let refused = platform::refusal(&world.promo().create_promo(by(author, wrong)).await.unwrap_err());
    let pointers: Vec<_> = refused.fields.iter().map(|field| field.pointer.as_str()).collect();
    assert_eq!(pointers, ["/eligibility/shoe_size", "/budget/limit/amount_minor"]);
    world.fleet.stop().await;
}
