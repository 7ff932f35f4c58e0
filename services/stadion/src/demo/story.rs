//! A story: steps that *act* once and can say at any later time whether what they were told *holds*. That is how one
//! code is the demo, the end-to-end test and the test that kills the process between any two steps.

use std::fmt::Debug;

use super::cast::Cast;

pub trait Story: Sized {
    type Step: Copy + Debug + PartialEq + 'static;

    /// In order.
    const STEPS: &'static [Self::Step];
    /// Those that a client may send again after an answer that never came.
    const REPEATABLE: &'static [Self::Step];

    fn begin(cast: Cast) -> Self;

    fn cast(&mut self) -> &mut Cast;

    /// What the step is, in a few words.
    fn name(step: Self::Step) -> &'static str;

    /// Takes a step; what happened, in a line.
    ///
    /// # Errors
    /// The first thing that was not as it should be.
    fn take(&mut self, step: Self::Step) -> impl Future<Output = anyhow::Result<String>>;

    /// Whether everything acknowledged so far is there, once.
    ///
    /// # Errors
    /// The first thing that is not.
    fn holds(&self) -> impl Future<Output = anyhow::Result<()>>;
}
