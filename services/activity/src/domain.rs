//! What may happen to uploads, activities, daily values and live sessions: states, decisions, events. No I/O, no clock.

pub mod across;
pub mod activity;
pub mod cheat;
pub mod daily;
pub mod day;
pub mod edit;
pub mod facts;
pub mod fusion;
pub mod import;
pub mod input;
pub mod live;
pub mod marks;
pub mod trace;
pub mod twins;
pub mod unite;
pub mod units;
pub mod upload;
pub mod verdict;

pub use daily::DailyValue;
pub use facts::Record;

/// Names an upload.
pub enum UploadKind {}
pub type UploadId = kernel::Id<UploadKind>;

/// Names an import; that of an uploaded archive has its upload's id.
pub enum ImportKind {}
pub type ImportId = kernel::Id<ImportKind>;

/// Names a file that comes in parts; the upload, or import, that it becomes has its id.
pub enum ResumableKind {}
pub type ResumableId = kernel::Id<ResumableKind>;

/// Names a workout that is told as it happens.
pub enum LiveKind {}
pub type LiveId = kernel::Id<LiveKind>;

/// Names a day's value of one source.
pub enum DailyKind {}
pub type DailyId = kernel::Id<DailyKind>;

/// Names a day and a type of values, of one account.
pub enum DayKind {}
pub type DayId = kernel::Id<DayKind>;

/// Names the session (a device, an app) that sent something.
pub enum SessionKind {}
pub type SessionId = kernel::Id<SessionKind>;
