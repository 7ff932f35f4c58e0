//! Friend, follow, approve, block: one path from a wish to an event and its rows.

use std::{collections::HashSet, sync::Arc};

use eventing::{Command, Decision, Done, StreamId};
use kernel::{AccountId, Code, Refusal, time::micros};
use platform::Person;
use proto::social as p;

use super::{App, erase::With, fault};
use crate::{
    domain::{
        edges::{self, Rel},
        pair::{Ends, Event, Pair, Wish},
    },
    store::edges as rows,
    wire::bytes_of,
};

const DAY_US: i64 = 24 * 3600 * 1_000_000;
pub const INVITATIONS_A_DAY: u64 = 50;
pub const INVITATIONS_OPEN: u64 = 200;
pub const FOLLOWS: u64 = 7_500;

pub fn stream(ends: Ends) -> StreamId {
    StreamId::named(&format!("pair-{}", key(ends)))
}

/// Of the pair's records: the two ids.
pub(crate) fn key(ends: Ends) -> String {
    format!("{}-{}", ends.lo(), ends.hi())
}

/// What one account may still begin.
#[derive(Clone, Copy, Default)]
struct Room {
    invited_today: u64,
    invited_open: u64,
    follows: u64,
}

impl Room {
    fn admits(self, event: &Event) -> Result<(), Refusal> {
        match event {
            Event::Invited { .. } if self.invited_today >= INVITATIONS_A_DAY => {
                let detail = format!("at most {INVITATIONS_A_DAY} invitations within 24 hours");
                Err(Refusal::new(Code::RateLimited, detail).retry_after_s(3600))
            }
            Event::Invited { .. } if self.invited_open >= INVITATIONS_OPEN => {
                let detail = format!("at most {INVITATIONS_OPEN} invitations may wait for an answer");
                Err(Refusal::new(Code::Conflict, detail))
            }
            _ => Ok(()),
        }
    }

    /// Approvals and friendships are the other's decision: only one's own beginnings count.
    fn admits_follow(self, by: AccountId, event: &Event) -> Result<(), Refusal> {
        let (Event::FollowBegan { follower, .. } | Event::FollowRequested { follower, .. }) = event else {
            return Ok(());
        };
        if *follower == by && self.follows >= FOLLOWS {
            return Err(Refusal::new(Code::Conflict, format!("at most {FOLLOWS} accounts can be followed")));
        }
        Ok(())
    }
}

impl App {
    pub async fn put_friend(
        &self,
        command: &Command,
        ends: Ends,
        only_if_received: bool,
    ) -> Result<(Done, p::EdgeView), Refusal> {
        self.present(ends.other).await?;
        let _turn = self.turns.of_account(ends.actor).await;
        let from_us = self.now_us() - DAY_US;
        let room = Room {
            invited_today: self.store.invitations_since(ends.actor, from_us).await.map_err(fault)?,
            invited_open: self.store.count_of(ends.actor, Rel::Invited).await.map_err(fault)?,
            ..Room::default()
        };
        let done = self.wish(command, ends, Wish::Befriend { only_if_received }, room).await?;
        Ok((done, self.friend_view(ends).await?))
    }

    pub async fn delete_friend(&self, command: &Command, ends: Ends) -> Result<Done, Refusal> {
        self.wish(command, ends, Wish::Unfriend, Room::default()).await
    }

    pub async fn put_follow(&self, command: &Command, ends: Ends) -> Result<(Done, p::EdgeView), Refusal> {
        let other = self.present(ends.other).await?;
        let approval = other.standing.minor || other.settings.follow_approval;
        let _turn = self.turns.of_account(ends.actor).await;
        let following = self.store.count_of(ends.actor, Rel::Following).await.map_err(fault)?;
        let requested = self.store.count_of(ends.actor, Rel::Requested).await.map_err(fault)?;
        let room = Room { follows: following + requested, ..Room::default() };
        let done = self.wish(command, ends, Wish::Follow { approval }, room).await?;
        let view = self.view(ends, &[(Rel::Following, "following"), (Rel::Requested, "requested")]).await?;
        Ok((done, view))
    }

    pub async fn delete_follow(&self, command: &Command, ends: Ends) -> Result<Done, Refusal> {
        self.wish(command, ends, Wish::Unfollow, Room::default()).await
    }

