//! The other messages that carry a whole activity, to and from the part that they share.

use proto::activity as wire;

use super::Whole;

pub(super) fn restored(whole: Whole) -> wire::ActivityRestored {
    wire::ActivityRestored {
        activity_id: whole.activity_id,
        account_id: whole.account_id,
        origin: whole.origin,
        streams_blob: whole.streams_blob,
        visibility: whole.visibility,
        facts: whole.facts,
        health: whole.health,
        name: whole.name,
        devices: whole.devices,
        provenance: whole.provenance,
    }
}

pub(super) fn of_restored(message: wire::ActivityRestored) -> Whole {
    Whole {
        activity_id: message.activity_id,
        account_id: message.account_id,
        origin: message.origin,
        streams_blob: message.streams_blob,
        visibility: message.visibility,
        facts: message.facts,
        health: message.health,
        name: message.name,
        devices: message.devices,
        provenance: message.provenance,
    }
}

pub(super) fn replaced(whole: Whole) -> wire::ActivityReplaced {
    wire::ActivityReplaced {
        activity_id: whole.activity_id,
        account_id: whole.account_id,
        origin: whole.origin,
        streams_blob: whole.streams_blob,
        visibility: whole.visibility,
        facts: whole.facts,
        health: whole.health,
        name: whole.name,
        devices: whole.devices,
        provenance: whole.provenance,
        ..wire::ActivityReplaced::default()
    }
}

pub(super) fn of_replaced(message: wire::ActivityReplaced) -> Whole {
    Whole {
        activity_id: message.activity_id,
        account_id: message.account_id,
        origin: message.origin,
        streams_blob: message.streams_blob,
        visibility: message.visibility,
        facts: message.facts,
        health: message.health,
        name: message.name,
        devices: message.devices,
        provenance: message.provenance,
    }
}

pub(super) fn edited(whole: Whole) -> wire::ActivityEdited {
    wire::ActivityEdited {
        activity_id: whole.activity_id,
        account_id: whole.account_id,
        origin: whole.origin,
        streams_blob: whole.streams_blob,
        visibility: whole.visibility,
        facts: whole.facts,
        health: whole.health,
        name: whole.name,
        devices: whole.devices,
        provenance: whole.provenance,
        ..wire::ActivityEdited::default()
    }
}

pub(super) fn of_edited(message: wire::ActivityEdited) -> Whole {
    Whole {
        activity_id: message.activity_id,
        account_id: message.account_id,
        origin: message.origin,
        streams_blob: message.streams_blob,
        visibility: message.visibility,
        facts: message.facts,
        health: message.health,
        name: message.name,
        devices: message.devices,
        provenance: message.provenance,
    }
}

pub(super) fn recomputed(whole: Whole) -> wire::ActivityRecomputed {
    wire::ActivityRecomputed {
        activity_id: whole.activity_id,
        account_id: whole.account_id,
        origin: whole.origin,
        streams_blob: whole.streams_blob,
        visibility: whole.visibility,
        facts: whole.facts,
        health: whole.health,
        name: whole.name,
        devices: whole.devices,
        provenance: whole.provenance,
        ..wire::ActivityRecomputed::default()
    }
}

pub(super) fn of_recomputed(message: wire::ActivityRecomputed) -> Whole {
    Whole {
        activity_id: message.activity_id,
        account_id: message.account_id,
        origin: message.origin,
        streams_blob: message.streams_blob,
        visibility: message.visibility,
        facts: message.facts,
        health: message.health,
        name: message.name,
        devices: message.devices,
        provenance: message.provenance,
    }
}
