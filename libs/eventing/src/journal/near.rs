//! States kept near: what a stream was folded to once is folded on, not anew.
//!
//! A state is used behind the same question as the events that it was made of: whether every key that opened them still
//! is there. So a destroyed key takes the state with it, and a stream costs the events that came since, however long it is.

use std::{
    any::{Any, TypeId},
    sync::Arc,
    time::Duration,
};

use moka::sync::Cache;
use proto::envelope::Sealed;

use crate::{
    aggregate::{Aggregate, Loaded},
    event::{Plain, StreamId, Version},
    sealing::{KeyWanted, Sealer, SealingError},
};

const STATES_MAX: u64 = 32_768;
/// A device that reports each ten seconds finds its workout.
const IDLE_MAX: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(super) struct States(Cache<(TypeId, StreamId), Kept>);

#[derive(Clone)]
struct Kept {
    state: Arc<dyn Any + Send + Sync>,
    version: Version,
    opened_by: OpenedBy,
}

/// The keys that a state's events were opened with.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenedBy {
    keys: Vec<KeyWanted>,
    /// A part of what was read is gone already: what is left is not kept near.
    erased: bool,
}

impl OpenedBy {
    pub(super) fn note<'a>(
        &mut self,
        sealed: impl IntoIterator<Item = &'a Sealed>,
        plains: &[Plain],
    ) -> Result<(), SealingError> {
        self.erased |= plains.iter().any(|plain| !plain.erased.is_empty());
        for part in sealed {
            let key = KeyWanted::of(part)?;
            if !self.keys.contains(&key) {
                self.keys.push(key);
            }
        }
        Ok(())
    }
}

impl States {
    pub(super) fn new() -> Self {
        Self(Cache::builder().max_capacity(STATES_MAX).time_to_idle(IDLE_MAX).build())
    }

    pub(super) async fn get<A: Aggregate>(
        &self,
        stream: &StreamId,
        sealer: &Sealer,
    ) -> Result<Option<(Loaded<A>, OpenedBy)>, SealingError> {
        let place = (TypeId::of::<A>(), stream.clone());
        let Some(kept) = self.0.get(&place) else { return Ok(None) };
        if !sealer.has_all(&kept.opened_by.keys).await? {
            self.0.invalidate(&place);
            return Ok(None);
        }
        let state = kept.state.downcast_ref::<A>().cloned();
        let loaded = |state| Loaded { state, version: kept.version, stream: stream.clone() };
        Ok(state.map(|state| (loaded(state), kept.opened_by)))
    }

    pub(super) fn put<A: Aggregate>(&self, loaded: &Loaded<A>, opened_by: OpenedBy) {
        let place = (TypeId::of::<A>(), loaded.stream.clone());
        if opened_by.erased {
            self.0.invalidate(&place);
            return;
        }
        let state = Arc::new(loaded.state.clone());
        self.0.insert(place, Kept { state, version: loaded.version, opened_by });
    }
}
