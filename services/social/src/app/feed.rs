//! The feed: what those whom the caller follows did, the newest first. Ids only: who shows an activity asks its service
//! what the caller may see of it. Follows and blocks are read at the head of the store; so are, for what no other
//! service is asked about, the settings of each author.

use std::collections::HashMap;

use kernel::{AccountId, Refusal};
use platform::Look;
use privacy::{BoardName, DataClass};
use proto::social as p;

use super::{App, fault, page, people::Card, sieve::Sieve};
use crate::{
    store::{
        Place,
        edges::Rels,
        posts::{Kind, Post},
    },
    wire::bytes_of,
};

const DAY_US: i64 = 24 * 3600 * 1_000_000;
/// How far back is looked at first, and then; whoever follows few finds a page in everything there is.
const LOOKS_US: [i64; 2] = [4 * DAY_US, 64 * DAY_US];

impl App {
    pub async fn feed(
        &self,
        viewer: AccountId,
        request: &p::FeedRequest,
    ) -> Result<p::FeedResponse, Refusal> {
        let place = Place::parse(&request.cursor, Place::NEWEST)?;
        let mut sieve = Sieve::behind(place, page(request.limit, 30, 100));
        while let Some((before, count)) = sieve.next_look() {
            let posts = self.posts_before(viewer, before, count).await?;
            let (looks, rels) = self.looks_at(viewer, &posts).await?;
            for post in posts {
                let place = Place { at_us: post.at_us, id: post.item };
                let look = looks.get(&post.author).filter(|look| shows(look, &post));
                sieve.put(place, look.map(|look| item(&post, &Card::of(post.author, look, &rels))));
            }
        }
        let (items, next_cursor) = sieve.page();
        Ok(p::FeedResponse { items, next_cursor })
    }

    /// A window of time that grows until it holds a page: the posts of many authors are never sorted as a whole.
    async fn posts_before(&self, viewer: AccountId, before: Place, limit: u32) -> Result<Vec<Post>, Refusal> {
        let newest = before.at_us.min(self.now_us().saturating_add(DAY_US));
        let wanted = usize::try_from(limit).unwrap_or(100);
        for look_us in LOOKS_US {
            let from_us = newest.saturating_sub(look_us);
            let posts = self.store.feed(viewer, before, from_us, limit).await.map_err(fault)?;
            if posts.len() >= wanted {
                return Ok(posts);
            }
        }
        self.store.feed(viewer, before, i64::MIN, limit).await.map_err(fault)
    }

    async fn looks_at(
        &self,
        viewer: AccountId,
        posts: &[Post],
    ) -> Result<(HashMap<AccountId, Look>, Rels), Refusal> {
        let authors: Vec<AccountId> = posts.iter().map(|post| post.author).collect();
        if authors.is_empty() {
            return Ok((HashMap::new(), Rels::new()));
        }
        self.looks(viewer, &authors, false).await
    }
}

/// Of an activity its own service decides; an achievement or a place is a summary. What was reached in a challenge is
/// told of those alone who have a name on its board.
fn shows(look: &Look, post: &Post) -> bool {
    if !look.is_present() || look.relation.blocked {
        return false;
    }
    match post.kind {
        Kind::Activity => true,
        _ if !look.mask(None).shows(DataClass::Summary) => false,
        Kind::Achievement | Kind::ChallengeResult => {
            !post.is_of_challenge() || look.board_name(BoardName::Shown).is_some()
        }
    }
}

fn item(post: &Post, card: &Card) -> p::FeedItem {
    let mut item = p::FeedItem {
        id: bytes::Bytes::copy_from_slice(post.item.as_bytes()),
        kind: post.kind.as_str().to_owned(),
        account_id: bytes_of(post.author),
        at_us: post.at_us,
        person: card.shown.then(|| card.person.clone()),
        ..p::FeedItem::default()
    };
    match post.kind {
        Kind::Activity => item.activity_id = post.subject_bytes(),
        Kind::Achievement => item.badge.clone_from(&post.badge),
        Kind::ChallengeResult => {
            item.challenge_id = post.subject_bytes();
            item.rank = post.place;
        }
    }
    item
}
