-- The journal: truth and outbox in one. Positions have no gaps.
CREATE TABLE es_event (
  position      INTEGER PRIMARY KEY,
  stream_id     TEXT NOT NULL,
  version       INTEGER NOT NULL,
  event_id      BLOB NOT NULL UNIQUE,
  partition_key TEXT NOT NULL,
  type          TEXT NOT NULL,
  schema_ver    INTEGER NOT NULL,
  payload       BLOB NOT NULL,
  meta          BLOB NOT NULL,
  at_us         INTEGER NOT NULL,
  UNIQUE (stream_id, version)
);

-- First answers, by who asked and under which key.
CREATE TABLE es_command (
  actor        TEXT NOT NULL,
  key          TEXT NOT NULL,
  request_hash BLOB NOT NULL,
  stream_id    TEXT NOT NULL,
  position     INTEGER NOT NULL,
  result       BLOB NOT NULL,
  at_us        INTEGER NOT NULL,
  PRIMARY KEY (actor, key)
) WITHOUT ROWID;
CREATE INDEX es_command_at ON es_command (at_us);

CREATE TABLE es_claim (
  scope     TEXT NOT NULL,
  key       TEXT NOT NULL,
  stream_id TEXT NOT NULL,
  PRIMARY KEY (scope, key)
) WITHOUT ROWID;

CREATE TABLE es_snapshot (
  stream_id TEXT PRIMARY KEY,
  version   INTEGER NOT NULL,
  state_ver INTEGER NOT NULL,
  state     BLOB NOT NULL
);

-- State values on their way to the bus.
CREATE TABLE es_outbox (
  topic         TEXT NOT NULL,
  key           TEXT NOT NULL,
  partition_key TEXT NOT NULL,
  revision      INTEGER NOT NULL,
  payload       BLOB NOT NULL,
  PRIMARY KEY (topic, key)
);

CREATE TABLE es_timer (
  due_us     INTEGER NOT NULL,
  stream_id  TEXT NOT NULL,
  command_id TEXT NOT NULL,
  payload    BLOB NOT NULL,
  state      TEXT NOT NULL,
  PRIMARY KEY (stream_id, command_id)
);
CREATE INDEX es_timer_due ON es_timer (due_us) WHERE state = 'waiting';

CREATE TABLE es_cursor (
  consumer   TEXT NOT NULL,
  source     TEXT NOT NULL,
  part       INTEGER NOT NULL,
  log_offset INTEGER NOT NULL,
  source_pos INTEGER NOT NULL,
  epoch      INTEGER NOT NULL,
  PRIMARY KEY (consumer, source, part)
);

CREATE TABLE es_lease (
  resource   TEXT PRIMARY KEY,
  holder     TEXT NOT NULL,
  address    TEXT NOT NULL,
  epoch      INTEGER NOT NULL,
  expires_us INTEGER NOT NULL
);

-- Records whose key waits for a person, with their bytes.
CREATE TABLE es_dlq (
  consumer TEXT NOT NULL,
  source   TEXT NOT NULL,
  part     INTEGER NOT NULL,
  pos      INTEGER NOT NULL,
  key      TEXT NOT NULL,
  record   BLOB NOT NULL,
  error    TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  PRIMARY KEY (consumer, source, part, pos)
);
CREATE INDEX es_dlq_key ON es_dlq (consumer, key);
