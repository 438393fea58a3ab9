package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn"
)

func backupCommand(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the SQLite database to a file, while the server runs",
		Long: "Copy the SQLite database to a file that is not there yet, mode 0600, while the server\n" +
			"runs: the store at one moment, whole. The keys are not in it and must not lie beside\n" +
			"it: keep a copy of them in another place, or the backup cannot be opened.",
		Example: "  keyturn backup /backups/keyturn-$(date +%F).db",
		Args:    oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := p.config(cmd)
			if err != nil {
				return err
			}
			err = keyturn.BackUp(cmd.Context(), cfg, args[0])
			switch {
			case errors.Is(err, fs.ErrExist):
				return fmt.Errorf("there is a file %s already, and backups never overwrite; choose another name", args[0])
			case err != nil:
				return err
			}
			return p.printBackup(cmd, cfg.Settings, args[0])
		},
	}
	addSettings(cmd.Flags(), true)
	cmd.Flags().Bool(jsonFlag, false, "print JSON")
	return cmd
}

func oneFile(cmd *cobra.Command, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return wrong(cmd, errors.New("name one file"))
	}
	return nil
}

// backupView is a backup as it is printed as JSON.
type backupView struct {
	File  string   `json:"file"`
	Bytes int64    `json:"bytes"`
	Keys  []string `json:"keys_to_keep_elsewhere"` // as the settings name them
}

func (p *program) printBackup(cmd *cobra.Command, set keyturn.Settings, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	keys := []string{set.KeysServer}
	if set.KeysKMS != "" {
		keys = append(keys, set.KeysKMS)
	}
	if asJSON(cmd) {
		return p.printJSON(backupView{File: path, Bytes: info.Size(), Keys: keys})
	}
	_, err = fmt.Fprintf(p.stdout, "The backup is %s, %d bytes.\n"+
		"It opens only with %s, which is not in it. Keep a copy of that in another place:\n"+
		"without it the backup is lost, and whoever has both can read everything.\n",
		path, info.Size(), strings.Join(keys, " and "))
	return err
}
