//! Groups: who comes in, who leads, who follows a leader.

use kernel::{AccountId, Code};
use privacy::GroupId;
use proto::social as p;
use social::domain::{
    group::{Event, Group, Reason, Role, Standing},
    terms::{Kind, Terms, Wanted},
};
use testkit::{fleet::Ground, story::given};

use crate::world::{World, by, bytes_of, code};

fn account(name: &str) -> AccountId {
    AccountId::derived(&[name.as_bytes()])
}

fn id() -> GroupId {
    GroupId::derived(&[b"group"])
}

fn terms(kind: Kind, capacity: Option<u32>) -> Terms {
    let wanted =
        Wanted { name: "Runners".to_owned(), kind: kind.as_str().to_owned(), capacity, ..Wanted::default() };
    Terms::parse(wanted).unwrap()
}

fn created(kind: Kind, capacity: Option<u32>) -> Event {
    Event::Created { group: id(), owner: account("owner"), terms: terms(kind, capacity) }
}

fn joined(name: &str, role: Role) -> Event {
    Event::Joined { group: id(), account: account(name), role, by: account(name) }
}

#[test]
fn the_last_owner_leaves_by_naming_a_successor() {
    let past = || vec![created(Kind::Open, None), joined("anna", Role::Member)];
    let owner = account("owner");
    given::<Group>(past()).when(|group| group.leave(owner, None)).refused(Code::Conflict);
    given::<Group>(past()).when(|group| group.leave(owner, Some(account("x")))).refused(Code::Conflict);
    given::<Group>(past()).when(|group| group.leave(owner, Some(owner))).refused(Code::Conflict);
    let follows =
        Event::RoleChanged { group: id(), account: account("anna"), role: Role::Owner, by: Some(owner) };
    let left = Event::Ended { group: id(), account: owner, by: owner, reason: Reason::Left };
    given::<Group>(past()).when(|group| group.leave(owner, Some(account("anna")))).then([follows, left]);
    let two = [created(Kind::Open, None), joined("second", Role::Owner)];
    given::<Group>(two).when(|group| group.leave(owner, None)).then([Event::Ended {
        group: id(),
        account: owner,
        by: owner,
        reason: Reason::Left,
    }]);
}

#[test]
fn an_erased_owner_is_followed_by_the_senior_of_the_highest_rank() {
    let owner = account("owner");
    let orders: [(&[(&str, Role)], &str); 3] = [
        (&[("member", Role::Member), ("late", Role::Member)], "member"),
        (&[("member", Role::Member), ("mod", Role::Moderator), ("mod 2", Role::Moderator)], "mod"),
        (&[("mod", Role::Moderator), ("admin", Role::Admin), ("admin 2", Role::Admin)], "admin"),
    ];
    for (people, heir) in orders {
        let past = std::iter::once(created(Kind::Open, None))
            .chain(people.iter().map(|(name, role)| joined(name, *role)));
        let follows = Event::RoleChanged { group: id(), account: account(heir), role: Role::Owner, by: None };
        let gone = Event::Ended { group: id(), account: owner, by: owner, reason: Reason::Erased };
        let after = given::<Group>(past).when(|group| Ok(group.erase(owner))).then([follows, gone]).state();
        assert_eq!(after.standing(account(heir)), Standing::Member(Role::Owner));
        assert_eq!(after.members(), u32::try_from(people.len()).unwrap());
    }
    let alone = given::<Group>([created(Kind::Open, None)]).when(|group| Ok(group.erase(owner)));
    let gone = Event::Ended { group: id(), account: owner, by: owner, reason: Reason::Erased };
    let after = alone.then([gone]).state();
    assert_eq!(after.join(account("x"), None).unwrap_err().code, Code::NotFound, "nobody joins nobody");
}

