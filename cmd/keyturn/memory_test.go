package main

import (
	"runtime/debug"
	"testing"
)

// TestSettle: the operator's GOGC is left alone, and ours holds without one.
func TestSettle(t *testing.T) {
	before := debug.SetGCPercent(77)
	defer debug.SetGCPercent(before)
	for _, c := range []struct {
		env  []string
		want int
	}{
		{[]string{"HOME=/", "GOGC=50"}, 77},
		{[]string{"HOME=/", "MYGOGC=50"}, collectAt},
	} {
		(&program{env: c.env}).settle()
		if got := debug.SetGCPercent(77); got != c.want {
			t.Errorf("%v: %d, want %d", c.env, got, c.want)
		}
	}
}
