package dynamo

import (
	"context"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// BenchmarkEngine is what requests cost this process, by the SDK's client and by ours:
// processor time without the server's, with several requests under way, as a server has.
func BenchmarkEngine(b *testing.B) {
	const people = 16
	c := testConfig(b)
	s := openTest(b, c)
	for n := range people {
		must(b, s.RecordSignUp(b.Context(), signUp(n)))
	}
	at := single(inAccounts, key("account", 0))
	var number atomic.Int64
	prices := map[string]func(context.Context) error{
		"GetItem": func(ctx context.Context) error {
			_, err := s.fetchOne(ctx, at)
			return err
		},
		"PutItem": func(ctx context.Context) error {
			_, _, err := s.swap(ctx, single(inCredentials, key("bare", int(number.Add(1)))), nil, credentialItem(*signUp(0).Credential))
			return err
		},
		"sign-in": func(ctx context.Context) error {
			n := int(number.Add(1))
			v := signIn(n%people, n)
			v.Use.Within = 1 << 30
			if _, _, err := s.CredentialAndAccount(ctx, v.Use.Key); err != nil {
				return err
			}
			return s.RecordSignIn(ctx, v)
		},
	}
	ours := s.db
	for name, e := range map[string]engine{"SDK": sdk{s.makes, c.Table}, "ours": ours} {
		s.db = e
		for what, do := range prices {
			b.Run(what+"/"+name, func(b *testing.B) {
				b.SetParallelism(people / 4)
				before := spent(b)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := do(b.Context()); err != nil {
							b.Error(err)
						}
					}
				})
				b.ReportMetric(float64((spent(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
			})
		}
	}
	s.db = ours
}

// spent is the processor time of this process, user's and system's.
func spent(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
