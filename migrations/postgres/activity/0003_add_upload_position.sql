-- Where in the journal an upload was received: whoever asks "is all up to here read?" is answered from it.
-- Uploads that waited before this column say 0: they count as received before everything.
ALTER TABLE upload ADD COLUMN received_pos BIGINT NOT NULL DEFAULT 0;
CREATE INDEX upload_waiting_pos ON upload (received_pos) WHERE state = 'received';
