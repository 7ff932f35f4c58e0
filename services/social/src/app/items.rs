//! Kudos and comments under an activity that its service has shown to the caller.

use eventing::{Command, Decision, Done, StreamId};
use kernel::{AccountId, ActivityId, Code, Refusal, time::micros};
use proto::social as p;

use super::{App, erase::With, fault, page, people::Card, sieve::Sieve};
use crate::{
    domain::{
        item::{Comment, CommentId, Event, Item},
        pair::Ends,
        words,
    },
    store::{Place, items},
    wire::{bytes_of, id_of},
};

const KUDOS_AN_HOUR: u64 = 300;
const HOUR_US: i64 = 3600 * 1_000_000;

pub fn stream(activity: ActivityId) -> StreamId {
    StreamId::of("item", activity)
}

/// An activity, as its service told whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Under {
    pub activity: ActivityId,
    pub owner: AccountId,
}

impl App {
    pub async fn put_kudos(
        &self,
        command: &Command,
        account: AccountId,
        under: Under,
    ) -> Result<(Done, p::KudosView), Refusal> {
        let _turn = self.turns.of_account(account).await;
        let given = self.store.kudos_since(account, self.now_us() - HOUR_US).await.map_err(fault)?;
        let decide = |item: &Item| {
            let events = item.give_kudos(under.activity, under.owner, account)?;
            if !events.is_empty() && given >= KUDOS_AN_HOUR {
                let detail = format!("at most {KUDOS_AN_HOUR} kudos an hour");
                return Err(Refusal::new(Code::RateLimited, detail).retry_after_s(600));
            }
            Ok(events)
        };
        let (both, unblocked) = between(account, under.owner);
        let with = With { accounts: &both, unblocked };
        let done = self.item_command(command, under.activity, with, decide).await?;
        Ok((done, self.kudos(under.activity, account).await?))
    }

    pub async fn delete_kudos(
        &self,
        command: &Command,
        account: AccountId,
        activity: ActivityId,
    ) -> Result<(Done, p::KudosView), Refusal> {
        let decide = |item: &Item| Ok(item.take_kudos(activity, account));
        let done = self.item_command(command, activity, With::default(), decide).await?;
        Ok((done, self.kudos(activity, account).await?))
    }

    pub async fn write_comment(
        &self,
        command: &Command,
        author: AccountId,
        under: Under,
        text: &str,
    ) -> Result<(Done, p::Comment), Refusal> {
        let text = words::comment("/text", text)?;
        let id: CommentId = command.new_id("comment");
        let Under { activity, owner } = under;
        let decide =
            |item: &Item| Ok(item.write(Comment { id, activity, owner, author, text: Some(text.clone()) }));
        let (both, unblocked) = between(author, owner);
        let with = With { accounts: &both, unblocked };
        let done = self.item_command(command, activity, with, decide).await?;
        let row = self.store.comment(id).await.map_err(fault)?.ok_or_else(Refusal::not_found)?;
        let mut cards = self.cards(author, &[author]).await?;
        Ok((done, comment_view(row, cards.remove(&author))))
    }

    /// Authors who share a block with the viewer, or are gone, are left out; those whose profile may not be seen stay
    /// without a name and an id.
    pub async fn list_comments(
        &self,
        viewer: AccountId,
        request: &p::ListCommentsRequest,
    ) -> Result<p::ListCommentsResponse, Refusal> {
        let activity: ActivityId = id_of(&request.activity_id).ok_or_else(Refusal::not_found)?;
        let after = Place::parse(&request.cursor, Place::OLDEST)?;
        let mut sieve = Sieve::behind(after, page(request.limit, 50, 200));
        while let Some((after, count)) = sieve.next_look() {
            let rows = self.store.comments(activity, after, count).await.map_err(fault)?;
            let authors: Vec<AccountId> = rows.iter().map(|row| row.author).collect();
            let cards = self.cards(viewer, &authors).await?;
            for row in rows {
                let card = cards.get(&row.author).filter(|card| card.known).cloned();
                sieve.put(Place::at(row.at_us, row.id), card.map(|card| comment_view(row, Some(card))));
            }
        }
        let (items, next_cursor) = sieve.page();
        Ok(p::ListCommentsResponse { items, next_cursor })
    }

    pub async fn delete_comment(
        &self,
        command: &Command,
        by: AccountId,
        activity: ActivityId,
        comment: CommentId,
    ) -> Result<Done, Refusal> {
        let decide = |item: &Item| item.delete(activity, comment, by);
        self.item_command(command, activity, With::default(), decide).await
    }

    /// Everything that an erased account left under an activity.
    pub async fn erase_item(
        &self,
        command: &Command,
        activity: ActivityId,
        account: AccountId,
    ) -> Result<Done, Refusal> {
        let decide = |item: &Item| Ok(item.erase(activity, account));
        self.item_command(command, activity, With::default(), decide).await
    }

    async fn item_command(
        &self,
        command: &Command,
        activity: ActivityId,
        with: With<'_>,
        decide: impl Fn(&Item) -> Result<Vec<Event>, Refusal> + Send + Sync,
    ) -> Result<Done, Refusal> {
        let stream = stream(activity);
        let _turn = self.turns.of_stream(&stream).await;
        let decide = |item: &Item, now: jiff::Timestamp| {
            let events = decide(item)?;
            let rows = events.iter().map(|event| items::statement(event, micros(now))).collect();
            let mut decision = Decision::of(events).answer(200, Vec::new());
            decision.inline = rows;
            Ok(decision)
        };
        self.execute_among::<Item, _>(command, &stream, &activity.to_string(), with, decide).await
    }

    async fn kudos(&self, activity: ActivityId, account: AccountId) -> Result<p::KudosView, Refusal> {
        let (count, mine) = self.store.kudos(activity, account).await.map_err(fault)?;
        Ok(p::KudosView { count, mine })
    }
}

/// Who acts under an activity, and whose it is; and the two where they are two.
fn between(actor: AccountId, owner: AccountId) -> ([AccountId; 2], Option<Ends>) {
    ([actor, owner], Ends::new(actor, owner).ok())
}

fn comment_view(row: items::CommentRow, author: Option<Card>) -> p::Comment {
    let author = author.filter(|card| card.shown).map(|card| card.person);
    p::Comment {
        id: bytes_of(row.id),
        author: Some(author.unwrap_or_default()),
        text: row.text,
        at_us: row.at_us,
    }
}
