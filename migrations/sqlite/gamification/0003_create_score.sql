-- What the scores are made of and what they come to, kept by one reader of our own journal: terms, facts, participants,
-- contributions, scores move together, in one transaction with its cursor.

-- A challenge as it measures; terms holds an encoded message.
CREATE TABLE score_challenge (
    challenge_id BLOB NOT NULL PRIMARY KEY,
    author_id BLOB NOT NULL,
    terms BLOB NOT NULL,
    opened_us INTEGER,
    stopped_us INTEGER,
    head INTEGER,
    settled_us INTEGER,
    scoring INTEGER NOT NULL,
    participants INTEGER NOT NULL,
    placed INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    revision INTEGER NOT NULL
);

-- Every revision heard of an activity.
CREATE TABLE score_fact (
    account_id BLOB NOT NULL,
    activity_id BLOB NOT NULL,
    revision INTEGER NOT NULL,
    received_us INTEGER NOT NULL,
    position INTEGER NOT NULL,
    counts INTEGER NOT NULL,
    sport TEXT NOT NULL,
    start_us INTEGER NOT NULL,
    end_us INTEGER NOT NULL,
    duration_s INTEGER NOT NULL,
    distance_mm INTEGER,
    ascent_mm INTEGER,
    only_me INTEGER,
    PRIMARY KEY (account_id, activity_id, revision)
);

CREATE INDEX score_fact_position ON score_fact (position);

-- XP that an activity gave, or lost, with one event of our own journal.
CREATE TABLE score_xp (
    account_id BLOB NOT NULL,
    activity_id BLOB NOT NULL,
    told_at INTEGER NOT NULL,
    received_us INTEGER NOT NULL,
    position INTEGER NOT NULL,
    xp INTEGER NOT NULL,
    PRIMARY KEY (account_id, activity_id, told_at)
);

-- Every revision heard of a day's steps.
CREATE TABLE score_day (
    account_id BLOB NOT NULL,
    daily_id BLOB NOT NULL,
    revision INTEGER NOT NULL,
    received_us INTEGER NOT NULL,
    position INTEGER NOT NULL,
    local_day INTEGER NOT NULL,
    steps INTEGER NOT NULL,
    PRIMARY KEY (account_id, daily_id, revision)
);

-- Accounts that show their activities to nobody unless one says otherwise.
CREATE TABLE score_only_me (
    account_id BLOB NOT NULL PRIMARY KEY
);

CREATE TABLE contribution (
    challenge_id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    item BLOB NOT NULL,
    revision INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    value INTEGER NOT NULL,
    reached_us INTEGER NOT NULL,
    PRIMARY KEY (challenge_id, account_id, item)
);

-- A participant and where they stand; score is absent while nothing counts. Segments stand one a line.
CREATE TABLE score (
    challenge_id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    member INTEGER NOT NULL,
    state TEXT NOT NULL,
    show_as TEXT NOT NULL,
    count_private INTEGER NOT NULL,
    joined_us INTEGER NOT NULL,
    segments TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    score INTEGER,
    reached_us INTEGER,
    revision INTEGER NOT NULL,
    PRIMARY KEY (challenge_id, account_id)
);

CREATE INDEX score_account ON score (account_id, state);

-- The final order, and what was said of it afterwards.
CREATE TABLE placement (
    challenge_id BLOB NOT NULL,
    nth INTEGER NOT NULL,
    account_id BLOB NOT NULL,
    rank INTEGER NOT NULL,
    member INTEGER NOT NULL,
    score INTEGER NOT NULL,
    reached_us INTEGER NOT NULL,
    tied INTEGER NOT NULL,
    anonymous INTEGER NOT NULL,
    PRIMARY KEY (challenge_id, nth)
);

CREATE INDEX placement_account ON placement (account_id);

CREATE TABLE placement_adjustment (
    challenge_id BLOB NOT NULL,
    position INTEGER NOT NULL,
    account_id BLOB NOT NULL,
    score_before INTEGER NOT NULL,
    score_after INTEGER NOT NULL,
    reason TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    PRIMARY KEY (challenge_id, position)
);

-- Both sides of every entry: their amounts sum to nothing. holder: whose side it is; empty for the house's.
CREATE TABLE points_side (
    entry_id BLOB NOT NULL,
    side TEXT NOT NULL,
    holder BLOB NOT NULL,
    amount INTEGER NOT NULL,
    challenge_id BLOB NOT NULL,
    at_us INTEGER NOT NULL,
    PRIMARY KEY (entry_id, side)
);

CREATE INDEX points_side_holder ON points_side (holder);
