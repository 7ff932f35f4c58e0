//! Our own events → contributions and scores, and where everybody stands as state for others.
//!
//! One reader of one ordered source keeps the terms, the facts, the participants, what each fact contributes and what
//! that comes to; its cursor moves with them. So no two of them are ever from different moments, and the same journal
//! gives the same rows, however it is cut into batches.
//!
//! | file | |
//! |---|---|
//! | [`tally`] | a batch of events: which rows they change, and whose score is worked out anew |
//! | [`publish`] | scores and challenges as state values |

pub mod publish;
mod tally;

use async_trait::async_trait;
use eventing::{Failure, Incoming, Keeps, Projection, Sealer, Source, Tx};

use tally::Tally;

pub struct Scores {
    sealer: Sealer,
}

impl Scores {
    /// The sealer is that of the journal: a score is the participant's, under their keys.
    pub fn new(sealer: Sealer) -> Self {
        Self { sealer }
    }
}

#[async_trait]
impl Projection for Scores {
    fn name(&self) -> &'static str {
        "gamification-scores"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::OwnJournal]
    }

    fn keeps(&self) -> Keeps {
        Keeps::tables(&[
            "score_challenge",
            "score_fact",
            "score_xp",
            "score_day",
            "score_only_me",
            "contribution",
            "score",
            "placement",
            "team_placement",
            "placement_adjustment",
        ])
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        let mut tally = Tally::of(tx, events).await?;
        for incoming in events {
            tally.take(tx, incoming).await?;
        }
        let news = tally.finish(tx).await?;
        let traces =
            events.iter().map(|one| (one.event.partition_key.as_str(), one.event.meta.trace_parent.as_str()));
        publish::scores(tx, &self.sealer, &news.scores, &traces.collect()).await?;
        publish::challenges(tx, &news.contests).await?;
        Ok(())
    }
}
