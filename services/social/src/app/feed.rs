//! The feed: what those whom the caller follows did, the newest first. Ids only: who shows an activity asks its service
//! what the caller may see of it. Follows and blocks are read at the head of the store; so are, for what no other
//! service is asked about, the settings of each author.

use std::collections::HashMap;

use kernel::{AccountId, Refusal};
use platform::Look;
use privacy::{BoardName, DataClass};
use proto::social as p;

use super::{App, fault, page, sieve::Sieve};
use crate::{
    store::{
        Place,
        posts::{Kind, Post},
    },
    wire::bytes_of,
};

const DAY_US: i64 = 24 * 3600 * 1_000_000;
/// How far back is looked at first; each further look goes back eight times as far.
const FIRST_LOOK_US: i64 = 2 * DAY_US;
const LOOKS_MAX: u32 = 6;

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
            let looks = self.looks_at(viewer, &posts).await?;
            for post in posts {
                let place = Place { at_us: post.at_us, id: post.item };
                let shown = looks.get(&post.author).is_some_and(|look| shows(look, &post));
                sieve.put(place, shown.then(|| item(&post)));
            }
        }
        let (items, next_cursor) = sieve.page();
        Ok(p::FeedResponse { items, next_cursor })
    }

    /// A window of time that grows until it holds a page: the posts of many authors are never sorted as a whole.
    async fn posts_before(&self, viewer: AccountId, before: Place, limit: u32) -> Result<Vec<Post>, Refusal> {
        let newest = before.at_us.min(self.now_us().saturating_add(DAY_US));
        let wanted = usize::try_from(limit).unwrap_or(100);
        for look in 0..LOOKS_MAX {
            let from_us = newest.saturating_sub(FIRST_LOOK_US.saturating_mul(8_i64.saturating_pow(look)));
            let posts = self.store.feed(viewer, before, from_us, limit).await.map_err(fault)?;
            if posts.len() >= wanted {
                return Ok(posts);
            }
        }
        self.store.feed(viewer, before, i64::MIN, limit).await.map_err(fault)
    }

    async fn looks_at(&self, viewer: AccountId, posts: &[Post]) -> Result<HashMap<AccountId, Look>, Refusal> {
        let authors: Vec<AccountId> = posts.iter().map(|post| post.author).collect();
        if authors.is_empty() {
            return Ok(HashMap::new());
        }
        Ok(self.looks(viewer, &authors, false).await?.0)
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

fn item(post: &Post) -> p::FeedItem {
    let mut item = p::FeedItem {
        id: bytes::Bytes::copy_from_slice(post.item.as_bytes()),
        kind: post.kind.as_str().to_owned(),
        account_id: bytes_of(post.author),
        at_us: post.at_us,
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
