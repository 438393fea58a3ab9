package sqlite

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/keyturn/keyturn/internal/store"
)

// callers is how many ask at a time: the load of a busy server.
const callers = 32

// framesOver is how many calls are asked how many pages of the log they wrote.
const framesOver = 16 * callers

// BenchmarkRecordSignIn signs people in who come at random.
func BenchmarkRecordSignIn(b *testing.B) {
	crowds(b, func(b *testing.B, s *Store, people int) {
		next := 0
		b.Run("verb", func(b *testing.B) {
			verbs := make([]store.SignIn, b.N+framesOver)
			for i := range verbs {
				verbs[i], next = signIn(realSignUp(next*7919%people), next), next+1
			}
			record(b, s, func(ctx context.Context, n int) error { return s.RecordSignIn(ctx, verbs[n]) })
		})
	})
}

// BenchmarkRecordSignUp signs new people up.
func BenchmarkRecordSignUp(b *testing.B) {
	s := openTest(b, Config{})
	next := 0
	b.Run("verb", func(b *testing.B) {
		verbs := make([]store.SignUp, b.N+framesOver)
		for i := range verbs {
			verbs[i], next = realSignUp(next), next+1
		}
		record(b, s, func(ctx context.Context, n int) error { return s.RecordSignUp(ctx, verbs[n]) })
	})
}

// record makes b.N calls and then framesOver more, whose pages it counts.
func record(b *testing.B, s *Store, call func(ctx context.Context, n int) error) {
	commits := s.Commits()
	together(b, b.N, call)
	b.ReportMetric(float64(b.N)/float64(s.Commits()-commits), "verbs/commit")
	b.StopTimer()
	frames := 0
	for first := b.N; first < b.N+framesOver; first += callers {
		frames += framesOf(b, s, func(n int) error { return call(b.Context(), first+n) })
	}
	b.ReportMetric(float64(frames)/framesOver, "frames/op")
}

// BenchmarkCredentialAndAccount reads what a sign-in reads.
func BenchmarkCredentialAndAccount(b *testing.B) {
	crowds(b, func(b *testing.B, s *Store, people int) {
		keys := make([][]byte, people)
		for n := range keys {
			keys[n] = signUp(n).Credential.Key
		}
		b.Run("verb", func(b *testing.B) {
			together(b, b.N, func(ctx context.Context, n int) error {
				_, _, err := s.CredentialAndAccount(ctx, keys[n*7919%people])
				return err
			})
		})
	})
}

// crowds runs a benchmark on stores of different sizes, each filled once.
func crowds(b *testing.B, run func(b *testing.B, s *Store, people int)) {
	for _, people := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint("people=", people), func(b *testing.B) {
			s := openTest(b, Config{})
			gather(b, s, people)
			run(b, s, people)
		})
	}
}

// gather signs people up.
func gather(b *testing.B, s *Store, people int) {
	b.Helper()
	together(b, people, func(ctx context.Context, n int) error { return s.RecordSignUp(ctx, realSignUp(n)) })
}

// together makes calls from many goroutines and reports their CPU time, which says more
// than the clock on a machine that others use.
func together(b *testing.B, calls int, call func(ctx context.Context, n int) error) {
	b.Helper()
	var next atomic.Int64
	var all sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	before := spentCPU(b)
	for range callers {
		all.Go(func() {
			for n := int(next.Add(1)) - 1; n < calls; n = int(next.Add(1)) - 1 {
				if err := call(b.Context(), n); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64((spentCPU(b)-before).Nanoseconds())/float64(calls), "cpu-ns/op")
}

func spentCPU(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// framesOf makes one group of calls and tells how many pages it wrote to the log. A
// reader keeps the log from starting over meanwhile.
func framesOf(b *testing.B, s *Store, call func(n int) error) (frames int) {
	b.Helper()
	err := s.with(b.Context(), func(conn *sqlite.Conn) (err error) {
		defer sqlitex.Transaction(conn)(&err)
		if _, err := number(conn, "SELECT at FROM pulse"); err != nil {
			return err
		}
		before := logEnd(b, s)
		release := hold(b, s)
		var group errgroup.Group
		for n := range callers {
			group.Go(func() error { return call(n) })
		}
		until(b, "the queue", func() bool { return len(s.writer.queue) == callers })
		release()
		err = group.Wait()
		frames = logEnd(b, s) - before
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return frames
}

// logEnd is the number of the last page in the log: mxFrame of the header of its index
// (https://www.sqlite.org/walformat.html, section 2.1).
func logEnd(b *testing.B, s *Store) int {
	b.Helper()
	index, err := os.ReadFile(s.path + "-shm")
	if err != nil {
		b.Fatal(err)
	}
	return int(binary.NativeEndian.Uint32(index[16:]))
}

// realSignUp is signUp with what comes in order of time in real life: the expiry of the
// ticket and the key of the session.
func realSignUp(n int) store.SignUp {
	v := signUp(n)
	at := dawn.Add(time.Duration(n) * time.Millisecond)
	v.Spend.Expires = at
	v.Session.Key = append(fmt.Appendf(nil, "%08x", n), v.Account.Key[8:]...)
	v.Session.Expires = at.Add(24 * time.Hour)
	v.Event = eventOf(v.Account.Key, at)
	return v
}
