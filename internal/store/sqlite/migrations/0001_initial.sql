-- Bodies are opaque: sealed or authenticated before they come here. The columns
-- beside them find, order and compare rows. Times are milliseconds since 1970,
-- UTC, and 0 for none. An absent blob is an empty one, so nothing is NULL.

-- op is the operation that wrote the row last: a verb without a spend finds out
-- from it that it has already happened.
CREATE TABLE accounts (
  key     BLOB NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  body    BLOB NOT NULL,
  op      BLOB NOT NULL
) STRICT;

CREATE TABLE identifiers (
  key     BLOB NOT NULL PRIMARY KEY,
  account BLOB NOT NULL,
  body    BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE credentials (
  key        BLOB NOT NULL PRIMARY KEY,
  version    INTEGER NOT NULL,
  state      INTEGER NOT NULL,
  last_used  INTEGER NOT NULL,
  times_used INTEGER NOT NULL,
  account    BLOB NOT NULL,
  body       BLOB NOT NULL,
  name       BLOB NOT NULL,
  sealed     BLOB NOT NULL
) STRICT;

-- Keys are UUIDv7, so inserts land at the end.
CREATE TABLE sessions (
  key     BLOB NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  account BLOB NOT NULL,
  body    BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_account ON sessions (account, key);
CREATE INDEX sessions_expires ON sessions (expires);

CREATE TABLE tickets (
  key     BLOB NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  account BLOB NOT NULL,
  body    BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tickets_expires ON tickets (expires);

-- Expiry leads the key: inserts land near the end, and forgetting is a range delete.
CREATE TABLE spends (
  expires INTEGER NOT NULL,
  id      BLOB NOT NULL,
  op      BLOB NOT NULL,
  verb    INTEGER NOT NULL,
  issued  BLOB NOT NULL,
  PRIMARY KEY (expires, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
  chain   INTEGER NOT NULL,
  number  INTEGER NOT NULL,
  at      INTEGER NOT NULL,
  account BLOB NOT NULL,
  link    BLOB NOT NULL,
  body    BLOB NOT NULL,
  PRIMARY KEY (chain, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
  kind    TEXT NOT NULL,
  number  INTEGER NOT NULL,
  version INTEGER NOT NULL,
  body    BLOB NOT NULL,
  PRIMARY KEY (kind, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE markers (
  name    TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  body    BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- One row, written to find out whether writing works.
CREATE TABLE pulse (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  at INTEGER NOT NULL
) STRICT;
