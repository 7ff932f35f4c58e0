//! How far a service's own projections have come: what a writer waits for before it answers.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::watch;

use crate::event::Position;

/// The least position of all projections of the own journal.
pub(crate) struct Progress {
    positions: Mutex<HashMap<&'static str, Position>>,
    least: watch::Sender<Position>,
}

impl Progress {
    pub(crate) fn of(projections: &[&'static str]) -> Self {
        let positions = projections.iter().map(|name| (*name, 0)).collect();
        Self { positions: Mutex::new(positions), least: watch::Sender::new(0) }
    }

    pub(crate) fn reached(&self, projection: &'static str, position: Position) {
        let mut positions = self.positions.lock().unwrap_or_else(PoisonError::into_inner);
        positions.insert(projection, position);
        let least = positions.values().copied().min().unwrap_or_default();
        self.least.send_if_modified(|known| std::mem::replace(known, least) != least);
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Position> {
        self.least.subscribe()
    }
}
