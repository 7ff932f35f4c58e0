-- A streak's freezes: how many are held, and which days of the run they covered (days since 1970-01-01, with blanks between).
ALTER TABLE progress ADD COLUMN streak_freezes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE progress ADD COLUMN streak_frozen TEXT NOT NULL DEFAULT '';
-- The rules by which the account was told what it has; before this was kept there was only version 1.
ALTER TABLE progress ADD COLUMN rule_version BIGINT NOT NULL DEFAULT 1;
CREATE INDEX progress_by_rules ON progress (rule_version, account_id);

-- A week of the leagues. week: counted from that of 1969-12-29. terms: an encoded message. state: open, ended, closed.
CREATE TABLE league_week (
    week BIGINT NOT NULL PRIMARY KEY,
    terms BYTEA NOT NULL,
    state TEXT NOT NULL
);

-- What each activity has earned, and the week of its start.
CREATE TABLE league_activity (
    account_id BYTEA NOT NULL,
    activity_id BYTEA NOT NULL,
    week BIGINT NOT NULL,
    xp BIGINT NOT NULL,
    PRIMARY KEY (account_id, activity_id)
);
CREATE INDEX league_activity_by_week ON league_activity (week, account_id);

-- Somebody in a week: where it sits, what it has earned; once the week is closed, how it ended. seat: within the tier.
CREATE TABLE league_entry (
    account_id BYTEA NOT NULL,
    week BIGINT NOT NULL,
    tier BIGINT NOT NULL,
    seat BIGINT NOT NULL,
    cohort BIGINT NOT NULL,
    xp BIGINT NOT NULL,
    rank BIGINT,
    size BIGINT,
    outcome TEXT,
    next_tier BIGINT,
    PRIMARY KEY (account_id, week)
);
CREATE INDEX league_entry_by_seat ON league_entry (week, tier, seat);
