//! Decisions told as stories: `given([opened]).when(|campaign| campaign.stop(now)).then([stopped])`.

use std::fmt::Debug;

use eventing::{aggregate::Aggregate, journal::Decision};
use kernel::{Code, Refusal};

/// What had happened before.
pub struct Given<A> {
    state: A,
}

/// What was decided.
#[must_use = "a story without an end proves nothing"]
pub struct Outcome<A: Aggregate> {
    before: A,
    decided: Result<Decision<A::Event>, Refusal>,
}

/// Folds the past.
pub fn given<A: Aggregate>(past: impl IntoIterator<Item = A::Event>) -> Given<A> {
    let mut state = A::default();
    for event in past {
        state.evolve(&event);
    }
    Given { state }
}

impl<A: Aggregate> Given<A> {
    /// Decides; plain events are a decision too.
    pub fn when<D: Into<Decision<A::Event>>>(
        self,
        decide: impl FnOnce(&A) -> Result<D, Refusal>,
    ) -> Outcome<A> {
        let decided = decide(&self.state).map(Into::into);
        Outcome { before: self.state, decided }
    }

    /// Looks at the state itself.
    pub fn state(self) -> A {
        self.state
    }
}

impl<A: Aggregate> Outcome<A>
where
    A::Event: Debug + PartialEq,
{
    /// These events and no others; answers the state after them, for a second sentence.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = A::Event>) -> Given<A> {
        let expected: Vec<A::Event> = expected.into_iter().collect();
        let decision = match self.decided {
            Ok(decision) => decision,
            Err(refusal) => panic!("refused ({refusal}), expected {expected:#?}"),
        };
        assert_eq!(decision.events, expected);
        let mut state = self.before;
        for event in &expected {
            state.evolve(event);
        }
        Given { state }
    }

    #[track_caller]
    pub fn then_nothing(self) -> Given<A> {
        self.then([])
    }

    /// The whole decision, where claims, timers or inline rows are looked at.
    #[track_caller]
    pub fn decision(self) -> Decision<A::Event> {
        match self.decided {
            Ok(decision) => decision,
            Err(refusal) => panic!("refused: {refusal}"),
        }
    }

    /// Refused with this code; answers the refusal, to look at its fields.
    #[track_caller]
    pub fn refused(self, code: Code) -> Refusal {
        match self.decided {
            Ok(decision) => panic!("not refused with {code}: {:#?}", decision.events),
            Err(refusal) => {
                assert_eq!(refusal.code, code, "{refusal}");
                refusal
            }
        }
    }
}
