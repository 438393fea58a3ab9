-- What is owed. due moves on with each taking, which taken counts.
CREATE TABLE mails (
  key   BLOB NOT NULL PRIMARY KEY,
  due   INTEGER NOT NULL,
  taken INTEGER NOT NULL,
  body  BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX mails_due ON mails (due, key);

-- The last uses of what is limited, at most 64: milliseconds since 1970 as eight bytes
-- each, the earliest first. No rate looks at them after expires.
CREATE TABLE hits (
  key     BLOB NOT NULL PRIMARY KEY,
  expires INTEGER NOT NULL,
  body    BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX hits_expires ON hits (expires);
