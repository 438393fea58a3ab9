package record

import (
	"bytes"
	"testing"
)

// TestKeyedFunctionsDoNotCollide: no two questions have one answer, across kinds
// and however the parts are cut.
func TestKeyedFunctionsDoNotCollide(t *testing.T) {
	v := openVault(t)
	answers := map[string]string{}
	put := func(question string, answer []byte) {
		t.Helper()
		if len(answer) != 32 {
			t.Errorf("%s: %d bytes", question, len(answer))
		}
		if other, taken := answers[string(answer)]; taken {
			t.Errorf("%s and %s have one answer", question, other)
		}
		answers[string(answer)] = question
	}
	words := []string{"", "a", "aa", "aaa", "credential", "identifier", "username", "email", "ticket", "a\x00", "\x00a"}
	for _, a := range words {
		for _, b := range words {
			put("credential "+a+"|"+b, v.LookupCredential(a, []byte(b)))
			put("identifier "+a+"|"+b, v.LookupIdentifier(a, b))
			put("decoy "+a+"|"+b, v.Decoy(a, 32, []byte(b)))
			put("secret "+a+"|"+b, v.HashSecret(a, []byte(b)))
		}
		put("decoy "+a, v.Decoy(a, 32))
	}
	for i := range 100 {
		put("ticket", v.TicketKey([16]byte{byte(i), 1}))
	}
}

func TestDecoy(t *testing.T) {
	v := openVault(t)
	long := v.Decoy("list", 1000, []byte("eve"))
	for _, n := range []int{-1, 0, 1, 31, 32, 33, 64, 1000} {
		got := v.Decoy("list", n, []byte("eve"))
		if len(got) != max(n, 0) || !bytes.Equal(got, long[:max(n, 0)]) {
			t.Errorf("n = %d: %d bytes", n, len(got))
		}
	}
	if bytes.Equal(long[:32], long[32:64]) {
		t.Error("blocks repeat")
	}
}
