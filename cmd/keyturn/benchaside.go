package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn"
	"github.com/keyturn/keyturn/internal/bench"
)

// The commands that bench runs.
const (
	benchServerName = "bench-server"
	benchFillName   = "bench-fill"
	cpuProfileFlag  = "cpu-profile"
)

// benchFillCommand writes the people of bench into the store: it needs its keys, which
// bench, that looks from outside, does not have.
func benchFillCommand(p *program) *cobra.Command {
	var text string
	var first, count int
	cmd := &cobra.Command{
		Use:     benchFillName,
		Short:   "Write people of bench into its store",
		Example: "  keyturn bench-fill --seed " + bench.Seed{}.String() + " --count 1000",
		Hidden:  true,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			seed, err := bench.ParseSeed(text)
			if err != nil {
				return wrong(cmd, err)
			}
			return p.operate(cmd, true, func(ctx context.Context, o keyturn.Operator) error {
				return o.Populate(ctx, count, func(n int) (keyturn.Newcomer, error) {
					who, err := seed.Newcomer(first + n)
					return keyturn.Newcomer{
						Username: who.Username, UserHandle: who.UserHandle, CredentialID: who.CredentialID,
						PublicKey: who.PublicKey, AttestationObject: who.AttestationObject,
					}, err
				})
			})
		},
	}
	addSettings(cmd.Flags(), true)
	flags := cmd.Flags()
	flags.StringVar(&text, "seed", "", "what the people follow from, 32 bytes in hex")
	flags.IntVar(&first, "first", 0, "number of the first")
	flags.IntVar(&count, "count", 0, "how many")
	return cmd
}

// benchServerCommand is serve with a CPU profile. It is a command of its own, so that
// no server that people use has a switch for it.
func benchServerCommand(p *program) *cobra.Command {
	var profile string
	cmd := &cobra.Command{
		Use:     benchServerName,
		Short:   "Run the server of bench, with a CPU profile",
		Example: "  keyturn bench-server --cpu-profile server.prof",
		Hidden:  true,
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.profiled(cmd, profile) },
	}
	addSettings(cmd.Flags(), true)
	cmd.Flags().StringVar(&profile, cpuProfileFlag, "", "file for the profile")
	return cmd
}

func (p *program) profiled(cmd *cobra.Command, profile string) (err error) {
	if profile == "" {
		return wrong(cmd, errors.New("--"+cpuProfileFlag+" is missing"))
	}
	file, err := os.Create(profile)
	if err != nil {
		return fmt.Errorf("the profile cannot be written (%w); name another file", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := pprof.StartCPUProfile(file); err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	defer pprof.StopCPUProfile()
	return p.serve(cmd)
}
