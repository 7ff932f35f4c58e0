-- What each activity adds to its athlete's statistics and records: part 0 is the whole, the others are the legs of a
-- multisport one. Replaced whole by each revision; disposable, rebuilt from the journal. Integers, so that sums are exact.
CREATE TABLE contribution (
  activity_id BYTEA NOT NULL,
  part        BIGINT NOT NULL,
  account_id  BYTEA NOT NULL,
  revision    BIGINT NOT NULL,
  barred      BIGINT NOT NULL,
  shared      BIGINT NOT NULL,
  start_us    BIGINT NOT NULL,
  day         BIGINT NOT NULL,
  sport       TEXT NOT NULL,
  elapsed_ms  BIGINT NOT NULL,
  moving_ms   BIGINT NOT NULL,
  distance_mm BIGINT,
  ascent_mm   BIGINT,
  descent_mm  BIGINT,
  energy_j    BIGINT,
  efforts     TEXT,
  PRIMARY KEY (activity_id, part)
);
CREATE INDEX contribution_by_day ON contribution (account_id, day) WHERE barred = 0;
