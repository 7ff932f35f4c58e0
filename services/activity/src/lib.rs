//! Activities: uploads, sync, manual entries; their totals and streams