#[test]
fn only_a_higher_rank_gives_takes_removes_and_bans() {
    let staff = || {
        given::<Group>([
            created(Kind::Open, None),
            joined("admin", Role::Admin),
            joined("admin 2", Role::Admin),
            joined("mod", Role::Moderator),
            joined("member", Role::Member),
        ])
    };
    let put = |by: &'static str, whom: &'static str, role| {
        move |group: &Group| group.put(account(by), account(whom), Some(role))
    };
    staff().when(put("mod", "member", Role::Moderator)).refused(Code::Forbidden);
    staff().when(put("admin", "member", Role::Admin)).refused(Code::Forbidden);
    staff().when(put("admin", "admin 2", Role::Member)).refused(Code::Forbidden);
    staff().when(put("member", "mod", Role::Member)).refused(Code::Forbidden);
    staff().when(put("stranger", "mod", Role::Member)).refused(Code::Forbidden);
    staff().when(put("admin", "member", Role::Moderator)).decision();
    staff().when(put("owner", "member", Role::Owner)).decision();
    staff().when(put("owner", "stranger", Role::Admin)).refused(Code::Conflict);
    let remove = |by: &'static str, whom: &'static str, ban| {
        move |group: &Group| group.remove(account(by), account(whom), ban)
    };
    staff().when(remove("mod", "admin", false)).refused(Code::Forbidden);
    staff().when(remove("mod", "mod", true)).refused(Code::Forbidden);
    staff().when(remove("mod", "nobody", false)).then_nothing();
    staff().when(remove("mod", "member", true)).then([Event::Banned {
        group: id(),
        account: account("member"),
        by: account("mod"),
    }]);
    staff().when(|group| group.join(account("member"), Some(Role::Owner))).refused(Code::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_join_ask_and_are_invited() {
    let ground = &Ground::fresh();
    let world = World::on(ground).await;
    let (owner, anna, bek) =
        (world.person("Owner").await, world.person("Anna").await, world.person("Bek").await);

    let open = world.create(owner, "open", Some(2)).await;
    assert_eq!((open.my_state.as_str(), open.my_role.as_str(), open.members), ("member", "owner", 1));
    assert_eq!(world.put_member(anna, &open, anna, "").await.unwrap().into_inner().state, "member");
    assert_eq!(world.put_member(anna, &open, anna, "").await.unwrap().into_inner().state, "member");
    assert_eq!(code(world.put_member(bek, &open, bek, "").await), Code::Conflict, "it is full");
    assert_eq!(world.group(bek, &open).await.unwrap().into_inner().members, 2);
    assert_eq!(code(world.delete_member(owner, &open, owner, false).await), Code::Conflict, "the last owner");
    let change = p::ChangeGroupRequest { group_id: open.id.clone(), capacity: Some(1), ..Default::default() };
    assert_eq!(code(world.social().change_group(by(owner, change.clone())).await), Code::Conflict);
    assert_eq!(code(world.social().change_group(by(anna, change)).await), Code::Forbidden);

    let shared = world.relation(anna, owner).await;
    assert_eq!(shared.shared_group_ids, std::slice::from_ref(&open.id));
    let groups = p::GroupsOfRequest { account_ids: vec![bytes_of(owner), bytes_of(anna)] };
    let groups = world.social().groups_of(groups).await.unwrap().into_inner().items;
    assert_eq!((groups[0].staffed_group_ids.len(), groups[1].staffed_group_ids.len()), (1, 0));

    let invited = world.create(owner, "invite", None).await;
    for (viewer, named) in
        [(None, vec![&open]), (Some(anna), vec![&open]), (Some(owner), vec![&open, &invited])]
    {
        let asked = p::GroupNamesRequest {
            viewer_id: viewer.map(bytes_of).unwrap_or_default(),
            group_ids: vec![open.id.clone(), invited.id.clone(), bytes_of(kernel::Id::<()>::random())],
        };
        let mut items = world.social().group_names(asked).await.unwrap().into_inner().items;
        items.sort_by_key(|item| item.group_id != open.id);
        let told: Vec<_> = items.iter().map(|item| (&item.group_id, &item.name)).collect();
        let wanted: Vec<_> =
            named.iter().map(|group| (&group.id, &group.terms.as_ref().unwrap().name)).collect();
        assert_eq!(told, wanted, "{viewer:?}");
    }

    let approval = world.create(owner, "approval", None).await;
    // Time stands still otherwise, and members of one moment stand in the order of their ids.
    world.fleet.clock.advance_s(1);
    assert_eq!(world.put_member(anna, &approval, anna, "").await.unwrap().into_inner().state, "requested");
    assert_eq!(world.put_member(owner, &approval, anna, "").await.unwrap().into_inner().state, "member");
    world.put_member(bek, &approval, bek, "").await.unwrap();
    world.delete_member(owner, &approval, bek, false).await.unwrap();
    assert_eq!(world.group(bek, &approval).await.unwrap().into_inner().my_state, "none", "declined");
    let members = |state: &str| p::ListMembersRequest {
        group_id: approval.id.clone(),
        state: state.to_owned(),
        ..Default::default()
    };
    assert_eq!(code(world.social().list_members(by(bek, members(""))).await), Code::Forbidden);
    assert_eq!(code(world.social().list_members(by(anna, members("banned"))).await), Code::Forbidden);
    let listed = world.social().list_members(by(anna, members(""))).await.unwrap().into_inner();
    assert_eq!(listed.items.iter().map(|it| it.role.as_str()).collect::<Vec<_>>(), ["owner", "member"]);

    by_invitation(&world, [owner, anna, bek]).await;
    banned(&world, &open, [owner, anna]).await;
    world.fleet.stop().await;
}

async fn by_invitation(world: &World<'_>, [owner, anna, bek]: [AccountId; 3]) {
    let secret = world.create(owner, "invite", None).await;
    assert_eq!(code(world.group(anna, &secret).await), Code::NotFound);
    assert_eq!(code(world.put_member(anna, &secret, anna, "").await), Code::NotFound);
    assert_eq!(world.put_member(owner, &secret, anna, "").await.unwrap().into_inner().state, "invited");
    assert_eq!(world.group(anna, &secret).await.unwrap().into_inner().my_state, "invited");
    let found = |q: &str| p::ListGroupsRequest { q: q.to_owned(), ..Default::default() };
    assert_eq!(
        world.social().list_groups(by(anna, found("almaty"))).await.unwrap().into_inner().items.len(),
        3
    );
    assert_eq!(
        world.social().list_groups(by(bek, found("almaty"))).await.unwrap().into_inner().items.len(),
        2
    );
    assert_eq!(world.social().list_groups(by(bek, found("zzz"))).await.unwrap().into_inner().items.len(), 0);
    let mine = p::ListGroupsRequest { mine: true, ..Default::default() };
    assert_eq!(world.social().list_groups(by(bek, mine)).await.unwrap().into_inner().items.len(), 0);
    assert_eq!(world.put_member(anna, &secret, anna, "").await.unwrap().into_inner().state, "member");
    assert_eq!(world.put_member(owner, &secret, anna, "admin").await.unwrap().into_inner().role, "admin");
}

async fn banned(world: &World<'_>, open: &p::Group, [owner, anna]: [AccountId; 2]) {
    world.delete_member(owner, open, anna, true).await.unwrap();
    assert_eq!(code(world.put_member(anna, open, anna, "").await), Code::Forbidden, "banned");
    world.delete_member(owner, open, anna, false).await.unwrap();
    world.put_member(anna, open, anna, "").await.unwrap();
    let leave = p::DeleteMemberRequest {
        group_id: open.id.clone(),
        successor_id: bytes_of(anna),
        ..Default::default()
    };
    world.social().delete_member(by(owner, leave)).await.unwrap();
    let after = world.group(anna, open).await.unwrap().into_inner();
    assert_eq!((after.my_role.as_str(), after.members), ("owner", 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_seat_is_taken_once() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    let owner = world.person("Owner").await;
    let group = world.create(owner, "open", Some(3)).await;
    let mut people = Vec::new();
    for index in 0..20 {
        people.push(world.person(&format!("Runner {index}")).await);
    }
    let joins = people.iter().map(|account| world.put_member(*account, &group, *account, ""));
    let joined = futures::future::join_all(joins).await;
    assert_eq!(joined.iter().filter(|join| join.is_ok()).count(), 2);
    for refused in joined.into_iter().filter(Result::is_err) {
        assert_eq!(code(refused), Code::Conflict);
    }
    assert_eq!(world.group(owner, &group).await.unwrap().into_inner().members, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_that_mislead_are_refused_and_nothing_changes() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    let owner = world.person("Owner").await;
    let large = "x".repeat(1 << 20);
    let wrong: [(&str, p::GroupTerms); 6] = [
        ("/name", p::GroupTerms::default()),
        ("/name", p::GroupTerms { name: large, ..Default::default() }),
        ("/name", p::GroupTerms { name: "Run\u{200b}ners".to_owned(), ..Default::default() }),
        ("/name", p::GroupTerms { name: "\u{202e}srennuR".to_owned(), ..Default::default() }),
        (
            "/region",
            p::GroupTerms { name: "R".to_owned(), region: Some("XX-9".to_owned()), ..Default::default() },
        ),
        ("/capacity", p::GroupTerms { name: "R".to_owned(), capacity: Some(0), ..Default::default() }),
    ];
    for (pointer, terms) in wrong {
        let request = p::CreateGroupRequest { terms: Some(terms) };
        let refused = world.social().create_group(by(owner, request)).await.unwrap_err();
        let refused = platform::refusal(&refused);
        assert_eq!((refused.code, refused.fields[0].pointer.as_str()), (Code::InvalidField, pointer));
    }
    let all = world.social().list_groups(by(owner, p::ListGroupsRequest::default())).await.unwrap();
    assert!(all.into_inner().items.is_empty());
}
