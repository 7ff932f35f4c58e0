-- For which team somebody competed; absent where everybody competed alone.
ALTER TABLE placement ADD COLUMN team_id BYTEA;

-- The final order of teams: a team is a group of social. behind: how many teams stand strictly behind.
CREATE TABLE team_placement (
    challenge_id BYTEA NOT NULL,
    team_id BYTEA NOT NULL,
    rank BIGINT NOT NULL,
    score BIGINT NOT NULL,
    reached_us BIGINT NOT NULL,
    tied BIGINT NOT NULL,
    members BIGINT NOT NULL,
    behind BIGINT NOT NULL,
    PRIMARY KEY (challenge_id, team_id)
);
