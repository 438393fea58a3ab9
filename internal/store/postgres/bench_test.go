//go:build unix

package postgres

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

// spentCPU is the processor time that this process has used, the engine's not.
func spentCPU(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure runs do b.N times from so many callers, and reports the processor time of
// one besides what a benchmark reports.
func measure(b *testing.B, callers int, do func(n int) error) {
	b.Helper()
	var next atomic.Int64
	b.SetParallelism((callers + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
	b.ReportAllocs()
	before := spentCPU(b)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := do(int(next.Add(1))); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64((spentCPU(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

const people = 1000

// peopled is a store where people have signed up, and how they did.
func peopled(b *testing.B) (*Store, []store.SignUp) {
	b.Helper()
	s := openTest(b, Config{})
	all := make([]store.SignUp, people)
	for n := range all {
		all[n] = signUp(n)
		if err := s.RecordSignUp(b.Context(), all[n]); err != nil {
			b.Fatal(err)
		}
	}
	return s, all
}

// BenchmarkRecordSignIn signs people in, from 16 callers at a time.
func BenchmarkRecordSignIn(b *testing.B) {
	s, all := peopled(b)
	made := make([]store.SignIn, b.N)
	for n := range made {
		made[n] = signIn(all[n%people], n)
	}
	measure(b, 16, func(n int) error { return s.RecordSignIn(b.Context(), made[n-1]) })
}

// BenchmarkCredentialAndAccount reads what a sign-in reads.
func BenchmarkCredentialAndAccount(b *testing.B) {
	s, all := peopled(b)
	measure(b, 16, func(n int) error {
		_, _, err := s.CredentialAndAccount(b.Context(), all[n%people].Credential.Key)
		return err
	})
}

// BenchmarkSessionAndAccount reads what every call of a signed-in person reads.
func BenchmarkSessionAndAccount(b *testing.B) {
	s, all := peopled(b)
	measure(b, 16, func(n int) error {
		_, _, err := s.SessionAndAccount(b.Context(), all[n%people].Session.Key)
		return err
	})
}
