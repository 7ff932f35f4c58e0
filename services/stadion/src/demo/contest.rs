//! The second story: a regional challenge, its live board, friends who see what they may.

mod board;
mod circle;
mod organising;
mod workouts;

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::Value;

use super::{
    cast::{Cast, Person},
    story::Story,
};

/// The steps, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Organisers,
    Athletes,
    Challenge,
    Joining,
    Friends,
    Workouts,
    Overtaking,
    Deletion,
    Looking,
    Block,
    Settlement,
}

/// A workout as it was sent.
#[derive(Clone, Debug)]
struct Workout {
    account_id: String,
    activity_id: String,
    distance_m: f64,
}

/// Everything that was acknowledged so far.
#[derive(Clone, Debug, Default)]
struct Acknowledged {
    operator: Person,
    marketer: Person,
    /// Of the challenge's region: she leads, he overtakes, she takes part without a name.
    dana: Person,
    marat: Person,
    saule: Person,
    /// Of the region too: follows Dana, until she blocks him.
    timur: Person,
    /// Of another country.
    bakyt: Person,
    challenge_id: String,
    /// Account → member, `m1`.
    members: BTreeMap<String, String>,
    /// Those that count, by what names them to the sender: sent again, they are there once.
    workouts: BTreeMap<&'static str, Workout>,
    blocked: bool,
    settlement: Option<Value>,
}

/// One contest.
pub struct Contest {
    cast: Cast,
    told: Acknowledged,
    taken: Vec<Step>,
}

impl Story for Contest {
    type Step = Step;

    const STEPS: &'static [Step] = &[
        Step::Organisers,
        Step::Athletes,
        Step::Challenge,
        Step::Joining,
        Step::Friends,
        Step::Workouts,
        Step::Overtaking,
        Step::Deletion,
        Step::Looking,
        Step::Block,
        Step::Settlement,
    ];

    const REPEATABLE: &'static [Step] = &[
        Step::Joining,
        Step::Friends,
        Step::Workouts,
        Step::Overtaking,
        Step::Deletion,
        Step::Looking,
        Step::Block,
        Step::Settlement,
    ];

    fn begin(cast: Cast) -> Self {
        Self { cast, told: Acknowledged::default(), taken: Vec::new() }
    }

    fn cast(&mut self) -> &mut Cast {
        &mut self.cast
    }

    fn name(step: Step) -> &'static str {
        match step {
            Step::Organisers => "a marketer is appointed",
            Step::Athletes => "athletes of two regions sign up",
            Step::Challenge => "a regional challenge opens",
            Step::Joining => "who may joins it",
            Step::Friends => "two become friends",
            Step::Workouts => "workouts arrive in any order",
            Step::Overtaking => "one overtakes, live",
            Step::Deletion => "a deleted workout corrects it",
            Step::Looking => "a friend looks, and a stranger",
            Step::Block => "a block hides at once",
            Step::Settlement => "the challenge is settled",
        }
    }

    async fn take(&mut self, step: Step) -> anyhow::Result<String> {
        let said = match step {
            Step::Organisers => self.appoint_organisers().await,
            Step::Athletes => self.sign_athletes_up().await,
            Step::Challenge => self.open_challenge().await,
            Step::Joining => self.join().await,
            Step::Friends => self.befriend().await,
            Step::Workouts => self.send_workouts().await,
            Step::Overtaking => self.overtake().await,
            Step::Deletion => self.delete_workout().await,
            Step::Looking => self.let_others_look().await,
            Step::Block => self.block().await,
            Step::Settlement => self.settle().await,
        }?;
        self.taken.push(step);
        Ok(said)
    }

    async fn holds(&self) -> anyhow::Result<()> {
        for step in &self.taken {
            let held = match step {
                Step::Organisers => self.cast.has_role(&self.told.marketer, "marketer").await,
                Step::Athletes => Ok(()),
                Step::Challenge => self.challenge_holds().await,
                Step::Joining => self.members_hold().await,
                Step::Friends => self.friends_hold().await,
                Step::Workouts | Step::Overtaking | Step::Deletion => self.board_holds().await,
                Step::Looking => self.looks_hold().await,
                Step::Block => self.block_holds().await,
                Step::Settlement => self.settlement_holds().await,
            };
            held.with_context(|| format!("{} no longer holds", Self::name(*step)))?;
        }
        Ok(())
    }
}
