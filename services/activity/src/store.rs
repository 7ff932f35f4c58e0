//! Read models, and the primary stores of samples and of what is told live. SQL written once for both engines; activities also in CQL.

pub mod activities;
pub mod contributions;
pub mod cql;
pub mod days;
pub mod files;
pub mod imports;
pub mod live;
pub mod recomputes;
pub mod regions;
pub mod resumables;
pub mod samples;
pub mod senders;
pub mod starts;
pub mod taken;
pub mod uploads;

use eventing::migrate::Migrations;

pub use activities::{ActivityStore, Range, Row, SqlActivities};
pub use cql::{CQL_MIGRATIONS, CqlActivities};

pub const MIGRATIONS: Migrations = Migrations {
    service: "activity",
    sqlite: &[
        (
            "0001_create_activities",
            include_str!("../../../migrations/sqlite/activity/0001_create_activities.sql"),
        ),
        ("0002_create_samples", include_str!("../../../migrations/sqlite/activity/0002_create_samples.sql")),
        (
            "0003_add_upload_position",
            include_str!("../../../migrations/sqlite/activity/0003_add_upload_position.sql"),
        ),
        (
            "0004_create_file_place",
            include_str!("../../../migrations/sqlite/activity/0004_create_file_place.sql"),
        ),
        (
            "0005_create_taken_away",
            include_str!("../../../migrations/sqlite/activity/0005_create_taken_away.sql"),
        ),
        ("0006_create_imports", include_str!("../../../migrations/sqlite/activity/0006_create_imports.sql")),
        (
            "0007_create_contributions",
            include_str!("../../../migrations/sqlite/activity/0007_create_contributions.sql"),
        ),
        ("0008_create_twins", include_str!("../../../migrations/sqlite/activity/0008_create_twins.sql")),
        ("0009_create_live", include_str!("../../../migrations/sqlite/activity/0009_create_live.sql")),
        (
            "0010_create_region_cells",
            include_str!("../../../migrations/sqlite/activity/0010_create_region_cells.sql"),
        ),
        (
            "0011_create_sync_sources",
            include_str!("../../../migrations/sqlite/activity/0011_create_sync_sources.sql"),
        ),
        ("0012_find_days", include_str!("../../../migrations/sqlite/activity/0012_find_days.sql")),
        (
            "0013_create_import_progress",
            include_str!("../../../migrations/sqlite/activity/0013_create_import_progress.sql"),
        ),
        (
            "0014_create_resumables",
            include_str!("../../../migrations/sqlite/activity/0014_create_resumables.sql"),
        ),
        ("0015_add_traces", include_str!("../../../migrations/sqlite/activity/0015_add_traces.sql")),
    ],
    postgres: &[
        (
            "0001_create_activities",
            include_str!("../../../migrations/postgres/activity/0001_create_activities.sql"),
        ),
        (
            "0002_create_samples",
            include_str!("../../../migrations/postgres/activity/0002_create_samples.sql"),
        ),
        (
            "0003_add_upload_position",
            include_str!("../../../migrations/postgres/activity/0003_add_upload_position.sql"),
        ),
        (
            "0004_create_file_place",
            include_str!("../../../migrations/postgres/activity/0004_create_file_place.sql"),
        ),
        (
            "0005_create_taken_away",
            include_str!("../../../migrations/postgres/activity/0005_create_taken_away.sql"),
        ),
        (
            "0006_create_imports",
            include_str!("../../../migrations/postgres/activity/0006_create_imports.sql"),
        ),
        (
            "0007_create_contributions",
            include_str!("../../../migrations/postgres/activity/0007_create_contributions.sql"),
        ),
        ("0008_create_twins", include_str!("../../../migrations/postgres/activity/0008_create_twins.sql")),
        ("0009_create_live", include_str!("../../../migrations/postgres/activity/0009_create_live.sql")),
        (
            "0010_create_region_cells",
            include_str!("../../../migrations/postgres/activity/0010_create_region_cells.sql"),
        ),
        (
            "0011_create_sync_sources",
            include_str!("../../../migrations/postgres/activity/0011_create_sync_sources.sql"),
        ),
        ("0012_find_days", include_str!("../../../migrations/postgres/activity/0012_find_days.sql")),
        (
            "0013_create_import_progress",
            include_str!("../../../migrations/postgres/activity/0013_create_import_progress.sql"),
        ),
        (
            "0014_create_resumables",
            include_str!("../../../migrations/postgres/activity/0014_create_resumables.sql"),
        ),
        ("0015_add_traces", include_str!("../../../migrations/postgres/activity/0015_add_traces.sql")),
    ],
};

/// `$4, $5, $6`: places for so many arguments, from this number on.
fn places(from: usize, count: usize) -> String {
    (from..from + count).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ")
}
