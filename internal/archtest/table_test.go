package archtest

// module is our import path; packages are named below by what follows it, "." for
// the root.
const module = "github.com/keyturn/keyturn"

// anything is the right to import every package of ours.
const anything = "*"

// row says what a package may import of ours, in files that are no tests.
type row struct {
	pkg  string
	may  []string
	why  string
	test bool // support for tests: tests and other such support import it, and who names it
}

// imports is the table. What does not stand in it is not allowed, and a package
// without a row is a fault.
func imports() []row {
	const (
		account, assurance, audit = "internal/account", "internal/assurance", "internal/audit"
		ceremony, limit, record   = "internal/ceremony", "internal/limit", "internal/record"
		mail                      = "internal/mail"
		seal, session, store      = "internal/seal", "internal/session", "internal/store"
		ticket, token, webauthn   = "internal/ticket", "internal/token", "webauthn"
		transfer                  = "internal/transfer"
	)
	return []row{
		{pkg: "webauthn", why: "pure: the standard's procedures, without I/O, clock or policy"},
		{pkg: store, why: "vocabulary: it knows no policy and no key, so it can know nobody"},
		{pkg: seal, why: "keys and AEAD alone, so that it can be reviewed by itself"},

		{pkg: "internal/store/sqlite", may: []string{store}, why: "a backend sees rows, never what they say"},
		{pkg: "internal/store/postgres", may: []string{store}, why: "a backend sees rows, never what they say"},
		{pkg: "internal/store/dynamo", may: []string{store}, why: "a backend sees rows, never what they say"},
		{pkg: record, may: []string{store, seal}, why: "the only translation between a row and a fact"},
		{pkg: ticket, may: []string{store, seal}, why: "seals what nobody stores, and names its spend"},
		{pkg: assurance, may: []string{webauthn}, why: "judges evidence, and evidence is webauthn's"},
		{pkg: audit, may: []string{store, record}, why: "events are rows, sealed by record"},
		{pkg: limit, may: []string{store, record}, why: "guess limits are rows; flood limits need nobody"},
		{pkg: mail, may: []string{store, record, audit}, why: "owes, writes and sends; whom to and with which link, account tells it"},
		{pkg: session, may: []string{store, record, limit, audit, mail}, why: "who is signed in, whatever the ceremony was; it owes notices"},
		{pkg: account, may: []string{store, record, ticket, session, mail, limit, audit}, why: "people and their ways in; it proves nothing itself"},
		{
			pkg: ceremony, may: []string{webauthn, store, record, ticket, assurance, audit, limit, mail, session, account},
			why: "the heart knows memory and procedures both, but neither backends nor keys",
		},
		{pkg: token, may: []string{ceremony, session, store, record, audit}, why: "what a proof earns; only ceremony makes proofs"},
		{
			pkg: transfer, may: []string{store, record, audit, account},
			why: "moves facts that record opens and seals; which names lead to an account, account says",
		},
		{
			pkg: "internal/transfer/passwordless", may: []string{webauthn, record, account, transfer},
			why: "reads another system's table: it never sees a store of ours",
		},
		{
			pkg: "internal/httpapi", may: []string{ceremony, account, session, token, audit, limit, webauthn},
			why: "a door holds no rule of its own and never sees a store",
		},

		{pkg: "internal/settings", may: []string{webauthn}, why: "what can be set is said before anything runs"},
		{
			pkg: "internal/bench", may: []string{"webauthn/webauthntest"},
			why: "load from outside, by people with passkeys: it knows a server's command line and API, and nothing of its inside",
		},
		{pkg: "internal/doctor", may: []string{"internal/settings", seal, mail}, why: "looks at what is set; stores are opened for it, and it names none"},
		{pkg: "internal/metrics", may: []string{store}, why: "counts what it is told, and times a store; nothing waits for it"},
		{pkg: "console", why: "pages are files"},
		{pkg: ".", may: []string{anything}, why: "wires the house; only here is a backend named"},
		{pkg: "cmd/keyturn", may: []string{anything}, why: "a shell around the root"},
		{pkg: "internal/archtest", why: "reads source"},

		{pkg: "webauthn/webauthntest", may: []string{webauthn}, test: true, why: "an authenticator beside the procedures, sharing nothing with them"},
		{pkg: "internal/store/storetest", may: []string{store}, test: true, why: "promises are the vocabulary's, whatever the backend"},
		{pkg: "internal/store/dynamo/dynamotest", test: true, why: "starts a server; it knows nothing of what is kept in it"},
		{pkg: "internal/store/postgres/postgrestest", test: true, why: "starts an engine; it knows nothing of what is kept in it"},
		{pkg: "internal/ceremony/ceremonytest", may: []string{anything}, test: true, why: "builds the heart on a real store, as the root does"},
		{
			pkg: "drills", may: []string{webauthn, "webauthn/webauthntest", "internal/store/dynamo/dynamotest", "internal/store/postgres/postgrestest"},
			test: true, why: "attacks the built binary from outside; the engines that it runs on are started by those who know how",
		},
		{pkg: "e2e", may: []string{".", webauthn, "webauthn/webauthntest"}, test: true, why: "sees the built binary and what is public"},
	}
}

// backends may be named by the root and by support for tests, nobody else, whatever
// the table says.
func backends() []string {
	return []string{"internal/store/sqlite", "internal/store/postgres", "internal/store/dynamo"}
}

// vague names say what a package is made of, not what it is for.
func vague() []string {
	return []string{
		"util", "utils", "common", "helper", "helpers", "manager", "managers", "model", "models",
		"type", "types", "service", "services", "misc", "shared", "mock", "mocks",
	}
}

// reserved is the right of one package to call a method by name, beside the package
// that declares it: it turns an identifier into authority.
type reserved struct {
	name  string // of the function or method
	owner string
	only  string
	why   string
}

func reservations() []reserved {
	return []reserved{{
		name: "Resume", owner: "internal/session", only: "internal/token",
		why: "it makes a session's authority out of an identifier, which token has verified in a bearer",
	}, {
		name: "SignExport", owner: "internal/record", only: "internal/transfer",
		why: "whatever it signs, another deployment takes for accounts of ours",
	}}
}
