-- Workouts that are told as they happen. A primary store: what is told stands nowhere else until it has become an activity.
-- Both are deleted some time after the session's end, and with the account.
CREATE TABLE live_session (
  live_id     BLOB NOT NULL PRIMARY KEY,
  account_id  BLOB NOT NULL,
  state       TEXT NOT NULL,
  started_us  INTEGER NOT NULL,
  heard_us    INTEGER NOT NULL,
  newest_us   INTEGER,
  points      INTEGER NOT NULL,
  sequence    INTEGER NOT NULL,
  activity_id BLOB
);
CREATE INDEX live_session_by_account ON live_session (account_id, state);

CREATE TABLE live_point (
  live_id        BLOB NOT NULL,
  at_us          INTEGER NOT NULL,
  account_id     BLOB NOT NULL,
  sequence       INTEGER NOT NULL,
  latitude       REAL,
  longitude      REAL,
  altitude_m     REAL,
  heart_rate_bpm REAL,
  power_w        REAL,
  cadence_rpm    REAL,
  speed_mps      REAL,
  temperature_c  REAL,
  distance_m     REAL,
  PRIMARY KEY (live_id, at_us)
);
CREATE INDEX live_point_by_sequence ON live_point (live_id, sequence);
CREATE INDEX live_point_by_account ON live_point (account_id);
