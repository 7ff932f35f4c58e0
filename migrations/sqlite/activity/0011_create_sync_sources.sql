-- The source under which a device's keys are kept when it names none. One of an account's goes on with what all shared once.
CREATE TABLE sync_source (
  account_id BLOB NOT NULL,
  session_id BLOB NOT NULL,
  source     TEXT NOT NULL,
  PRIMARY KEY (account_id, session_id)
);
CREATE UNIQUE INDEX sync_source_by_name ON sync_source (account_id, source);

-- By how much the sender's clock was put right.
ALTER TABLE metric ADD COLUMN skew_s INTEGER NOT NULL DEFAULT 0;
