package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn/internal/bench"
)

// benchOptions are the flags of bench.
type benchOptions struct {
	accounts                  []int
	workers, signUps, signIns int
	seconds, storePID         int
	mode, profile, store      string
}

func benchCommand(p *program) *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure what a sign-in costs on this machine",
		Long: "Start a server of its own in a temporary folder, register accounts with software\n" +
			"authenticators, and sign in by passkey until the time is up. The server works as in\n" +
			"production: a durable database, events, a log line for each request. What a ceremony\n" +
			"costs it is told in CPU time, and in V, the time of one bare signature verification on\n" +
			"this machine: compare V. The load comes from the same machine and takes its share of it,\n" +
			"so the ceremonies per second are fewer than a server of its own would do.\n\n" +
			"With --store, the server uses that database or table, which must be empty: what bench\n" +
			"writes stays there, under keys that are gone. With several numbers of accounts the store\n" +
			"grows, and people sign in at each size. Of each size the last thousand sign up, or as\n" +
			"many as --sign-ups says; those before them are written into the store beside the server.",
		Example: "  keyturn bench\n" +
			"  keyturn bench --accounts 1000,100000,1000000 --sign-ins 100000\n" +
			"  keyturn bench --store 'postgres://postgres@/bench?host=/run/postgresql'\n" +
			"  keyturn bench --mode cookie --workers 8 --seconds 10 --json",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.bench(cmd, o) },
	}
	flags := cmd.Flags()
	flags.IntSliceVar(&o.accounts, "accounts", []int{1000}, "accounts that there are; several numbers: a store that grows")
	flags.IntVar(&o.workers, "workers", 32, "clients at the same time")
	flags.IntVar(&o.seconds, "seconds", 5, "how long to sign in")
	flags.IntVar(&o.signUps, "sign-ups", 1000, "how many of the accounts sign up at most, at each size")
	flags.IntVar(&o.signIns, "sign-ins", 0, "how many sign-ins to make, instead of for how long")
	flags.StringVar(&o.mode, "mode", string(bench.ModeToken), "how sessions are carried: token or cookie")
	flags.StringVar(&o.store, "store", "", "empty store to use, as in the setting store; otherwise SQLite in a temporary folder")
	flags.IntVar(&o.storePID, "store-pid", 0, "process of the store's engine on this machine, whose CPU time is to be told too")
	flags.StringVar(&o.profile, "profile", "", "file for a CPU profile of the server, for go tool pprof; taking it costs a little")
	flags.Bool(jsonFlag, false, "print JSON")
	return cmd
}

// errBench says that the figures are not those of a server that works.
var errBench = errors.New("some ceremonies failed; the report above says the first error")

func (p *program) bench(cmd *cobra.Command, o benchOptions) error {
	server, err := benchServer(o.profile)
	if err != nil {
		return err
	}
	report, err := bench.Run(cmd.Context(), bench.Config{
		Server: server, Fill: []string{server[0], benchFillName}, Accounts: o.accounts,
		Workers: o.workers, SignUps: o.signUps, SignIns: o.signIns,
		Duration: time.Duration(o.seconds) * time.Second, Mode: bench.Mode(o.mode), Store: o.storeOf(server[0]),
	})
	if errors.Is(err, bench.ErrConfig) {
		return wrong(cmd, err)
	}
	if err != nil {
		return err
	}
	if asJSON(cmd) {
		err = p.printJSON(report)
	} else {
		err = report.Text(p.stdout)
	}
	if err == nil && report.Failed() {
		return errBench
	}
	return err
}

// storeOf is the store to measure, made by the program itself.
func (o benchOptions) storeOf(program string) bench.Store {
	if o.store == "" {
		return bench.Store{}
	}
	return bench.Store{Address: o.store, Create: []string{program, "store", "create"}, Process: o.storePID}
}

// benchServer is the command that starts the server to measure: this program itself.
func benchServer(profile string) ([]string, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find the program itself: %w", err)
	}
	if profile == "" {
		return []string{program, "serve"}, nil
	}
	// The server runs in a folder of its own.
	if profile, err = filepath.Abs(profile); err != nil {
		return nil, fmt.Errorf("the file of the profile: %w", err)
	}
	return []string{program, benchServerName, "--" + cpuProfileFlag, profile}, nil
}
