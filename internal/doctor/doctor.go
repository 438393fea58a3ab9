// Package doctor looks whether a server can be run as it is set, and says how to mend
// what is wrong.
//
// It owns the table of checks: each has a name, looks at one thing, and finds it ok,
// worth a warning, failing, or could not look. A finding that is not ok is one sentence
// that says what is wrong and what to do.
//
// It changes nothing, sends no mail, and shows no secret. It never judges what the
// settings refuse by themselves, and what it cannot reach it has not checked: a machine
// without a way out is not ill.
package doctor

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"time"

	"github.com/keyturn/keyturn/internal/mail"
	"github.com/keyturn/keyturn/internal/settings"
)

// Level is how serious a finding is. The set is closed.
type Level string

// The levels.
const (
	OK      Level = "ok"
	Warn    Level = "warn"    // it runs, and not as one would want
	Fail    Level = "fail"    // something does not work
	Skipped Level = "skipped" // not checked, or there is nothing to check
)

// Finding is what a check found.
type Finding struct {
	Name     string `json:"name"`
	Level    Level  `json:"level"`
	Sentence string `json:"sentence"`
}

// StoreState is what is known of a store that could be opened.
type StoreState struct {
	Skew    time.Duration // how far this machine's clock is ahead of the store's
	Founded bool          // a server has made its keys
}

// Patient is what is looked at. Fields without a remark are required.
type Patient struct {
	Settings settings.Settings // complete and without faults
	// Given tells which settings somebody wrote down, by name.
	Given map[string]bool
	// Store opens the store with the keys, and closes it again.
	Store func(context.Context) (StoreState, error)
	// Integrity reads the whole database; nil where the store looks after that.
	Integrity func(context.Context) error
	// Free tells how many bytes are free where a folder is.
	Free func(folder string) (uint64, error)
	Now  func() time.Time
	TLS  *tls.Config // whom to trust; nil: the system's authorities
	// Transport carries requests to public addresses; nil: the net.
	Transport http.RoundTripper
}

// check is one row of the table.
type check struct {
	name string
	look func(context.Context, *Patient) (Level, string)
}

// table is every check, in the order in which findings are told. To add one is to add a
// row.
func table() []check {
	return []check{
		{"rp_id", rpID},
		{"origins", origins},
		{"public_url", publicURL},
		{"related_origins", relatedOrigins},
		{"associations", associations},
		{"mail", mailing},
		{"mail_server", mailServer},
		{"keys_server", serverKey},
		{"keys_kms", kmsKey},
		{"store", storeOpens},
		{"integrity", integrity},
		{"data_dir", dataDir},
		{"disk", disk},
		{"clock", clock},
		{"no_effect", noEffect},
	}
}

const (
	// netWait bounds a look at another machine.
	netWait = 3 * time.Second
	// readWait bounds the reading of a whole database.
	readWait = time.Minute
)

// Examine does all checks, one after the other.
func Examine(ctx context.Context, p Patient) []Finding {
	findings := make([]Finding, 0, len(table()))
	for _, c := range table() {
		level, sentence := c.look(ctx, &p)
		findings = append(findings, Finding{Name: c.name, Level: level, Sentence: sentence})
	}
	return findings
}

// Refused is what is found where the settings have faults: each of them, and nothing
// else, since nobody knows what was meant.
func Refused(faults settings.Faults) []Finding {
	findings := make([]Finding, 0, len(faults))
	for _, fault := range faults {
		findings = append(findings, Finding{Name: "settings", Level: Fail, Sentence: fault.Error()})
	}
	return findings
}

// Failed counts what fails.
func Failed(findings []Finding) (n int) {
	for _, f := range findings {
		if f.Level == Fail {
			n++
		}
	}
	return n
}

func ok(format string, args ...any) (Level, string)   { return OK, fmt.Sprintf(format, args...) }
func warn(format string, args ...any) (Level, string) { return Warn, fmt.Sprintf(format, args...) }
func fail(format string, args ...any) (Level, string) { return Fail, fmt.Sprintf(format, args...) }
func skip(format string, args ...any) (Level, string) { return Skipped, fmt.Sprintf(format, args...) }

// smtp is the mail server that the settings name.
func (p *Patient) smtp() (*mail.SMTP, error) {
	return mail.NewSMTP(mail.SMTPConfig{URL: p.Settings.Mail, TLS: p.TLS})
}
