-- What an account has been told last.
CREATE TABLE progress (
    account_id BYTEA NOT NULL PRIMARY KEY,
    xp BIGINT NOT NULL,
    level BIGINT NOT NULL,
    streak_days BIGINT NOT NULL,
    streak_last_day BIGINT NOT NULL
);

-- One small fact for each activity that counts.
CREATE TABLE activity_fact (
    account_id BYTEA NOT NULL,
    activity_id BYTEA NOT NULL,
    sport TEXT NOT NULL,
    start_us BIGINT NOT NULL,
    end_us BIGINT NOT NULL,
    time_zone TEXT NOT NULL,
    utc_offset_s BIGINT NOT NULL,
    PRIMARY KEY (account_id, activity_id)
);

CREATE INDEX activity_fact_newest ON activity_fact (account_id, start_us);

-- Badges held, with what explains them; because holds an encoded message.
CREATE TABLE achievement (
    achievement_id BYTEA NOT NULL PRIMARY KEY,
    account_id BYTEA NOT NULL,
    badge TEXT NOT NULL,
    unlocked_us BIGINT NOT NULL,
    rule TEXT NOT NULL,
    rule_version BIGINT NOT NULL,
    because BYTEA NOT NULL
);

CREATE INDEX achievement_newest ON achievement (account_id, unlocked_us, achievement_id);
