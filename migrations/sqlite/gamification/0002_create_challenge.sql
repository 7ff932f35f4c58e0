-- Challenges as they are now. Which state one is in follows from these marks and the time.
CREATE TABLE challenge (
    challenge_id BLOB NOT NULL PRIMARY KEY,
    author_id BLOB NOT NULL,
    -- The encoded message, as its last event said it.
    terms BLOB NOT NULL,
    -- `,KZ-75,KZ-71,`: empty for anywhere; sports likewise.
    regions TEXT NOT NULL,
    sports TEXT NOT NULL,
    start_us INTEGER NOT NULL,
    end_us INTEGER NOT NULL,
    opened_us INTEGER,
    stopped_us INTEGER,
    settling INTEGER NOT NULL,
    settled_us INTEGER,
    taken INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    -- Of its draft in the journal: the newest first.
    position INTEGER NOT NULL
);

CREATE UNIQUE INDEX challenge_newest ON challenge (position);

-- Who takes part, or did.
CREATE TABLE participation (
    challenge_id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    member INTEGER NOT NULL,
    show_as TEXT NOT NULL,
    count_private INTEGER NOT NULL,
    joined_us INTEGER NOT NULL,
    -- active, left, erased
    standing TEXT NOT NULL,
    -- A line each; empty once erased.
    segments TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    PRIMARY KEY (challenge_id, account_id)
);

CREATE INDEX participation_of ON participation (account_id, challenge_id);
