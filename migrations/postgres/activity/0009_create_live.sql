-- Workouts that are told as they happen. A primary store: what is told stands nowhere else until it has become an activity.
-- Both are deleted some time after the session's end, and with the account.
CREATE TABLE live_session (
  live_id     BYTEA NOT NULL PRIMARY KEY,
  account_id  BYTEA NOT NULL,
  state       TEXT NOT NULL,
  started_us  BIGINT NOT NULL,
  heard_us    BIGINT NOT NULL,
  newest_us   BIGINT,
  points      BIGINT NOT NULL,
  sequence    BIGINT NOT NULL,
  activity_id BYTEA
);
CREATE INDEX live_session_by_account ON live_session (account_id, state);

CREATE TABLE live_point (
  live_id        BYTEA NOT NULL,
  at_us          BIGINT NOT NULL,
  account_id     BYTEA NOT NULL,
  sequence       BIGINT NOT NULL,
  latitude       DOUBLE PRECISION,
  longitude      DOUBLE PRECISION,
  altitude_m     DOUBLE PRECISION,
  heart_rate_bpm DOUBLE PRECISION,
  power_w        DOUBLE PRECISION,
  cadence_rpm    DOUBLE PRECISION,
  speed_mps      DOUBLE PRECISION,
  temperature_c  DOUBLE PRECISION,
  distance_m     DOUBLE PRECISION,
  PRIMARY KEY (live_id, at_us)
);
CREATE INDEX live_point_by_sequence ON live_point (live_id, sequence);
CREATE INDEX live_point_by_account ON live_point (account_id);
