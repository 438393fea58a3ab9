//go:build unix

package postgres

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyturn/keyturn/internal/store"
	"github.com/keyturn/keyturn/internal/store/postgres/postgrestest"
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

// engineCPU is the processor time that the engine behind conn has used; 0 where the
// system does not show it as Linux does. It counts in steps of 10 ms.
func engineCPU(b *testing.B, conn *pgx.Conn) time.Duration {
	b.Helper()
	const step = 10 * time.Millisecond
	var all time.Duration
	for _, pid := range value[[]int](b, conn, "SELECT array_agg(pid) FROM pg_stat_activity") {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue // it has ended, or there is no such file here
		}
		// Time stands in fields 14 and 15 (proc(5)); the name, before, ends in a bracket.
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		for _, field := range fields[11:13] {
			n, err := strconv.Atoi(field)
			if err != nil {
				b.Fatal(err)
			}
			all += time.Duration(n) * step
		}
	}
	return all
}

// callers is how many a benchmark lets call at a time.
const callers = 32

// measure runs do b.N times from many callers, and reports the processor time of one
// besides what a benchmark reports: this process's and the engine's.
func measure(b *testing.B, conn *pgx.Conn, do func(n int) error) {
	b.Helper()
	var next atomic.Int64
	b.SetParallelism((callers + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
	b.ReportAllocs()
	before, engine := spentCPU(b), engineCPU(b, conn)
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
	b.ReportMetric(float64((engineCPU(b, conn)-engine).Microseconds())/float64(b.N), "engine-µs/op")
}

const people = 1000

// peopled is a store in a durable engine where people have signed up, and how they did.
func peopled(b *testing.B) (*Store, *pgx.Conn, []store.SignUp) {
	b.Helper()
	address := postgrestest.NewEngine(b).Address()
	s := openTest(b, Config{URL: address})
	all := make([]store.SignUp, people)
	for n := range all {
		all[n] = signUp(n)
		if err := s.RecordSignUp(b.Context(), all[n]); err != nil {
			b.Fatal(err)
		}
	}
	return s, dial(b, address), all
}

// BenchmarkRecordSignUp signs people up.
func BenchmarkRecordSignUp(b *testing.B) {
	s, conn, _ := peopled(b)
	made := make([]store.SignUp, b.N)
	for n := range made {
		made[n] = signUp(people + n)
	}
	measure(b, conn, func(n int) error { return s.RecordSignUp(b.Context(), made[n-1]) })
}

// BenchmarkRecordSignIn signs people in.
func BenchmarkRecordSignIn(b *testing.B) {
	s, conn, all := peopled(b)
	made := make([]store.SignIn, b.N)
	for n := range made {
		made[n] = signIn(all[n%people], n)
	}
	measure(b, conn, func(n int) error { return s.RecordSignIn(b.Context(), made[n-1]) })
}

// BenchmarkSignIn does all that a sign-in asks of the store: it reads, then writes.
func BenchmarkSignIn(b *testing.B) {
	s, conn, all := peopled(b)
	made := make([]store.SignIn, b.N)
	for n := range made {
		made[n] = signIn(all[n%people], n)
	}
	measure(b, conn, func(n int) error {
		if _, _, err := s.CredentialAndAccount(b.Context(), made[n-1].Use.Key); err != nil {
			return err
		}
		return s.RecordSignIn(b.Context(), made[n-1])
	})
}

// BenchmarkCredentialAndAccount reads what a sign-in reads.
func BenchmarkCredentialAndAccount(b *testing.B) {
	s, conn, all := peopled(b)
	measure(b, conn, func(n int) error {
		_, _, err := s.CredentialAndAccount(b.Context(), all[n%people].Credential.Key)
		return err
	})
}

// BenchmarkSessionAndAccount reads what every call of a signed-in person reads.
func BenchmarkSessionAndAccount(b *testing.B) {
	s, conn, all := peopled(b)
	measure(b, conn, func(n int) error {
		_, _, err := s.SessionAndAccount(b.Context(), all[n%people].Session.Key)
		return err
	})
}
