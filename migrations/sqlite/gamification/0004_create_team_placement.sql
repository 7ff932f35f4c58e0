-- For which team somebody competed; absent where everybody competed alone.
ALTER TABLE placement ADD COLUMN team_id BLOB;

-- The final order of teams: a team is a group of social. behind: how many teams stand strictly behind.
CREATE TABLE team_placement (
    challenge_id BLOB NOT NULL,
    team_id BLOB NOT NULL,
    rank INTEGER NOT NULL,
    score INTEGER NOT NULL,
    reached_us INTEGER NOT NULL,
    tied INTEGER NOT NULL,
    members INTEGER NOT NULL,
    behind INTEGER NOT NULL,
    PRIMARY KEY (challenge_id, team_id)
);
