// Package e2e drives the built program with a real browser: what people do on
// the pages, with virtual authenticators in place of phones and security keys,
// and what goes wrong with them.
//
// It owns the harness (a server process in a directory of its own, a browser per
// test, an SMTP server), the independent verifiers, which look at the very answers that the server
// accepted, and clients by others, with the libraries that people have. It knows
// the program by its command line, its settings, its pages and its API only, never
// by its packages.
//
// Without a browser the tests are skipped; where KEYTURN_TEST_REQUIRE (a comma
// list of browser, node, python) names what is missing, they fail instead.
package e2e
