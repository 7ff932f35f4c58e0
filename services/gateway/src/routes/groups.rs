//! `/v1/groups`: clubs and other groups, and who is in them.

use axum::extract::State;
use kernel::Refusal;
use proto::social;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{accounts::IdParam, people::Person};
use crate::{
    answer::{self, Answer, List},
    caller::Account,
    json::{Json, MaybeJson},
    problem::Problem,
    query::{Named, Page, Params, PathId, limit},
    routes::{Doors, Shared},
    values::{AnId, Instant, SportWord, known, or_default},
};

pub(super) fn routes() -> Doors {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change))
        .routes(routes!(members))
        .routes(routes!(put_member, delete_member))
}

/// A group, and what I am in it.
#[derive(Debug, Serialize, ToSchema)]
struct Group {
    id: AnId,
    name: String,
    /// `open`: anybody joins; `approval`: one asks; `invite`: one is asked.
    #[schema(example = "open")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    #[schema(value_type = Vec<SportWord>)]
    sports: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity: Option<u32>,
    members: u32,
    /// `none member requested invited banned`
    #[schema(example = "member")]
    my_state: String,
    /// `owner admin moderator member`
    #[serde(skip_serializing_if = "Option::is_none")]
    my_role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Instant>,
}

impl Group {
    fn of(group: social::Group) -> Self {
        let terms = group.terms.unwrap_or_default();
        Self {
            id: AnId::must(&group.id),
            name: terms.name,
            kind: terms.kind,
            region: terms.region,
            sports: terms.sports,
            capacity: terms.capacity,
            members: group.members,
            my_state: group.my_state,
            my_role: known(group.my_role),
            created_at: Instant::known(group.created_us),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Words of the name.
    q: Option<String>,
    #[param(example = "KZ-75")]
    region: Option<String>,
    #[param(value_type = Option<SportWord>)]
    sport: Option<String>,
    /// Those that I am in.
    #[serde(default)]
    #[param(required = false)]
    mine: bool,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many at most, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    #[serde(default, deserialize_with = "limit")]
    limit: Option<u32>,
}

/// Groups that may be found, or mine.
#[utoipa::path(get, path = "/groups", tag = "social", params(Filter),
    responses((status = 200, body = List<Group>)))]
async fn list(State(door): Shared, caller: Account, Params(filter): Params<Filter>) -> Answer {
    let page = Page { cursor: filter.cursor, limit: filter.limit };
    let request = social::ListGroupsRequest {
        q: filter.q.unwrap_or_default(),
        region: filter.region.unwrap_or_default(),
        sport: filter.sport.unwrap_or_default(),
        mine: filter.mine,
        cursor: caller.cursor(&page)?,
        limit: page.limit.unwrap_or_default(),
    };
    let reply = caller.call(door.peers.social().list_groups(request)).await?;
    answer::ok(&List {
        next_cursor: caller.next_cursor(&reply.next_cursor),
        items: reply.items.into_iter().map(Group::of).collect(),
    })
}

/// A group to be.
#[derive(Debug, Deserialize, ToSchema)]
struct NewGroup {
    #[schema(min_length = 1, max_length = 80, example = "Almaty runners")]
    name: String,
    /// `open` (unless said), `approval` or `invite`.
    #[schema(example = "open")]
    kind: Option<String>,
    #[schema(example = "KZ-75")]
    region: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    #[schema(value_type = Vec<SportWord>)]
    sports: Vec<String>,
    /// Members at most.
    capacity: Option<u32>,
}

/// Founds a group; its owner is who founds it.
#[utoipa::path(post, path = "/groups", tag = "social", request_body = NewGroup,
    responses((status = 201, body = Group)))]
async fn create(State(door): Shared, caller: Account, Json(body): Json<NewGroup>) -> Answer {
    let terms = social::GroupTerms {
        name: body.name,
        kind: body.kind.unwrap_or_else(|| "open".to_owned()),
        region: body.region,
        sports: body.sports,
        capacity: body.capacity,
    };
    let request = social::CreateGroupRequest { terms: Some(terms) };
    let group = Group::of(caller.call(door.peers.social().create_group(request)).await?);
    answer::created(&format!("/v1/groups/{}", group.id), &group)
}

/// One group.
#[utoipa::path(get, path = "/groups/{id}", tag = "social", params(IdParam), responses((status = 200, body = Group)))]
async fn show(State(door): Shared, caller: Account, id: PathId) -> Answer {
    let request = social::GetGroupRequest { group_id: id.bytes() };
    answer::ok(&Group::of(caller.call(door.peers.social().get_group(request)).await?))
}

/// What is left out stays as it is; an empty `region` clears it.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = GroupChanges)]
struct Changes {
    name: Option<String>,
    kind: Option<String>,
    region: Option<String>,
    #[schema(value_type = Option<Vec<SportWord>>)]
    sports: Option<Vec<String>>,
    capacity: Option<u32>,
}

