-- How far a long document was looked through. Told by who is at it, for those who wait; in no journal.
CREATE TABLE import_progress (
  import_id   BYTEA NOT NULL PRIMARY KEY,
  account_id  BYTEA NOT NULL,
  bytes_done  BIGINT NOT NULL,
  bytes_total BIGINT NOT NULL
);
CREATE INDEX import_progress_by_account ON import_progress (account_id);
