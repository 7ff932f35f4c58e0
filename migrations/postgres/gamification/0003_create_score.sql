-- What the scores are made of and what they come to, kept by one reader of our own journal: terms, facts, participants,
-- contributions, scores move together, in one transaction with its cursor.

-- A challenge as it measures; terms holds an encoded message.
CREATE TABLE score_challenge (
    challenge_id BYTEA NOT NULL PRIMARY KEY,
    author_id BYTEA NOT NULL,
    terms BYTEA NOT NULL,
    opened_us BIGINT,
    stopped_us BIGINT,
    head BIGINT,
    settled_us BIGINT,
    scoring BIGINT NOT NULL,
    participants BIGINT NOT NULL,
    placed BIGINT NOT NULL,
    at_us BIGINT NOT NULL,
    revision BIGINT NOT NULL
);

-- Every revision heard of an activity.
CREATE TABLE score_fact (
    account_id BYTEA NOT NULL,
    activity_id BYTEA NOT NULL,
    revision BIGINT NOT NULL,
    received_us BIGINT NOT NULL,
    position BIGINT NOT NULL,
    counts BIGINT NOT NULL,
    sport TEXT NOT NULL,
    start_us BIGINT NOT NULL,
    end_us BIGINT NOT NULL,
    duration_s BIGINT NOT NULL,
    distance_mm BIGINT,
    ascent_mm BIGINT,
    only_me BIGINT,
    PRIMARY KEY (account_id, activity_id, revision)
);

CREATE INDEX score_fact_position ON score_fact (position);

-- XP that an activity gave, or lost, with one event of our own journal.
CREATE TABLE score_xp (
    account_id BYTEA NOT NULL,
    activity_id BYTEA NOT NULL,
    told_at BIGINT NOT NULL,
    received_us BIGINT NOT NULL,
    position BIGINT NOT NULL,
    xp BIGINT NOT NULL,
    PRIMARY KEY (account_id, activity_id, told_at)
);

-- Every revision heard of a day's steps.
CREATE TABLE score_day (
    account_id BYTEA NOT NULL,
    daily_id BYTEA NOT NULL,
    revision BIGINT NOT NULL,
    received_us BIGINT NOT NULL,
    position BIGINT NOT NULL,
    local_day BIGINT NOT NULL,
    steps BIGINT NOT NULL,
    PRIMARY KEY (account_id, daily_id, revision)
);

-- Accounts that show their activities to nobody unless one says otherwise.
CREATE TABLE score_only_me (
    account_id BYTEA NOT NULL PRIMARY KEY
);

CREATE TABLE contribution (
    challenge_id BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    item BYTEA NOT NULL,
    revision BIGINT NOT NULL,
    bucket BIGINT NOT NULL,
    value BIGINT NOT NULL,
    reached_us BIGINT NOT NULL,
    PRIMARY KEY (challenge_id, account_id, item)
);

-- A participant and where they stand; score is absent while nothing counts. Segments stand one a line.
CREATE TABLE score (
    challenge_id BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    member BIGINT NOT NULL,
    state TEXT NOT NULL,
    show_as TEXT NOT NULL,
    count_private BIGINT NOT NULL,
    joined_us BIGINT NOT NULL,
    segments TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    score BIGINT,
    reached_us BIGINT,
    revision BIGINT NOT NULL,
    PRIMARY KEY (challenge_id, account_id)
);

CREATE INDEX score_account ON score (account_id, state);

-- The final order, and what was said of it afterwards.
CREATE TABLE placement (
    challenge_id BYTEA NOT NULL,
    nth BIGINT NOT NULL,
    account_id BYTEA NOT NULL,
    rank BIGINT NOT NULL,
    member BIGINT NOT NULL,
    score BIGINT NOT NULL,
    reached_us BIGINT NOT NULL,
    tied BIGINT NOT NULL,
    anonymous BIGINT NOT NULL,
    PRIMARY KEY (challenge_id, nth)
);

CREATE INDEX placement_account ON placement (account_id);

CREATE TABLE placement_adjustment (
    challenge_id BYTEA NOT NULL,
    position BIGINT NOT NULL,
    account_id BYTEA NOT NULL,
    score_before BIGINT NOT NULL,
    score_after BIGINT NOT NULL,
    reason TEXT NOT NULL,
    at_us BIGINT NOT NULL,
    PRIMARY KEY (challenge_id, position)
);

-- Both sides of every entry: their amounts sum to nothing. holder: whose side it is; empty for the house's.
CREATE TABLE points_side (
    entry_id BYTEA NOT NULL,
    side TEXT NOT NULL,
    holder BYTEA NOT NULL,
    amount BIGINT NOT NULL,
    challenge_id BYTEA NOT NULL,
    at_us BIGINT NOT NULL,
    PRIMARY KEY (entry_id, side)
);

CREATE INDEX points_side_holder ON points_side (holder);
