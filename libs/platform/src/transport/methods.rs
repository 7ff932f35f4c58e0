//! What may be sent again. A read changes nothing and answers the same from any replica; a command goes out once,
//! unless it is certain that it never left.

/// What is known of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Changes nothing.
    Read,
    /// One message that may change something.
    Command,
    /// The request is a stream: it cannot be kept to be sent again.
    Streamed,
}

/// Every method that changes nothing, by its service's full name. Tests hold this against the contract.
const READS: &[(&str, &[&str])] = &[
    ("grpc.health.v1.Health", &["Check"]),
    ("stadion.journal.v1.Journal", &["ReadAll", "LoadStream"]),
    ("stadion.journal.v1.State", &["ReadAll"]),
    (
        "stadion.activity.v1.Activities",
        &[
            "GetUpload",
            "ListUploads",
            "ListActivities",
            "GetActivity",
            "History",
            "Streams",
            "Explanation",
            "Original",
            "ShowActivities",
            "ExplainVisibility",
            "Settled",
            "Statistics",
            "Records",
            "GetImport",
            "Export",
            "Duplicates",
            "Verdict",
            "ListVerdicts",
            "WatchLiveSession",
            "GetResumable",
            "ListDays",
            "GetDay",
        ],
    ),
    (
        "stadion.auth.v1.Auth",
        &[
            "ListSessions",
            "Jwks",
            "GetMe",
            "GetPrivacy",
            "ListConsents",
            "FindAccount",
            "ListPartners",
            "Standing",
            "Keys",
        ],
    ),
    (
        "stadion.gamification.v1.Gamification",
        &[
            "GetProgress",
            "ListAchievements",
            "ExplainAchievement",
            "Facts",
            "ListRules",
            "PreviewRules",
            "GetChallenge",
            "ListChallenges",
            "PreviewChallenge",
            "Settlement",
            "PastScores",
            "GetLeague",
            "ListLeagues",
        ],
    ),
    ("stadion.leaderboard.v1.Leaderboard", &["Top", "Around", "Ranks", "Live", "History"]),
    (
        "stadion.promo.v1.Promo",
        &[
            "ListOffers",
            "ListRecommendations",
            "ListProducts",
            "GetProduct",
            "ListPromos",
            "GetPromo",
            "GetLive",
            "WhyNot",
            "GetLedger",
        ],
    ),
    (
        "stadion.social.v1.Social",
        &[
            "ListFriends",
            "ListFollowing",
            "ListFollowers",
            "ListBlocks",
            "GetPerson",
            "SearchPeople",
            "ViewAs",
            "GetGroup",
            "ListGroups",
            "ListMembers",
            "Feed",
            "ListComments",
            "Relations",
            "Hidden",
            "FriendsOf",
            "GroupsOf",
            "GroupNames",
        ],
    ),
];

/// Methods whose request is a stream.
const STREAMED: &[&str] = &[
    "/stadion.activity.v1.Activities/Upload",
    "/stadion.activity.v1.Activities/OpenImport",
    "/stadion.activity.v1.Activities/AppendResumable",
];

/// What is known of the method at this path; a path that nobody listed is a command.
pub(super) fn kind(path: &str) -> Kind {
    if STREAMED.contains(&path) {
        return Kind::Streamed;
    }
    let Some((service, method)) = path.trim_start_matches('/').split_once('/') else { return Kind::Command };
    let reads = READS.iter().find(|(name, _)| *name == service);
    if reads.is_some_and(|(_, methods)| methods.contains(&method)) { Kind::Read } else { Kind::Command }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_types::FileDescriptorSet;

    use super::*;

    /// `(path, whether the request is a stream)` of every method in the contract.
    fn contract() -> Vec<(String, bool)> {
        let set = FileDescriptorSet::decode(proto::DESCRIPTORS).unwrap();
        let mut methods = Vec::new();
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    methods.push((path, method.client_streaming()));
                }
            }
        }
        methods
    }

    #[test]
    fn every_listed_method_exists() {
        let contract = contract();
        for (service, methods) in READS.iter().filter(|(service, _)| service.starts_with("stadion.")) {
            for method in *methods {
                let path = format!("/{service}/{method}");
                assert!(contract.iter().any(|(known, _)| *known == path), "{path}");
            }
        }
    }

    #[test]
    fn exactly_the_streams_are_listed_as_such() {
        for (path, streamed) in contract() {
            assert_eq!(kind(&path) == Kind::Streamed, streamed, "{path}");
        }
    }

    /// By their names nobody would take these for changes: a new method must be looked at, and listed.
    #[test]
    fn what_sounds_like_a_read_is_listed_as_one() {
        const SOUNDS: [&str; 9] =
            ["Get", "List", "Show", "Explain", "Preview", "Search", "Find", "Read", "Load"];
        for (path, _) in contract() {
            let method = path.rsplit('/').next().unwrap();
            if SOUNDS.iter().any(|sound| method.starts_with(sound)) {
                assert_eq!(kind(&path), Kind::Read, "{path}");
            }
        }
    }

    #[test]
    fn what_nobody_listed_is_a_command() {
        assert_eq!(kind("/stadion.promo.v1.Promo/Reserve"), Kind::Command);
        assert_eq!(kind("/stadion.auth.v1.Auth/Register"), Kind::Command);
        assert_eq!(kind("nonsense"), Kind::Command);
    }
}