/// Changes a group, for its owner and admins.
#[utoipa::path(patch, path = "/groups/{id}", tag = "social", params(IdParam), request_body = Changes,
    responses((status = 200, body = Group)))]
async fn change(State(door): Shared, caller: Account, id: PathId, Json(body): Json<Changes>) -> Answer {
    let request = social::ChangeGroupRequest {
        group_id: id.bytes(),
        name: body.name,
        kind: body.kind,
        region: body.region,
        replace_sports: body.sports.is_some(),
        sports: body.sports.unwrap_or_default(),
        capacity: body.capacity,
    };
    answer::ok(&Group::of(caller.call(door.peers.social().change_group(request)).await?))
}

/// Somebody in a group, or on the way in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GroupMember)]
struct Member {
    #[serde(flatten)]
    person: Person,
    /// `member requested invited banned`
    #[schema(example = "member")]
    state: String,
    /// `owner admin moderator member`
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Instant>,
}

impl Member {
    fn of(member: social::Member) -> Self {
        Self {
            person: Person::of(member.person.unwrap_or_default()),
            state: member.state,
            role: known(member.role),
            since: Instant::known(member.since_us),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct InState {
    /// `member` (unless said); `requested`, `invited` and `banned` are for the group's staff.
    #[param(example = "member")]
    state: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many at most, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    #[serde(default, deserialize_with = "limit")]
    limit: Option<u32>,
}

/// Who is in a group.
#[utoipa::path(get, path = "/groups/{id}/members", tag = "social", params(IdParam, InState),
    responses((status = 200, body = List<Member>)))]
async fn members(
    State(door): Shared,
    caller: Account,
    id: PathId,
    Params(filter): Params<InState>,
) -> Answer {
    let page = Page { cursor: filter.cursor, limit: filter.limit };
    let request = social::ListMembersRequest {
        group_id: id.bytes(),
        state: filter.state.unwrap_or_default(),
        cursor: caller.cursor(&page)?,
        limit: page.limit.unwrap_or_default(),
    };
    let reply = caller.call(door.peers.social().list_members(request)).await?;
    answer::ok(&List {
        next_cursor: caller.next_cursor(&reply.next_cursor),
        items: reply.items.into_iter().map(Member::of).collect(),
    })
}

/// `…/members/{account_id}` or `…/members/me`.
struct Seat {
    group: AnId,
    /// None: the caller.
    member: Option<AnId>,
}

impl Seat {
    fn of((group, who): (Uuid, String)) -> Result<Self, Problem> {
        let member = match who.as_str() {
            "me" => None,
            id => Some(AnId(Uuid::try_parse(id).map_err(|_| Refusal::not_found())?)),
        };
        Ok(Self { group: AnId(group), member })
    }

    fn account_id(&self) -> bytes::Bytes {
        self.member.map(AnId::bytes).unwrap_or_default()
    }
}

/// What somebody is to be in the group.
#[derive(Debug, Default, Deserialize, ToSchema)]
struct Membership {
    /// `admin`, `moderator` or `member`; left out: as it is.
    #[schema(example = "member")]
    role: Option<String>,
}

/// Joins, asks or accepts (`me`); invites, approves or gives a role (another).
#[utoipa::path(put, path = "/groups/{id}/members/{account_id}", tag = "social", request_body = Membership,
    params(IdParam, ("account_id" = String, Path, description = "an account's id, or `me`", example = "me")),
    responses((status = 200, body = Member)))]
async fn put_member(
    State(door): Shared,
    caller: Account,
    Named(named): Named<(Uuid, String)>,
    MaybeJson(body): MaybeJson<Membership>,
) -> Answer {
    let seat = Seat::of(named)?;
    let request = social::PutMemberRequest {
        group_id: seat.group.bytes(),
        account_id: seat.account_id(),
        role: body.role.unwrap_or_default(),
    };
    answer::ok(&Member::of(caller.call(door.peers.social().put_member(request)).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Leave {
    /// Keeps them out from now on.
    #[serde(default)]
    #[param(required = false)]
    ban: bool,
    /// Who is to own the group when its owner leaves.
    successor: Option<AnId>,
}

/// Leaves, withdraws or declines (`me`); removes or bans (another).
#[utoipa::path(delete, path = "/groups/{id}/members/{account_id}", tag = "social",
    params(IdParam, ("account_id" = String, Path, description = "an account's id, or `me`", example = "me"), Leave),
    responses((status = 204)))]
async fn delete_member(
    State(door): Shared,
    caller: Account,
    Named(named): Named<(Uuid, String)>,
    Params(leave): Params<Leave>,
) -> Answer {
    let seat = Seat::of(named)?;
    let request = social::DeleteMemberRequest {
        group_id: seat.group.bytes(),
        account_id: seat.account_id(),
        ban: leave.ban,
        successor_id: leave.successor.map(AnId::bytes).unwrap_or_default(),
    };
    caller.call(door.peers.social().delete_member(request)).await?;
    answer::no_content()
}
