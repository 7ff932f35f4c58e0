-- Read models of the journal: disposable, rebuilt from it and from the blobs.
CREATE TABLE activity (
  activity_id BYTEA NOT NULL PRIMARY KEY,
  account_id  BYTEA NOT NULL,
  start_us    BIGINT NOT NULL,
  sport       TEXT NOT NULL,
  live        BIGINT NOT NULL,
  revision    BIGINT NOT NULL,
  whole       BYTEA NOT NULL
);
CREATE INDEX activity_by_account ON activity (account_id, start_us DESC, activity_id) WHERE live = 1;

-- Columns of samples in chunks of at most 128 kB.
CREATE TABLE activity_stream (
  activity_id BYTEA NOT NULL,
  stream      TEXT NOT NULL,
  chunk       BIGINT NOT NULL,
  data        BYTEA NOT NULL,
  PRIMARY KEY (activity_id, stream, chunk)
);

CREATE TABLE upload (
  upload_id   BYTEA NOT NULL PRIMARY KEY,
  account_id  BYTEA NOT NULL,
  session_id  BYTEA,
  original_id BYTEA,
  state       TEXT NOT NULL,
  received_us BIGINT NOT NULL,
  whole       BYTEA NOT NULL
);
CREATE INDEX upload_by_account ON upload (account_id, received_us DESC, upload_id);
CREATE INDEX upload_waiting ON upload (received_us) WHERE state = 'received';

CREATE TABLE daily (
  daily_id       BYTEA NOT NULL PRIMARY KEY,
  account_id     BYTEA NOT NULL,
  source         TEXT NOT NULL,
  type           TEXT NOT NULL,
  date           TEXT NOT NULL,
  value          DOUBLE PRECISION NOT NULL,
  spans          BYTEA NOT NULL,
  health         BIGINT NOT NULL,
  live           BIGINT NOT NULL,
  client_version BIGINT NOT NULL
);
CREATE INDEX daily_by_account ON daily (account_id, type, date) WHERE live = 1;
