-- What each activity adds to its athlete's statistics and records: part 0 is the whole, the others are the legs of a
-- multisport one. Replaced whole by each revision; disposable, rebuilt from the journal. Integers, so that sums are exact.
CREATE TABLE contribution (
  activity_id BLOB NOT NULL,
  part        INTEGER NOT NULL,
  account_id  BLOB NOT NULL,
  revision    INTEGER NOT NULL,
  barred      INTEGER NOT NULL,
  shared      INTEGER NOT NULL,
  start_us    INTEGER NOT NULL,
  day         INTEGER NOT NULL,
  sport       TEXT NOT NULL,
  elapsed_ms  INTEGER NOT NULL,
  moving_ms   INTEGER NOT NULL,
  distance_mm INTEGER,
  ascent_mm   INTEGER,
  descent_mm  INTEGER,
  energy_j    INTEGER,
  efforts     TEXT,
  PRIMARY KEY (activity_id, part)
);
CREATE INDEX contribution_by_day ON contribution (account_id, day) WHERE barred = 0;
