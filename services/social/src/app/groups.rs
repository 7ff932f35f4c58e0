//! Groups: made, changed, found; and who is in them.

use eventing::{Command, Decision, Done, StreamId};
use kernel::{AccountId, Code, Refusal, Sport, place::Region, time::micros};
use privacy::GroupId;
use proto::social as p;

use super::{App, erase::With, fault, page, people::Card, sieve::Sieve};
use crate::{
    domain::{
        fold,
        group::{Event, Group, Role},
        pair::Ends,
        terms::Terms,
    },
    store::{
        Place,
        groups::{self, GroupRow},
        members::MemberRow,
    },
    wire::{bytes_of, group::wanted, id_of},
};

pub fn stream(id: GroupId) -> StreamId {
    StreamId::of("group", id)
}

impl App {
    pub async fn create_group(
        &self,
        command: &Command,
        owner: AccountId,
        terms: Option<p::GroupTerms>,
    ) -> Result<(Done, p::Group), Refusal> {
        let terms = Terms::parse(wanted(terms.unwrap_or_default()))?;
        let id: GroupId = command.new_id("group");
        let decide = |group: &Group, now_us| {
            let events = group.create(id, owner, terms.clone())?;
            Ok(decision(id, group, events, now_us).answer(201, vec![id.to_string()]))
        };
        let done = self.group_command(command, id, With::accounts(&[owner]), decide).await?;
        Ok((done, self.get_group(owner, id).await?))
    }

    pub async fn change_group(
        &self,
        command: &Command,
        by: AccountId,
        request: p::ChangeGroupRequest,
    ) -> Result<(Done, p::Group), Refusal> {
        let id: GroupId = id_of(&request.group_id).ok_or_else(Refusal::not_found)?;
        let decide = |group: &Group, now_us| {
            let before = group.terms.as_ref().ok_or_else(Refusal::not_found)?;
            let mut terms = before.wanted();
            if let Some(name) = &request.name {
                terms.name.clone_from(name);
            }
            if let Some(kind) = &request.kind {
                terms.kind.clone_from(kind);
            }
            if let Some(region) = &request.region {
                terms.region.clone_from(region);
            }
            if request.replace_sports || !request.sports.is_empty() {
                terms.sports.clone_from(&request.sports);
            }
            terms.capacity = request.capacity.or(terms.capacity);
            // Who may not change it learns that first, and of others' groups nothing.
            group.change(by, before.clone())?;
            let events = group.change(by, before.changed(terms)?)?;
            Ok(decision(id, group, events, now_us).answer(200, Vec::new()))
        };
        let done = self.group_command(command, id, With::default(), decide).await?;
        Ok((done, self.get_group(by, id).await?))
    }

    pub async fn get_group(&self, viewer: AccountId, id: GroupId) -> Result<p::Group, Refusal> {
        let (row, part) = self.visible_group(viewer, id).await?;
        Ok(group_view(row, part.as_ref()))
    }

    pub async fn list_groups(
        &self,
        viewer: AccountId,
        request: &p::ListGroupsRequest,
    ) -> Result<p::ListGroupsResponse, Refusal> {
        if !request.region.is_empty() && Region::parse(&request.region).is_none() {
            return Err(Refusal::field("/region", "unknown", "a region as in ISO 3166-2, KZ-75"));
        }
        if !request.sport.is_empty() && Sport::parse(&request.sport).is_none() {
            return Err(Refusal::field("/sport", "unknown", "no sport of the vocabulary"));
        }
        let words = fold::words(&request.q);
        let wanted = groups::Wanted {
            words: &words,
            region: &request.region,
            sport: &request.sport,
            mine: request.mine,
        };
        if words.is_empty() && !request.q.trim().is_empty() {
            return Ok(p::ListGroupsResponse::default());
        }
        let limit = page(request.limit, 50, 200);
        let after = Place::parse(&request.cursor, Place::NEWEST)?;
        let rows = self.store.groups(viewer, &wanted, after, limit).await.map_err(fault)?;
        let ids: Vec<GroupId> = rows.iter().map(|row| row.id).collect();
        let parts = self.store.parts_in(viewer, &ids).await.map_err(fault)?;
        let full = rows.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        let next_cursor = rows.last().filter(|_| full).map(|row| Place::at(row.created_us, row.id).cursor());
        Ok(p::ListGroupsResponse {
            items: rows
                .into_iter()
                .map(|row| {
                    let part = parts.get(&row.id);
                    group_view(row, part)
                })
                .collect(),
            next_cursor: next_cursor.unwrap_or_default(),
        })
    }

    /// Members of open groups are shown to everybody, those of others to members; who asked, was invited or banned, to
    /// the staff. Accounts that share a block with the viewer are left out, and those whose profile may not be seen by
    /// others than the staff.
    pub async fn list_members(
        &self,
        viewer: AccountId,
        request: &p::ListMembersRequest,
    ) -> Result<p::ListMembersResponse, Refusal> {
        let id: GroupId = id_of(&request.group_id).ok_or_else(Refusal::not_found)?;
        let (group, part) = self.visible_group(viewer, id).await?;
        let role = part.as_ref().and_then(|part| Role::parse(&part.role));
        let state = if request.state.is_empty() { "member" } else { request.state.as_str() };
        let allowed = match state {
            "member" => role.is_some() || group.kind == "open",
            "requested" | "invited" | "banned" => role >= Some(Role::Moderator),
            _ => {
                let detail = "one of member, requested, invited, banned";
                return Err(Refusal::field("/state", "unknown", detail));
            }
        };
        if !allowed {
            return Err(Refusal::new(Code::Forbidden, "only the group's own people see this list"));
        }
        let is_staff = role >= Some(Role::Moderator);
        let after = Place::parse(&request.cursor, Place::OLDEST)?;
        let mut sieve = Sieve::behind(after, page(request.limit, 50, 200));
        while let Some((after, count)) = sieve.next_look() {
            let rows = self.store.members(id, state, after, count).await.map_err(fault)?;
            let accounts: Vec<AccountId> = rows.iter().map(|row| row.account).collect();
            let mut cards = self.cards(viewer, &accounts).await?;
            for row in rows {
                let may_see = |card: &Card| card.known && (card.shown || is_staff || row.account == viewer);
                let card = cards.remove(&row.account).filter(may_see);
                let place = Place::at(row.since_us, row.account);
                sieve.put(place, card.map(|card| member_view(row, card.person)));
            }
        }
        let (items, next_cursor) = sieve.page();
        Ok(p::ListMembersResponse { items, next_cursor })
    }

