//! `/v1/activities/{id}/comments`: what others say of it.

use axum::extract::State;
use proto::social;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{IdParam, kudos::owner};
use crate::{
    answer::{self, Answer, List},
    caller::Account,
    json::Json,
    query::{Named, Page, Params, PathId},
    routes::{Doors, Shared, people::Person},
    values::{AnId, Instant},
};

/// Room for the longest text of any script, written in escapes.
const COMMENT_BYTES_MAX: usize = 32 * 1024;

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(list, write)).routes(routes!(delete))
}

/// Something that somebody said.
#[derive(Debug, Serialize, ToSchema)]
struct Comment {
    id: AnId,
    /// Who said it, as a profile; empty of somebody whose profile I may not see.
    #[schema(value_type = Object)]
    account: Author,
    text: String,
    at: Instant,
}

/// Who said it: nothing at all of somebody whose profile I may not see.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Author {
    Seen(Person),
    Hidden {},
}

impl Author {
    fn of(author: Option<social::Person>) -> Self {
        match author.filter(|author| !author.account_id.is_empty()) {
            Some(author) => Self::Seen(Person::of(author)),
            None => Self::Hidden {},
        }
    }
}

impl Comment {
    fn of(comment: social::Comment) -> Self {
        Self {
            id: AnId::must(&comment.id),
            account: Author::of(comment.author),
            text: comment.text,
            at: Instant(comment.at_us),
        }
    }
}

/// What is said of an activity, oldest first.
#[utoipa::path(get, path = "/activities/{id}/comments", tag = "social", params(IdParam, Page),
    responses((status = 200, body = List<Comment>)))]
async fn list(State(door): Shared, caller: Account, id: PathId, Params(page): Params<Page>) -> Answer {
    let cursor = caller.cursor(&page)?;
    owner(&caller, &id).await?;
    let request = social::ListCommentsRequest {
        activity_id: id.bytes(),
        cursor,
        limit: page.limit.unwrap_or_default(),
    };
    let reply = caller.call(door.peers.social().list_comments(request)).await?;
    answer::ok(&List {
        next_cursor: caller.next_cursor(&reply.next_cursor),
        items: reply.items.into_iter().map(Comment::of).collect(),
    })
}

#[derive(Debug, Deserialize, ToSchema)]
struct NewComment {
    #[schema(min_length = 1, max_length = 2000, example = "What a climb!")]
    text: String,
}

/// Says something of an activity that I see.
#[utoipa::path(post, path = "/activities/{id}/comments", tag = "social", params(IdParam), request_body = NewComment,
    responses((status = 201, body = Comment)))]
async fn write(
    State(door): Shared,
    caller: Account,
    id: PathId,
    Json(body): Json<NewComment, COMMENT_BYTES_MAX>,
) -> Answer {
    let request = social::WriteCommentRequest {
        activity_id: id.bytes(),
        owner_id: owner(&caller, &id).await?,
        text: body.text,
    };
    let comment = Comment::of(caller.call(door.peers.social().write_comment(request)).await?);
    answer::created(&format!("/v1/activities/{}/comments/{}", id.0, comment.id), &comment)
}

/// Takes a comment away: its author, or whose activity it is.
#[utoipa::path(delete, path = "/activities/{id}/comments/{comment_id}", tag = "social",
    params(IdParam, ("comment_id" = AnId, Path)), responses((status = 204)))]
async fn delete(State(door): Shared, caller: Account, Named((id, comment)): Named<(Uuid, Uuid)>) -> Answer {
    // The activity is not asked for: who may no longer see it may still take their own words back.
    let request =
        social::DeleteCommentRequest { activity_id: AnId(id).bytes(), comment_id: AnId(comment).bytes() };
    caller.call(door.peers.social().delete_comment(request)).await?;
    answer::no_content()
}
