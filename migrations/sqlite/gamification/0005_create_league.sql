-- A streak's freezes: how many are held, and which days of the run they covered (days since 1970-01-01, with blanks between).
ALTER TABLE progress ADD COLUMN streak_freezes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE progress ADD COLUMN streak_frozen TEXT NOT NULL DEFAULT '';
-- The rules by which the account was told what it has; before this was kept there was only version 1.
ALTER TABLE progress ADD COLUMN rule_version INTEGER NOT NULL DEFAULT 1;
CREATE INDEX progress_by_rules ON progress (rule_version, account_id);

-- A week of the leagues. week: counted from that of 1969-12-29. terms: an encoded message. state: open, ended, closed.
CREATE TABLE league_week (
    week INTEGER NOT NULL PRIMARY KEY,
    terms BLOB NOT NULL,
    state TEXT NOT NULL
);

-- What each activity has earned, and the week of its start.
CREATE TABLE league_activity (
    account_id BLOB NOT NULL,
    activity_id BLOB NOT NULL,
    week INTEGER NOT NULL,
    xp INTEGER NOT NULL,
    PRIMARY KEY (account_id, activity_id)
);
CREATE INDEX league_activity_by_week ON league_activity (week, account_id);

-- Somebody in a week: where it sits, what it has earned; once the week is closed, how it ended. seat: within the tier.
CREATE TABLE league_entry (
    account_id BLOB NOT NULL,
    week INTEGER NOT NULL,
    tier INTEGER NOT NULL,
    seat INTEGER NOT NULL,
    cohort INTEGER NOT NULL,
    xp INTEGER NOT NULL,
    rank INTEGER,
    size INTEGER,
    outcome TEXT,
    next_tier INTEGER,
    PRIMARY KEY (account_id, week)
);
CREATE INDEX league_entry_by_seat ON league_entry (week, tier, seat);
