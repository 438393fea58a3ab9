-- What happened to an account, in order of time. Events that concern none are not in it.
CREATE INDEX events_account ON events (account, at, chain, number) WHERE account <> x'';
