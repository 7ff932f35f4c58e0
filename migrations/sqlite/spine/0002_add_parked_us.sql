-- Since when a record waits. 0: it was parked before that was kept.
ALTER TABLE es_dlq ADD COLUMN parked_us INTEGER NOT NULL DEFAULT 0;
