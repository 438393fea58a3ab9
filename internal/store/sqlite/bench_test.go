package sqlite

import (
	"runtime"
	"sync/atomic"
	"testing"
)

// BenchmarkRecordSignIn signs a thousand people in from 64 callers at a time.
func BenchmarkRecordSignIn(b *testing.B) {
	const people, callers = 1000, 64
	s := openTest(b, Config{})
	for n := range people {
		if err := s.RecordSignUp(b.Context(), signUp(n)); err != nil {
			b.Fatal(err)
		}
	}
	commits := s.Commits()
	var next atomic.Int64
	b.SetParallelism((callers + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n := int(next.Add(1))
			if err := s.RecordSignIn(b.Context(), signIn(signUp(n%people), n)); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/float64(s.Commits()-commits), "verbs/commit")
}

// BenchmarkCredentialAndAccount reads what a sign-in reads.
func BenchmarkCredentialAndAccount(b *testing.B) {
	const people = 1000
	s := openTest(b, Config{})
	for n := range people {
		if err := s.RecordSignUp(b.Context(), signUp(n)); err != nil {
			b.Fatal(err)
		}
	}
	keys := make([][]byte, people)
	for n := range keys {
		keys[n] = signUp(n).Credential.Key
	}
	var next atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, _, err := s.CredentialAndAccount(b.Context(), keys[int(next.Add(1))%people]); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
