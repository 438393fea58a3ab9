package ceremony

import "testing"

// TestEvidence: what authenticators send is kept, what only a stranger would is not.
func TestEvidence(t *testing.T) {
	for size, kept := range map[int]bool{200: true, maxEvidence: true, maxEvidence + 1: false, 60_000: false} {
		if got := evidence(make([]byte, size)); (len(got) == size) != kept || !kept && got != nil {
			t.Errorf("%d bytes: kept %d, want kept: %t", size, len(got), kept)
		}
	}
}
