-- What a log group was created with.

ALTER TABLE log_groups ADD COLUMN class TEXT NOT NULL DEFAULT 'STANDARD';
ALTER TABLE log_groups ADD COLUMN kms_key_id TEXT;
