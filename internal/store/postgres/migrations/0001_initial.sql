-- readable from: 1
--
-- Bodies are opaque: sealed or authenticated before they come here. The columns
-- beside them find, order and compare rows. Times are milliseconds since 1970,
-- UTC, and 0 for none. Names are bytes, so that no collation orders them. An absent
-- value is an empty one, so nothing is NULL.

-- op is the operation that wrote the row last: a verb without a spend finds out
-- from it that it has already happened.
CREATE TABLE accounts (
  key     bytea NOT NULL,
  version bigint NOT NULL,
  body    bytea NOT NULL,
  op      bytea NOT NULL,
  CONSTRAINT accounts_pkey PRIMARY KEY (key)
) WITH (fillfactor = 80);

CREATE TABLE identifiers (
  key     bytea NOT NULL,
  account bytea NOT NULL,
  body    bytea NOT NULL,
  CONSTRAINT identifiers_pkey PRIMARY KEY (key)
);

-- No index but the key: each use updates the row, and an update that touches no index
-- stays on its page.
CREATE TABLE credentials (
  version    bigint NOT NULL,
  state      bigint NOT NULL,
  last_used  bigint NOT NULL,
  times_used bigint NOT NULL,
  key        bytea NOT NULL,
  account    bytea NOT NULL,
  body       bytea NOT NULL,
  name       bytea NOT NULL,
  sealed     bytea NOT NULL,
  CONSTRAINT credentials_pkey PRIMARY KEY (key)
) WITH (fillfactor = 70);

-- Keys are UUIDv7, so inserts land at the end.
CREATE TABLE sessions (
  version bigint NOT NULL,
  expires bigint NOT NULL,
  key     bytea NOT NULL,
  account bytea NOT NULL,
  body    bytea NOT NULL,
  CONSTRAINT sessions_pkey PRIMARY KEY (key)
) WITH (fillfactor = 90);
CREATE INDEX sessions_account ON sessions (account, key);
CREATE INDEX sessions_expires ON sessions (expires);

CREATE TABLE tickets (
  version bigint NOT NULL,
  expires bigint NOT NULL,
  key     bytea NOT NULL,
  account bytea NOT NULL,
  body    bytea NOT NULL,
  CONSTRAINT tickets_pkey PRIMARY KEY (key)
);
CREATE INDEX tickets_expires ON tickets (expires);

-- Expiry leads the key: inserts land near the end, and forgetting is a range delete.
CREATE TABLE spends (
  expires bigint NOT NULL,
  verb    integer NOT NULL,
  id      bytea NOT NULL,
  op      bytea NOT NULL,
  issued  bytea NOT NULL,
  CONSTRAINT spends_pkey PRIMARY KEY (expires, id)
);

CREATE TABLE events (
  chain   bigint NOT NULL,
  number  bigint NOT NULL,
  at      bigint NOT NULL,
  account bytea NOT NULL,
  link    bytea NOT NULL,
  body    bytea NOT NULL,
  CONSTRAINT events_pkey PRIMARY KEY (chain, number)
);
-- What happened to an account, in order of time. Events that concern none are not in it.
CREATE INDEX events_account ON events (account, at, chain, number) WHERE account <> ''::bytea;

CREATE TABLE keys (
  kind    bytea NOT NULL,
  number  bigint NOT NULL,
  version bigint NOT NULL,
  body    bytea NOT NULL,
  CONSTRAINT keys_pkey PRIMARY KEY (kind, number)
);

CREATE TABLE markers (
  name    bytea NOT NULL,
  version bigint NOT NULL,
  body    bytea NOT NULL,
  CONSTRAINT markers_pkey PRIMARY KEY (name)
);

-- What is owed. due moves on with each taking, which taken counts.
CREATE TABLE mails (
  due   bigint NOT NULL,
  taken bigint NOT NULL,
  key   bytea NOT NULL,
  body  bytea NOT NULL,
  CONSTRAINT mails_pkey PRIMARY KEY (key)
);
CREATE INDEX mails_due ON mails (due, key);

-- The last uses of what is limited, at most 64, in milliseconds since 1970, the
-- earliest first. No rate looks at them after expires.
CREATE TABLE hits (
  expires bigint NOT NULL,
  key     bytea NOT NULL,
  at      bigint[] NOT NULL,
  CONSTRAINT hits_pkey PRIMARY KEY (key)
);
CREATE INDEX hits_expires ON hits (expires);

-- One row, written to find out whether writing works.
CREATE TABLE pulse (
  id integer NOT NULL,
  at bigint NOT NULL,
  CONSTRAINT pulse_pkey PRIMARY KEY (id)
);
INSERT INTO pulse (id, at) VALUES (1, 0);
