-- Read models that are made anew beside the old, or were, with the old one kept.
CREATE TABLE es_rebuild (
  model      TEXT NOT NULL PRIMARY KEY,
  -- building, kept
  state      TEXT NOT NULL,
  -- By whom and into what: whoever differs begins anew.
  shape      TEXT NOT NULL,
  begun_us   BIGINT NOT NULL,
  flipped_us BIGINT
);

-- How often the values of a state topic were made anew: the upper part of their revisions.
CREATE TABLE es_generation (
  topic      TEXT NOT NULL PRIMARY KEY,
  generation BIGINT NOT NULL,
  model      TEXT NOT NULL
);
