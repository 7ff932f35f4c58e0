-- What rules look at that compare activities with each other: where each began and ended, and what its recording is made
-- of. `position` is that of the event that brought the recording: who had it first. `held`: by which of these rules it is flagged.
ALTER TABLE activity_start ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
ALTER TABLE activity_start ADD COLUMN live INTEGER NOT NULL DEFAULT 1;
ALTER TABLE activity_start ADD COLUMN clear INTEGER NOT NULL DEFAULT 1;
ALTER TABLE activity_start ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE activity_start ADD COLUMN utc_offset_s INTEGER NOT NULL DEFAULT 0;
ALTER TABLE activity_start ADD COLUMN print INTEGER;
ALTER TABLE activity_start ADD COLUMN trace BLOB;
CREATE INDEX activity_start_by_print ON activity_start (print, position, activity_id) WHERE print IS NOT NULL;
