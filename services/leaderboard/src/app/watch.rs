//! A board as it moves, for one watcher.

use kernel::{Code, Refusal};

use super::{
    App,
    access::{Opened, Viewer},
    audience::{FRIENDS, is_admitted},
    teams::{self, TEAMS},
    top,
};
use crate::{
    boards::ChallengeId,
    domain::board::ALL,
    live::{Ask, Watcher},
};

pub struct Watch {
    pub challenge: ChallengeId,
    /// Empty: all.
    pub segment: String,
    /// 0: 100; at most 500. Above 10 it is rounded down: see [`shared_limit`].
    pub limit: usize,
    /// The sequence that the watcher has seen.
    pub last_sequence: Option<u64>,
}

/// Above ten, so many places are shared by all who watch: as many windows of a board as anybody likes to name would be
/// a way to take them from others.
const SHARED: [usize; 15] = [500, 400, 300, 250, 200, 150, 100, 75, 50, 40, 30, 25, 20, 15, 10];

/// The places that are shown to whoever asks for so many: never more.
pub fn shared_limit(asked: usize) -> usize {
    SHARED.into_iter().find(|shared| *shared <= asked).unwrap_or(asked)
}

impl App {
    /// # Errors
    /// As [`App::open`]; `malformed_query` for `friends`; `not_found` for a group that the caller is not in;
    /// `overloaded` when too many different windows are watched.
    pub async fn watch(&self, viewer: Viewer, asked: Watch) -> Result<Watcher, Refusal> {
        if asked.segment == FRIENDS {
            return Err(Refusal::new(Code::MalformedQuery, "friends are not shown live; ask for them"));
        }
        let Opened { cell, terms } = self.open(asked.challenge, viewer).await?;
        let (rules, door) = (terms.revision, terms.door());
        if let Some(teams) = teams::asked(&cell, &terms, &asked.segment) {
            let ask = Ask {
                segment: ALL.to_owned(),
                shown_as: TEAMS.to_owned(),
                limit: shared_limit(top::limit(asked.limit)),
                viewer,
                team_of: Some(cell.clone()),
                rules,
                door,
                last_sequence: asked.last_sequence,
            };
            return self.live.watch(teams.cell.clone(), ask);
        }
        let segment = if asked.segment.is_empty() { ALL.to_owned() } else { asked.segment };
        if !is_admitted(&self.peers, viewer.account, &segment).await? {
            return Err(Refusal::not_found());
        }
        let ask = Ask {
            shown_as: segment.clone(),
            segment,
            team_of: None,
            limit: shared_limit(top::limit(asked.limit)),
            viewer,
            rules,
            door,
            last_sequence: asked.last_sequence,
        };
        self.live.watch(cell, ask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_rounded_down_to_what_is_shared_and_never_up() {
        let asked = [(1, 1), (9, 9), (10, 10), (11, 10), (14, 10), (24, 20), (50, 50), (74, 50), (99, 75)];
        for (asked, shown) in asked.into_iter().chain([(100, 100), (499, 400), (500, 500)]) {
            assert_eq!(shared_limit(asked), shown, "{asked}");
        }
        assert_eq!(shared_limit(top::limit(0)), 100);
        let windows: std::collections::BTreeSet<_> = (1..=top::LIMIT_MAX).map(shared_limit).collect();
        assert_eq!(windows.len(), 9 + SHARED.len(), "as many windows as one segment may have");
    }
}
