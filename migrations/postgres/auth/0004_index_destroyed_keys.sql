-- Destroyed keys are paged through by whoever follows them while the log is silent: a few of very many.
CREATE INDEX subject_key_destroyed ON subject_key (subject, class, version) WHERE destroyed_us IS NOT NULL;
