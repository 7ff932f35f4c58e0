//! The engines behind the spine's traits: SQLite, PostgreSQL, folders
