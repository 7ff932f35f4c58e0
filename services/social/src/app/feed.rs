//! The feed: what those whom the caller follows did, the newest first. Ids only: who shows an activity asks its service
//! what the caller may see of it. Follows and blocks are read at the head of the store; so are, for what no other
//! service is asked about, the settings of each author.

use std::collections::HashMap;

use kernel::{AccountId, Refusal};
use platform::Look;
use privacy::DataClass;
use proto::social as p;

use super::{App, fault, page};
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
/// How often a short page is filled up.
const REFILLS_MAX: usize = 5;

impl App {
    pub async fn feed(
        &self,
        viewer: AccountId,
        request: &p::FeedRequest,
    ) -> Result<p::FeedResponse, Refusal> {
        let limit = page(request.limit, 30, 100);
        let wanted = usize::try_from(limit).unwrap_or(100);
        let mut place = Place::parse(&request.cursor, Place::NEWEST)?;
        let mut answer = p::FeedResponse::default();
        for _ in 0..REFILLS_MAX {
            let posts = self.posts_before(viewer, place, limit).await?;
            let full = posts.len() >= wanted;
            let looks = self.looks_at(viewer, &posts).await?;
            for post in posts {
                if answer.items.len() == wanted {
                    answer.next_cursor = place.cursor();
                    return Ok(answer);
                }
                place = Place { at_us: post.at_us, id: post.item };
                if shows(looks.get(&post.author), post.kind) {
                    answer.items.push(item(&post));
                }
            }
            if !full {
                return Ok(answer);
            }
        }
        answer.next_cursor = place.cursor();
        Ok(answer)
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

/// Of an activity its own service decides; an achievement or a place is a summary.
fn shows(look: Option<&Look>, kind: Kind) -> bool {
    look.is_some_and(|look| {
        look.is_present()
            && !look.relation.blocked
            && (kind == Kind::Activity || look.mask(None).shows(DataClass::Summary))
    })
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
