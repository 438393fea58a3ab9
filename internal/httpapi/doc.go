// Package httpapi is the REST door: it turns HTTP requests into calls of the heart
// and what comes back into answers, exactly as the public contract says. It also
// serves the pages, the well-known documents and the two health checks.
//
// It owns everything that is HTTP: which Host and Origin may ask, cookies, the one
// table from failures to public codes, the headers of every answer, the address of
// the client behind proxies, one log line per request. It hides how a session is
// carried: below it nobody knows a cookie's name.
//
// It holds no rule about people, passkeys or tokens, never sees a store, and never
// tells why a sign-in failed.
package httpapi
