-- What the store of bytes calls an object that is being put together there. Null until its first part.
ALTER TABLE objects ADD COLUMN upload TEXT;