    pub async fn put_member(
        &self,
        command: &Command,
        by: AccountId,
        id: GroupId,
        account: AccountId,
        role: &str,
    ) -> Result<(Done, p::Member), Refusal> {
        let role = match role {
            "" => None,
            text => Some(Role::parse(text).ok_or_else(|| {
                Refusal::field("/role", "unknown", "one of member, moderator, admin, owner")
            })?),
        };
        let ends = Ends::new(by, account).ok();
        if ends.is_some() {
            self.visible_group(by, id).await?;
            self.present(account).await?;
        }
        let decide = |group: &Group, now_us| {
            let events =
                if by == account { group.join(account, role)? } else { group.put(by, account, role)? };
            Ok(decision(id, group, events, now_us).answer(200, Vec::new()))
        };
        let with = With { accounts: &[by, account], unblocked: ends };
        let done = self.group_command(command, id, with, decide).await?;
        let mut cards = self.cards(by, &[account]).await?;
        let person = cards.remove(&account).map(|card| card.person);
        let part = self.store.member(id, account).await.map_err(fault)?;
        let none = MemberRow { account, state: "none".to_owned(), role: String::new(), since_us: 0 };
        Ok((done, member_view(part.unwrap_or(none), person.unwrap_or_default())))
    }

    pub async fn delete_member(
        &self,
        command: &Command,
        by: AccountId,
        id: GroupId,
        account: AccountId,
        ban: bool,
        successor: Option<AccountId>,
    ) -> Result<Done, Refusal> {
        let decide = |group: &Group, now_us| {
            let events = if by == account {
                group.leave(account, successor)?
            } else {
                group.remove(by, account, ban)?
            };
            Ok(decision(id, group, events, now_us).answer(204, Vec::new()))
        };
        self.group_command(command, id, With::accounts(successor.as_slice()), decide).await
    }

    /// Nothing of an erased account stays in the group.
    pub async fn erase_member(
        &self,
        command: &Command,
        id: GroupId,
        account: AccountId,
    ) -> Result<Done, Refusal> {
        let decide = |group: &Group, now_us| Ok(decision(id, group, group.erase(account), now_us));
        self.group_command(command, id, With::default(), decide).await
    }

    async fn group_command(
        &self,
        command: &Command,
        id: GroupId,
        with: With<'_>,
        decide: impl Fn(&Group, i64) -> Result<Decision<Event>, Refusal> + Send + Sync,
    ) -> Result<Done, Refusal> {
        let stream = stream(id);
        let _turn = self.turns.of_stream(&stream).await;
        let decide = |group: &Group, now| decide(group, micros(now));
        self.execute_among::<Group, _>(command, &stream, &id.to_string(), with, decide).await
    }

    async fn visible_group(
        &self,
        viewer: AccountId,
        id: GroupId,
    ) -> Result<(GroupRow, Option<MemberRow>), Refusal> {
        let row = self.store.group(id).await.map_err(fault)?.ok_or_else(Refusal::not_found)?;
        let part = self.store.member(id, viewer).await.map_err(fault)?;
        let within = part.as_ref().is_some_and(|part| matches!(part.state.as_str(), "member" | "invited"));
        if row.kind == "invite" && !within {
            return Err(Refusal::not_found());
        }
        Ok((row, part))
    }
}

fn decision(id: GroupId, before: &Group, events: Vec<Event>, now_us: i64) -> Decision<Event> {
    let mut after = before.clone();
    events.iter().for_each(|event| after.evolve(event));
    let mut accounts: Vec<AccountId> = events.iter().filter_map(Event::account).collect();
    accounts.sort_unstable();
    accounts.dedup();
    let changed = !events.is_empty();
    let mut decision = Decision::of(events);
    if let (true, Some(terms)) = (changed, &after.terms) {
        decision = decision.inline(groups::put_group(id, terms, after.members(), now_us));
    }
    for account in accounts {
        decision = decision.inline(groups::put_member(id, account, &after, now_us));
    }
    decision
}

fn group_view(row: GroupRow, part: Option<&MemberRow>) -> p::Group {
    p::Group {
        id: bytes_of(row.id),
        terms: Some(p::GroupTerms {
            name: row.name,
            kind: row.kind,
            region: row.region,
            sports: row.sports,
            capacity: row.capacity,
        }),
        members: row.members,
        my_state: part.map_or_else(|| "none".to_owned(), |part| part.state.clone()),
        my_role: part.map(|part| part.role.clone()).unwrap_or_default(),
        created_us: row.created_us,
    }
}

fn member_view(row: MemberRow, person: p::Person) -> p::Member {
    p::Member { person: Some(person), state: row.state, role: row.role, since_us: row.since_us }
}
