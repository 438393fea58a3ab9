package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn"
)

func storeCommand(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "store",
		Short: "Make, migrate and check the store, and set it apart from its past",
		Long: "Make, migrate and check the store that the settings name, and draw a new epoch for one\n" +
			"that was set back. Every flag of serve may be given here too.",
		Example: "  keyturn store create\n  keyturn store migrate\n  keyturn store check\n  keyturn store epoch",
		Args:    noArguments,
		RunE:    helpful,
	}
	addSettings(cmd.PersistentFlags(), true)
	cmd.AddCommand(storeCreate(p), storeMigrate(p), storeCheck(p), storeEpoch(p))
	return cmd
}

// config is what the settings of a command make of a server.
func (p *program) config(cmd *cobra.Command) (keyturn.Config, error) {
	set, err := p.load(cmd)
	if err != nil {
		return keyturn.Config{}, err
	}
	return keyturn.Config{Settings: set, Log: p.logger(set)}, nil
}

func storeCreate(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "create",
		Short: "Make the store, empty",
		Long: "Make the store, empty: a table of DynamoDB with its indexes, the tables of a PostgreSQL\n" +
			"database, a SQLite file; and the key files that the settings name. What is there is left\n" +
			"as it is. With DynamoDB this must be done once; the others are made at the first start too.",
		Example: "  KEYTURN_STORE='dynamodb://keyturn?region=eu-central-1' keyturn store create",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.config(cmd)
			if err != nil {
				return err
			}
			if err := keyturn.CreateStore(cmd.Context(), cfg); err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.stdout, "The store is there.")
			return err
		},
	}
}

func storeMigrate(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the schema of the store up to date",
		Long: "Bring the schema of the store up to date. Servers may be running: those of the version\n" +
			"before this one go on. With store.migrate auto, a start does it too.",
		Example: "  keyturn store migrate",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.config(cmd)
			if err != nil {
				return err
			}
			if err := keyturn.MigrateStore(cmd.Context(), cfg); err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.stdout, "The store is up to date.")
			return err
		},
	}
}

func storeCheck(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Look whether the store can be used, and change nothing",
		Long: "Look whether the store is there, up to date, answers, agrees about the time and opens\n" +
			"with the keys that the settings name. It changes nothing.",
		Example: "  keyturn store check\n  keyturn store check --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.config(cmd)
			if err != nil {
				return err
			}
			state, err := keyturn.CheckStore(cmd.Context(), cfg)
			if err != nil {
				return unusable(err)
			}
			return p.printState(cmd, state)
		},
	}
	cmd.Flags().Bool(jsonFlag, false, "print JSON")
	return cmd
}

// unusable says what to do about a store that was found wanting.
func unusable(err error) error {
	if errors.Is(err, keyturn.ErrNotMigrated) {
		return fmt.Errorf("%w: keyturn store migrate", err)
	}
	return err
}

// stateView is a store's state as it is printed as JSON.
type stateView struct {
	Backend string `json:"backend"`
	Founded bool   `json:"founded"`
	SkewMS  int64  `json:"clock_skew_ms"`
}

func (p *program) printState(cmd *cobra.Command, state keyturn.StoreState) error {
	if asJSON(cmd) {
		return p.printJSON(stateView{Backend: state.Backend, Founded: state.Founded, SkewMS: state.Skew.Milliseconds()})
	}
	keys := "The server key opens it."
	if !state.Founded {
		keys = "No server has used it yet."
	}
	_, err := fmt.Fprintf(p.stdout, "The store (%s) answers and is up to date; its clock is %s from ours.\n%s\n",
		state.Backend, state.Skew.Abs().Round(time.Millisecond), keys)
	return err
}
