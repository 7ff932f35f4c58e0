-- Challenges as they are now. Which state one is in follows from these marks and the time.
CREATE TABLE challenge (
    challenge_id BYTEA NOT NULL PRIMARY KEY,
    author_id BYTEA NOT NULL,
    -- The encoded message, as its last event said it.
    terms BYTEA NOT NULL,
    -- `,KZ-75,KZ-71,`: empty for anywhere; sports likewise.
    regions TEXT NOT NULL,
    sports TEXT NOT NULL,
    start_us BIGINT NOT NULL,
    end_us BIGINT NOT NULL,
    opened_us BIGINT,
    stopped_us BIGINT,
    settling BIGINT NOT NULL,
    settled_us BIGINT,
    taken BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    -- Of its draft in the journal: the newest first.
    position BIGINT NOT NULL
);

CREATE UNIQUE INDEX challenge_newest ON challenge (position);

-- Who takes part, or did.
CREATE TABLE participation (
    challenge_id BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    member BIGINT NOT NULL,
    show_as TEXT NOT NULL,
    count_private BIGINT NOT NULL,
    joined_us BIGINT NOT NULL,
    -- active, left, erased
    standing TEXT NOT NULL,
    -- A line each; empty once erased.
    segments TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    PRIMARY KEY (challenge_id, account_id)
);

CREATE INDEX participation_of ON participation (account_id, challenge_id);
