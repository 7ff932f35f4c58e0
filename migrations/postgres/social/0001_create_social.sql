-- Rows of social. Ids are 16-byte blobs, times microseconds.

-- Inline: written in the append that decided them, both directions of each pair.
-- rel: 1 friend, 2 invited, 3 received, 4 following, 5 follower, 6 requested, 7 requester, 8 blocks, 9 blocked by.
CREATE TABLE edge (
    owner BYTEA NOT NULL,
    other BYTEA NOT NULL,
    rel BIGINT NOT NULL,
    since_us BIGINT NOT NULL,
    PRIMARY KEY (owner, other, rel)
);

CREATE INDEX edge_newest ON edge (owner, rel, since_us DESC, other DESC);

-- Inline: invitations of the last day, for the daily limit.
CREATE TABLE invitation_sent (
    account_id BYTEA NOT NULL,
    at_us BIGINT NOT NULL,
    other BYTEA NOT NULL,
    PRIMARY KEY (account_id, at_us, other)
);

-- Inline. sports: words separated by one space, with one at both ends.
CREATE TABLE club (
    id BYTEA PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    region TEXT,
    sports TEXT NOT NULL,
    capacity BIGINT,
    members BIGINT NOT NULL,
    created_us BIGINT NOT NULL
);

CREATE INDEX club_newest ON club (created_us DESC, id DESC);

CREATE INDEX club_region ON club (region, created_us DESC, id DESC);

-- Inline. state: member, requested, invited, banned; role: empty unless member.
CREATE TABLE member (
    group_id BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    state TEXT NOT NULL,
    role TEXT NOT NULL,
    since_us BIGINT NOT NULL,
    PRIMARY KEY (group_id, account_id)
);

CREATE INDEX member_of ON member (account_id, state, group_id);

CREATE INDEX member_oldest ON member (group_id, state, since_us, account_id);

-- Inline.
CREATE TABLE kudos (
    item BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    at_us BIGINT NOT NULL,
    PRIMARY KEY (item, account_id)
);

CREATE INDEX kudos_by ON kudos (account_id, at_us, item);

-- Inline.
CREATE TABLE comment (
    id BYTEA PRIMARY KEY,
    item BYTEA NOT NULL,
    author_id BYTEA NOT NULL,
    text TEXT NOT NULL,
    at_us BIGINT NOT NULL
);

CREATE INDEX comment_oldest ON comment (item, at_us, id);

CREATE INDEX comment_by ON comment (author_id, item);

-- Projected from auth: whom search may find. name_key: the folded words, separated by one space.
CREATE TABLE person (
    account_id BYTEA PRIMARY KEY,
    name_key TEXT NOT NULL,
    region TEXT,
    searchable BIGINT NOT NULL,
    erased BIGINT NOT NULL
);

CREATE INDEX person_region ON person (region, account_id);

CREATE TABLE person_token (
    token BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    PRIMARY KEY (token, account_id)
);

CREATE INDEX person_token_of ON person_token (account_id);

-- The words that somebody bears, and those by three of their letters.
CREATE TABLE name_word (
    token BYTEA PRIMARY KEY
);

CREATE TABLE word_gram (
    gram BYTEA NOT NULL,
    token BYTEA NOT NULL,
    PRIMARY KEY (gram, token)
);

-- Projected from activity.
CREATE TABLE person_sport (
    account_id BYTEA NOT NULL,
    sport TEXT NOT NULL,
    PRIMARY KEY (account_id, sport)
);

CREATE INDEX person_sport_of ON person_sport (sport, account_id);

-- Projected from activity and gamification. subject: the activity or the challenge.
CREATE TABLE post (
    item BYTEA PRIMARY KEY,
    author BYTEA NOT NULL,
    at_us BIGINT NOT NULL,
    kind TEXT NOT NULL,
    subject BYTEA,
    badge TEXT NOT NULL,
    place BIGINT NOT NULL,
    shown BIGINT NOT NULL
);

CREATE INDEX post_newest ON post (author, at_us DESC, item DESC);

-- Projected from the own journal: the state topic of changed relations.
CREATE TABLE relation_state (
    account_id BYTEA PRIMARY KEY,
    revision BIGINT NOT NULL
);
