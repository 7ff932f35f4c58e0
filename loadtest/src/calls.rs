//! What athletes' apps ask.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::Method;
use serde::{Deserialize, Serialize};

/// A kind of call, as scenarios name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Call {
    Me,
    Progress,
    Activities,
    Feed,
    Search,
    Profile,
    Friends,
    BoardTop,
    BoardAround,
    Challenges,
    Offers,
    Achievements,
    RecordActivity,
    Sync,
    Follow,
    Kudos,
}

impl Call {
    pub(crate) fn name(self) -> &'static str {
        self.words().0
    }

    /// Method and route.
    pub(crate) fn what(self) -> &'static str {
        self.words().1
    }

    #[cfg(test)]
    pub(crate) fn writes(self) -> bool {
        !self.what().starts_with("GET")
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Me => ("me", "GET /v1/me"),
            Self::Progress => ("progress", "GET /v1/me/progress"),
            Self::Activities => ("activities", "GET /v1/activities"),
            Self::Feed => ("feed", "GET /v1/feed"),
            Self::Search => ("search", "GET /v1/people?q="),
            Self::Profile => ("profile", "GET /v1/people/{id}"),
            Self::Friends => ("friends", "GET /v1/me/friends"),
            Self::BoardTop => ("board_top", "GET /v1/boards/{id}/top"),
            Self::BoardAround => ("board_around", "GET /v1/boards/{id}/around"),
            Self::Challenges => ("challenges", "GET /v1/challenges"),
            Self::Offers => ("offers", "GET /v1/me/offers"),
            Self::Achievements => ("achievements", "GET /v1/me/achievements"),
            Self::RecordActivity => ("record_activity", "POST /v1/activities"),
            Self::Sync => ("sync", "POST /v1/sync"),
            Self::Follow => ("follow", "PUT /v1/me/follows/{id}"),
            Self::Kudos => ("kudos", "PUT /v1/activities/{id}/kudos"),
        }
    }
}

/// One call, ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) call: Call,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) token: Arc<str>,
    pub(crate) body: Option<Bytes>,
    /// Who asks: an index among the people.
    pub(crate) who: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_named_as_scenarios_write_it() {
        for call in [Call::Me, Call::BoardAround, Call::RecordActivity, Call::Kudos] {
            assert_eq!(serde_json::to_value(call).unwrap(), call.name());
        }
        assert!(Call::Follow.writes() && !Call::Feed.writes());
    }
}
