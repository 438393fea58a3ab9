// Package drills attacks the built program and breaks what it stands on: garbage,
// races, a writer in its database, kill -9, bombs, clients that never finish, stores that
// crash, hang and fail, and disks that are full or do not sync.
//
// It owns the harness (a deployment in a directory of its own, several of them on one
// store of any kind, clients with software authenticators, an eye on the database from
// outside, an SMTP server) and one drill per file. Each drill draws everything random
// from one seed, prints one line with the seed and its figure, and fails when the pass
// figure is missed. All of it stays on loopback, ends by itself, and ends only processes
// that it started.
//
// It knows the program by its command line, settings, API and log, never by its
// packages; the database it knows as somebody does who has the file and no key.
//
// By default the drills are small, a few seconds each. KEYTURN_DRILLS=full makes them
// as large as their pass figures ask; KEYTURN_DRILLS_SEED=N repeats one that failed.
package drills
