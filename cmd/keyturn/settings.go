package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/keyturn/keyturn"
	"github.com/keyturn/keyturn/internal/settings"
)

// defaultFile is read when it is there; a file that --config names must be there.
const defaultFile = "keyturn.yaml"

const configFlag = "config"

// addSettings gives a command the flags of all settings, secrets excepted.
func addSettings(flags *pflag.FlagSet, hidden bool) {
	flags.String(configFlag, defaultFile, "file of settings")
	for _, setting := range settings.Table() {
		if setting.Secret {
			continue
		}
		usage := setting.Meaning
		if setting.Default != "" {
			usage += " (default: " + setting.Default + ")"
		}
		flags.String(setting.Flag(), "", usage)
		flag := flags.Lookup(setting.Flag())
		flag.Hidden = hidden
	}
}

// load reads the settings of a command: file, environment, flags.
func (p *program) load(cmd *cobra.Command) (keyturn.Settings, error) {
	from, err := p.sources(cmd)
	if err != nil {
		return keyturn.Settings{}, err
	}
	set, _, err := settings.Load(from)
	return set, err
}

// sources gathers where the settings of a command come from.
func (p *program) sources(cmd *cobra.Command) (settings.Sources, error) {
	from := settings.Sources{Environment: p.env, Flags: make(map[string]string)}
	var err error
	if from.FileName, err = cmd.Flags().GetString(configFlag); err != nil {
		return settings.Sources{}, err
	}
	from.File, err = os.ReadFile(from.FileName)
	if errors.Is(err, fs.ErrNotExist) && !cmd.Flags().Changed(configFlag) {
		err = nil
	}
	if err != nil {
		return settings.Sources{}, usageError{fmt.Errorf("the file of settings cannot be read (%w); name another with --config", err)}
	}
	cmd.Flags().Visit(func(flag *pflag.Flag) { from.Flags[flag.Name] = flag.Value.String() })
	return from, nil
}

// logger writes the log as the settings say. It goes to standard error: standard
// output is for what the operator asked for, links included.
func (p *program) logger(set keyturn.Settings) *slog.Logger {
	var level slog.Level
	// The settings have checked it; an unknown level would read as info.
	_ = level.UnmarshalText([]byte(set.LogLevel))
	options := &slog.HandlerOptions{Level: level}
	if set.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(p.stderr, options))
	}
	return slog.New(slog.NewTextHandler(p.stderr, options))
}

// operate opens the server of a command, without serving, and lets do act on it.
func (p *program) operate(cmd *cobra.Command, found bool, do func(context.Context, keyturn.Operator) error) (err error) {
	set, err := p.load(cmd)
	if err != nil {
		return err
	}
	if _, missing := os.Stat(set.SQLitePath()); found && set.Backend() == "sqlite" && errors.Is(missing, fs.ErrNotExist) {
		return fmt.Errorf("there is no database at %s; check data_dir and store, or make the first account: keyturn account add", set.SQLitePath())
	}
	server, err := keyturn.New(cmd.Context(), keyturn.Config{Settings: set, Log: p.logger(set)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	return do(cmd.Context(), server.Operator())
}
