package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/store"
)

// failures sums what the chains remember of failed attempts, and counts the events.
func failures(t *testing.T, w *ceremonytest.World) (events int, counts map[string]uint64) {
	t.Helper()
	counts = map[string]uint64{}
	for chain := range w.Store.Chains() {
		records, err := read(t, w.Audit, chain)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			if r.Name != audit.AttemptsFailed {
				continue
			}
			events++
			for k, n := range r.Counts {
				counts[k] += n
			}
		}
	}
	return events, counts
}

func TestFlushSumsFailures(t *testing.T) {
	w := ceremonytest.New(t)
	before := w.Store.Writes()
	for range 100 {
		w.Audit.Fail(t.Context(), audit.Caller{}, "sign_in", "signature_invalid")
	}
	w.Audit.Fail(t.Context(), audit.Caller{}, "sign_up", "signature_invalid")
	w.Audit.Alarm(t.Context(), audit.Caller{}, "account_record_tampered", errors.New("cause"))
	if wrote := w.Store.Writes() - before; wrote != 0 {
		t.Fatalf("counting wrote %d times", wrote)
	}
	if err := w.Audit.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	events, counts := failures(t, w)
	want := map[string]uint64{"sign_in/signature_invalid": 100, "sign_up/signature_invalid": 1, "alarm/account_record_tampered": 1}
	if events != 1 || !maps.Equal(counts, want) {
		t.Fatalf("%d events, %v", events, counts)
	}
	before = w.Store.Writes()
	if err := w.Audit.Flush(t.Context()); err != nil || w.Store.Writes() != before {
		t.Fatalf("a second flush wrote again: %v", err)
	}
}

// flaky is a store whose events cannot be written while it holds an error.
type flaky struct {
	store.Events
	err error
}

func (f *flaky) Append(ctx context.Context, event store.EventFunc) error {
	if f.err != nil {
		return f.err
	}
	return f.Events.Append(ctx, event)
}

func TestFlushThatFailsKeepsCounts(t *testing.T) {
	w := ceremonytest.New(t)
	down := &flaky{w.Store, errors.New("disk full")}
	log := audit.New(audit.Config{Vault: w.Vault, Store: down, Log: slog.New(slog.DiscardHandler), Now: w.Clock.Now})
	log.Fail(t.Context(), audit.Caller{}, "sign_in", "x")
	if err := log.Flush(t.Context()); !errors.Is(err, down.err) {
		t.Fatalf("error %v, want %v", err, down.err)
	}
	log.Fail(t.Context(), audit.Caller{}, "sign_in", "x")
	log.Fail(t.Context(), audit.Caller{}, "sign_in", "y")
	down.err = nil
	if err := log.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	events, counts := failures(t, w)
	if want := map[string]uint64{"sign_in/x": 2, "sign_in/y": 1}; events != 1 || !maps.Equal(counts, want) {
		t.Fatalf("%d events, %v; want %v", events, counts, want)
	}
}

// TestNoFailureIsLost: counting and flushing at once lose none and count none twice.
func TestNoFailureIsLost(t *testing.T) {
	w := ceremonytest.New(t)
	const callers, each = 8, 50
	var wait sync.WaitGroup
	for range callers {
		wait.Go(func() {
			for range each {
				w.Audit.Fail(t.Context(), audit.Caller{}, "sign_in", "x")
				if err := w.Audit.Flush(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if _, counts := failures(t, w); counts["sign_in/x"] != callers*each {
		t.Fatalf("%d of %d failures remembered", counts["sign_in/x"], callers*each)
	}
}

// TestOneLineEach: whatever a client says of itself, an attempt and an alarm are one
// line of the log each, and the line says what we said.
func TestOneLineEach(t *testing.T) {
	w := ceremonytest.New(t)
	before := len(w.Journal.String())
	evil := "x\r\n{\"level\":\"ERROR\",\"msg\":\"alarm\",\"alarm\":\"forged\"}\r\n\u2028\x1b[31m"
	caller := audit.Caller{RequestID: evil, UserAgent: evil, Door: evil}
	w.Audit.Fail(t.Context(), caller, "sign_in", "signature_invalid")
	w.Audit.Alarm(t.Context(), caller, "account_record_tampered", errors.New(evil))
	lines := strings.Split(strings.TrimSuffix(w.Journal.String()[before:], "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines, want 2: %q", len(lines), lines)
	}
	for i, want := range []map[string]string{
		{"level": "INFO", "msg": "attempt failed", "ceremony": "sign_in", "code": "signature_invalid", "request_id": evil},
		{"level": "ERROR", "msg": "alarm", "alarm": "account_record_tampered", "request_id": evil},
	} {
		var line map[string]any
		if err := json.Unmarshal([]byte(lines[i]), &line); err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
		for k, v := range want {
			if line[k] != v {
				t.Fatalf("line %d: %s is %q, want %q", i, k, line[k], v)
			}
		}
	}
}

// TestAgentsThatAreNoText: what a client says of itself is cut to a bound and never
// makes an event that does not read back, which would look like tampering for ever.
func TestAgentsThatAreNoText(t *testing.T) {
	w := ceremonytest.New(t)
	for _, agent := range []string{
		"", "Firefox", "a\xff\xfeb", strings.Repeat("a", 255) + "é", strings.Repeat("é", 4096), "x\r\ny", string([]byte{0xc3}),
	} {
		entry := audit.Entry{Name: audit.SignedOut}.By(audit.Caller{UserAgent: agent})
		if len(entry.Agent) > 256 || !utf8.ValidString(entry.Agent) {
			t.Errorf("agent %.20q became %d bytes, valid %v", agent, len(entry.Agent), utf8.ValidString(entry.Agent))
		}
		if err := w.Store.Append(t.Context(), w.Audit.Event(entry)); err != nil {
			t.Fatal(err)
		}
	}
	for chain := range w.Store.Chains() {
		if _, err := read(t, w.Audit, chain); err != nil {
			t.Errorf("chain %d: %v", chain, errors.Unwrap(err))
		}
	}
}

func TestNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7":                  "192.0.2.7/32",
		"::ffff:192.0.2.7":           "192.0.2.7/32",
		"2001:db8:1:2:3:4:5:6":       "2001:db8:1:2::/64",
		"fe80::1%eth0":               "fe80::/64",
		"2001:db8:1:2:ffff:ffff::99": "2001:db8:1:2::/64",
	} {
		if got := (audit.Caller{Address: netip.MustParseAddr(address)}).Network(); got.String() != want {
			t.Errorf("%s is of network %s, want %s", address, got, want)
		}
	}
	if got := (audit.Caller{}).Network(); got.IsValid() {
		t.Errorf("no address is of network %s", got)
	}
}
