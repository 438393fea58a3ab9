package assurance_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/keyturn/keyturn/internal/assurance"
	"github.com/keyturn/keyturn/webauthn"
)

// TestTruthTable walks every combination of what a passkey can show. Two factors are
// claimed only for user verification by a credential that has verified its person
// before; nothing ever claims a third level, or hardware, without attestation.
func TestTruthTable(t *testing.T) {
	single := []string{"pop", "user"}
	double := []string{"pop", "user", "mfa"}
	for _, row := range []struct {
		verified, synced, initialized bool
		aal                           int
		amr, reasons                  []string
	}{
		{false, false, false, 1, single, []string{"phishing_resistant", "key_unattested", "single_factor"}},
		{false, false, true, 1, single, []string{"phishing_resistant", "key_unattested", "single_factor"}},
		{false, true, false, 1, single, []string{"phishing_resistant", "key_exportable", "single_factor"}},
		{false, true, true, 1, single, []string{"phishing_resistant", "key_exportable", "single_factor"}},
		{true, false, false, 1, single, []string{"phishing_resistant", "key_unattested", "single_factor"}},
		{true, true, false, 1, single, []string{"phishing_resistant", "key_exportable", "single_factor"}},
		{true, false, true, 2, double, []string{"phishing_resistant", "key_unattested", "user_verified"}},
		{true, true, true, 2, double, []string{"phishing_resistant", "key_exportable", "user_verified"}},
	} {
		// What is present or backed up now must not change the level: only what was
		// verified does.
		for _, backedUp := range []bool{false, row.synced} {
			t.Run(fmt.Sprintf("verified %v synced %v initialized %v backed up %v", row.verified, row.synced, row.initialized, backedUp), func(t *testing.T) {
				got := assurance.OfAssertion(&webauthn.Assertion{
					UserVerified: row.verified, BackupEligible: row.synced, BackupState: backedUp,
				}, assurance.Credential{UVInitialized: row.initialized})
				want(t, got, row.aal, row.amr, row.reasons)
			})
		}
	}
}

// TestRegistrationTruthTable: a registration that verified its person begins with two
// factors, any other with one.
func TestRegistrationTruthTable(t *testing.T) {
	for _, row := range []struct {
		verified, synced bool
		aal              int
		amr, reasons     []string
	}{
		{false, false, 1, []string{"pop", "user"}, []string{"phishing_resistant", "key_unattested", "single_factor"}},
		{false, true, 1, []string{"pop", "user"}, []string{"phishing_resistant", "key_exportable", "single_factor"}},
		{true, false, 2, []string{"pop", "user", "mfa"}, []string{"phishing_resistant", "key_unattested", "user_verified"}},
		{true, true, 2, []string{"pop", "user", "mfa"}, []string{"phishing_resistant", "key_exportable", "user_verified"}},
	} {
		t.Run(fmt.Sprintf("verified %v synced %v", row.verified, row.synced), func(t *testing.T) {
			got := assurance.OfRegistration(&webauthn.Registration{UserVerified: row.verified, BackupEligible: row.synced})
			want(t, got, row.aal, row.amr, row.reasons)
		})
	}
}

// TestLevelsShareNothing: a level that a caller changes changes no other.
func TestLevelsShareNothing(t *testing.T) {
	one := assurance.OfRegistration(&webauthn.Registration{UserVerified: true})
	one.AMR[0], one.Reasons[0] = "hwk", "attested"
	two := assurance.OfRegistration(&webauthn.Registration{UserVerified: true})
	want(t, two, 2, []string{"pop", "user", "mfa"}, []string{"phishing_resistant", "key_unattested", "user_verified"})
}

func want(t *testing.T, got assurance.Level, aal int, amr, reasons []string) {
	t.Helper()
	if got.AAL != aal || got.ACR != "phr" || !slices.Equal(got.AMR, amr) || !slices.Equal(got.Reasons, reasons) {
		t.Fatalf("level %+v, want AAL %d, acr phr, amr %v, reasons %v", got, aal, amr, reasons)
	}
}
