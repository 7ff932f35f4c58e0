//! Who may be named on a board to whom, from the head of both stores that know.
//!
//! Most who stand on a board may be named to anybody who shares no block with them, and nearly nobody shares one: what
//! else the viewer is to somebody is asked only where it decides.

use std::sync::Arc;

use kernel::{AccountId, Refusal};
use platform::Person;
use privacy::{BoardName, Relation};

use super::App;

/// Somebody on a board, and how they chose to be shown there.
pub type Stands = (AccountId, BoardName);

/// What can be said of a name before it is known what the viewer is to the person.
enum Shown {
    Yes,
    No,
    Depends,
}

impl App {
    /// Of each of the people, in order, who they are if the viewer may know. While social does not answer nobody is named
    /// but the viewer.
    ///
    /// # Errors
    /// `unavailable` without auth.
    pub async fn named(
        &self,
        viewer: Option<AccountId>,
        people: &[Stands],
    ) -> Result<Vec<Option<Arc<Person>>>, Refusal> {
        let accounts: Vec<AccountId> = people.iter().map(|(account, _)| *account).collect();
        let (told, hidden) = tokio::join!(self.sight.people(&accounts), async {
            match viewer {
                Some(viewer) if !accounts.is_empty() => self.sight.hidden(viewer, &accounts).await,
                _ => Some(Default::default()),
            }
        });
        let told = told?;
        let anybody = Relation::stranger();
        let shown = |(account, show_as): &Stands, person: &Person| {
            let hides = || hidden.as_ref().is_none_or(|hidden| hidden.contains(account));
            match () {
                () if viewer == Some(*account) => Shown::Yes,
                () if hides() => Shown::No,
                () if person.board_name(*show_as, &anybody).is_some() => Shown::Yes,
                () if viewer.is_some() && person.may_be_named(*show_as) => Shown::Depends,
                () => Shown::No,
            }
        };
        let mut named = Vec::with_capacity(people.len());
        let mut depends = Vec::new();
        for stands in people {
            let person = told.get(&stands.0).filter(|person| person.is_present());
            match person.map(|person| shown(stands, person)) {
                Some(Shown::Yes) => named.push(person.cloned()),
                Some(Shown::Depends) => {
                    depends.push((named.len(), *stands));
                    named.push(person.cloned());
                }
                Some(Shown::No) | None => named.push(None),
            }
        }
        if !depends.is_empty() {
            let owners: Vec<AccountId> = depends.iter().map(|(_, (account, _))| *account).collect();
            let relations = self.sight.relations(viewer, &owners).await;
            for (at, (account, show_as)) in depends {
                let relation = relations.get(&account).cloned().unwrap_or_else(Relation::unknown);
                named[at] = named[at].take().filter(|person| person.board_name(show_as, &relation).is_some());
            }
        }
        Ok(named)
    }
}
