package audit_test

import (
	"errors"
	"log/slog"
	"slices"
	"testing"

	"github.com/keyturn/keyturn/internal/audit"
)

// TestCountersHear: who counts beside the events hears of each failure and each alarm.
func TestCountersHear(t *testing.T) {
	var heard []string
	l := audit.New(audit.Config{
		Log:     slog.New(slog.DiscardHandler),
		Failed:  func(kind, code string) { heard = append(heard, kind+"/"+code) },
		Alarmed: func(code string) { heard = append(heard, "alarm/"+code) },
	})
	l.Fail(t.Context(), audit.Caller{}, "sign_in", "signature_invalid")
	l.Alarm(t.Context(), audit.Caller{}, "account_record_tampered", errors.New("cause"))
	if want := []string{"sign_in/signature_invalid", "alarm/account_record_tampered"}; !slices.Equal(heard, want) {
		t.Errorf("heard %q, want %q", heard, want)
	}
}