    pub async fn put_follower(&self, command: &Command, ends: Ends) -> Result<(Done, p::EdgeView), Refusal> {
        self.present(ends.other).await?;
        let done = self.wish(command, ends, Wish::Approve, Room::default()).await?;
        let view = self.view(ends, &[(Rel::Follower, "following"), (Rel::Requester, "requested")]).await?;
        Ok((done, view))
    }

    pub async fn delete_follower(&self, command: &Command, ends: Ends) -> Result<Done, Refusal> {
        self.wish(command, ends, Wish::RemoveFollower, Room::default()).await
    }

    pub async fn put_block(&self, command: &Command, ends: Ends) -> Result<(Done, p::EdgeView), Refusal> {
        match self.present(ends.other).await {
            Ok(_) => {}
            // Nobody waits for another service to be safe from somebody.
            Err(refusal) if refusal.code == Code::Unavailable => {}
            Err(refusal) => return Err(refusal),
        }
        let done = self.wish(command, ends, Wish::Block, Room::default()).await?;
        let view = self.view(ends, &[(Rel::Blocks, "blocked")]).await?;
        Ok((done, view))
    }

    pub async fn delete_block(&self, command: &Command, ends: Ends) -> Result<Done, Refusal> {
        self.wish(command, ends, Wish::Unblock, Room::default()).await
    }

    /// Ends everything between an erased account and another.
    pub async fn erase_pair(&self, command: &Command, ends: Ends) -> Result<Done, Refusal> {
        self.wish(command, ends, Wish::Erase, Room::default()).await
    }

    async fn wish(&self, command: &Command, ends: Ends, wish: Wish, room: Room) -> Result<Done, Refusal> {
        let stream = stream(ends);
        let _turn = self.turns.of_stream(&stream).await;
        let decide = |pair: &Pair, now: jiff::Timestamp| {
            let now_us = micros(now);
            let event = pair.decide(ends, wish, now_us)?;
            if let Some(event) = &event {
                room.admits(event)?;
                room.admits_follow(ends.actor, event)?;
            }
            Ok(decision(pair, ends, event, now_us))
        };
        // Whatever ends something may be said of anybody.
        let begins =
            matches!(wish, Wish::Befriend { .. } | Wish::Follow { .. } | Wish::Approve | Wish::Block);
        let both = [ends.actor, ends.other];
        let among = if begins { &both[..] } else { &[] };
        let with = With::accounts(among);
        self.execute_among::<Pair, _>(command, &stream, &key(ends), with, decide).await
    }

    /// The account, unless it is unknown or erased.
    pub(crate) async fn present(&self, account: AccountId) -> Result<Arc<Person>, Refusal> {
        let person = self.sight.standings(&[account]).await?.remove(&account);
        person.filter(|person| person.is_present()).ok_or_else(Refusal::not_found)
    }

    async fn friend_view(&self, ends: Ends) -> Result<p::EdgeView, Refusal> {
        self.view(ends, &[(Rel::Friend, "friend"), (Rel::Invited, "invited"), (Rel::Received, "received")])
            .await
    }

    /// The first of these that the other is to the actor.
    async fn view(&self, ends: Ends, wanted: &[(Rel, &str)]) -> Result<p::EdgeView, Refusal> {
        let held = self.store.rels(ends.actor, &[ends.other]).await.map_err(fault)?;
        let held = held.get(&ends.other).cloned().unwrap_or_else(HashSet::new);
        let mut view = p::EdgeView {
            account_id: bytes_of(ends.other),
            state: "none".to_owned(),
            ..p::EdgeView::default()
        };
        if let Some((rel, word)) = wanted.iter().find(|(rel, _)| held.contains(rel)) {
            view.state = (*word).to_owned();
            let since = self.store.since_us(ends.actor, ends.other, *rel).await.map_err(fault)?;
            view.since_us = since.unwrap_or_default();
        }
        Ok(view)
    }
}

fn decision(pair: &Pair, ends: Ends, event: Option<Event>, now_us: i64) -> Decision<Event> {
    let mut after = pair.clone();
    event.iter().for_each(|event| after.evolve(event));
    let mut decision = Decision::of(event.clone().into_iter().collect()).answer(200, Vec::new());
    for change in edges::changes(pair, &after, ends) {
        decision = decision.inline(rows::statement(&change, now_us));
    }
    if let Some(Event::Invited { from, to }) = event {
        for statement in rows::invitation_sent(from, to, now_us, now_us - DAY_US) {
            decision = decision.inline(statement);
        }
    }
    decision
}
