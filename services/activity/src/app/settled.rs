//! Whether what was received has been read to its end: who closes the books asks first.

use eventing::Position;
use kernel::Refusal;

use super::App;
use crate::store::uploads;

/// The answer about one position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    pub settled: bool,
    /// The journal's head: everything that the uploads came to lies at or below it.
    pub head: Position,
    /// Uploads that are not read yet, as far as is known.
    pub waiting: u32,
}

impl App {
    /// `position` 0 asks about everything that is in the journal now. A position ahead of the journal is never
    /// settled: nobody knows what will come.
    pub async fn settled(&self, position: Position) -> Result<Settled, Refusal> {
        let asked = if position == 0 { self.head().await? } else { position };
        // Only rows that hold all events up to the asked position can tell that none of its uploads waits.
        let told = asked <= self.head().await? && platform::reached(asked).await;
        let waiting = uploads::waiting_up_to(&self.db, asked).await.map_err(eventing::Error::from)?;
        // Read after the rows, so that the outcome of whatever they called read is below it.
        let head = self.head().await?;
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        Ok(Settled { settled: told && waiting == 0, head, waiting })
    }

    async fn head(&self) -> Result<Position, Refusal> {
        Ok(self.journal.store().head().await.map_err(eventing::Error::from)?)
    }
}
