-- The journal: truth and outbox in one. Positions have no gaps.
CREATE TABLE es_event (
  position      BIGINT PRIMARY KEY,
  stream_id     TEXT NOT NULL,
  version       BIGINT NOT NULL,
  event_id      BYTEA NOT NULL UNIQUE,
  partition_key TEXT NOT NULL,
  type          TEXT NOT NULL,
  schema_ver    BIGINT NOT NULL,
  payload       BYTEA NOT NULL,
  meta          BYTEA NOT NULL,
  at_us         BIGINT NOT NULL,
  UNIQUE (stream_id, version)
);

-- First answers, by who asked and under which key.
CREATE TABLE es_command (
  actor        TEXT NOT NULL,
  key          TEXT NOT NULL,
  request_hash BYTEA NOT NULL,
  stream_id    TEXT NOT NULL,
  position     BIGINT NOT NULL,
  result       BYTEA NOT NULL,
  at_us        BIGINT NOT NULL,
  PRIMARY KEY (actor, key)
);
CREATE INDEX es_command_at ON es_command (at_us);

CREATE TABLE es_claim (
  scope     TEXT NOT NULL,
  key       TEXT NOT NULL,
  stream_id TEXT NOT NULL,
  PRIMARY KEY (scope, key)
);

CREATE TABLE es_snapshot (
  stream_id TEXT PRIMARY KEY,
  version   BIGINT NOT NULL,
  state_ver BIGINT NOT NULL,
  state     BYTEA NOT NULL
);

-- State values on their way to the bus.
CREATE TABLE es_outbox (
  topic         TEXT NOT NULL,
  key           TEXT NOT NULL,
  partition_key TEXT NOT NULL,
  revision      BIGINT NOT NULL,
  payload       BYTEA NOT NULL,
  PRIMARY KEY (topic, key)
);

CREATE TABLE es_timer (
  due_us     BIGINT NOT NULL,
  stream_id  TEXT NOT NULL,
  command_id TEXT NOT NULL,
  payload    BYTEA NOT NULL,
  state      TEXT NOT NULL,
  PRIMARY KEY (stream_id, command_id)
);
CREATE INDEX es_timer_due ON es_timer (due_us) WHERE state = 'waiting';

CREATE TABLE es_cursor (
  consumer   TEXT NOT NULL,
  source     TEXT NOT NULL,
  part       BIGINT NOT NULL,
  log_offset BIGINT NOT NULL,
  source_pos BIGINT NOT NULL,
  epoch      BIGINT NOT NULL,
  PRIMARY KEY (consumer, source, part)
);

CREATE TABLE es_lease (
  resource   TEXT PRIMARY KEY,
  holder     TEXT NOT NULL,
  address    TEXT NOT NULL,
  epoch      BIGINT NOT NULL,
  expires_us BIGINT NOT NULL
);

-- Records whose key waits for a person, with their bytes.
CREATE TABLE es_dlq (
  consumer TEXT NOT NULL,
  source   TEXT NOT NULL,
  part     BIGINT NOT NULL,
  pos      BIGINT NOT NULL,
  key      TEXT NOT NULL,
  record   BYTEA NOT NULL,
  error    TEXT NOT NULL,
  attempts BIGINT NOT NULL,
  PRIMARY KEY (consumer, source, part, pos)
);
CREATE INDEX es_dlq_key ON es_dlq (consumer, key);
