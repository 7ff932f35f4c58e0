//! What operators see of social.

use platform::metrics::Metrics;
use prometheus_client::metrics::counter::Counter;

/// Counted once an event is projected.
#[derive(Clone)]
pub struct Told {
    invited: Counter,
    befriended: Counter,
    followed: Counter,
    blocked: Counter,
    joined: Counter,
    kudos: Counter,
    comments: Counter,
    erased: Counter,
}

impl Told {
    pub fn register(metrics: &Metrics) -> Self {
        Self {
            invited: metrics.counter("friends_invited", "invitations to be friends"),
            befriended: metrics.counter("friendships_begun", "friendships begun"),
            followed: metrics.counter("follows_begun", "follows begun"),
            blocked: metrics.counter("blocks", "accounts blocked"),
            joined: metrics.counter("group_members_joined", "members that joined a group"),
            kudos: metrics.counter("kudos_given", "kudos given"),
            comments: metrics.counter("comments_written", "comments written"),
            erased: metrics.counter("subjects_erased", "accounts of which nothing is kept any more"),
        }
    }

    /// By the event's name in the contract, without its package.
    pub fn event(&self, name: &str) {
        let counter = match name {
            "FriendInvited" => &self.invited,
            "FriendshipBegan" => &self.befriended,
            "FollowBegan" => &self.followed,
            "Blocked" => &self.blocked,
            "MemberJoined" => &self.joined,
            "KudosGiven" => &self.kudos,
            "CommentWritten" => &self.comments,
            "SubjectErased" => &self.erased,
            _ => return,
        };
        counter.inc();
    }
}
