package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn"
)

// whatAnEpochEnds is what a new epoch means for people.
const whatAnEpochEnds = `Every link, code, challenge and refresh token of before is refused. Who is signed in by
tokens signs in again; who is signed in by a cookie stays so. Invitations and other links
must be made again. A server that is running goes on as before: stop all of them first.
`

// errNotDrawn: whoever was asked said no.
var errNotDrawn = errors.New("nothing was changed; stop all servers, and say yes or give --yes")

// epochView is what was done as it is printed as JSON.
type epochView struct {
	Backend string `json:"backend"`
	Drawn   bool   `json:"epoch_drawn"`
}

func storeEpoch(p *program) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "epoch",
		Short: "Refuse what was issued before, after a store was set back",
		Long: "Draw a new store epoch, after PostgreSQL or DynamoDB was set back by a backup or to a\n" +
			"point in time: the store has forgotten what was used since. keyturn restore and import\n" +
			"do it by themselves.\n\n" + whatAnEpochEnds,
		Example: "  keyturn store epoch\n  keyturn store epoch --yes --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.config(cmd)
			if err != nil {
				return err
			}
			state, err := keyturn.CheckStore(cmd.Context(), cfg)
			if err == nil && !state.Founded {
				err = keyturn.ErrNotFounded
			}
			if err != nil {
				return unusable(err)
			}
			if !yes {
				agreed, err := p.confirm(cmd, fmt.Sprintf("%sDraw a new epoch for the store (%s)?", whatAnEpochEnds, state.Backend))
				if err != nil {
					return err
				}
				if !agreed {
					return errNotDrawn
				}
			}
			if err := keyturn.NewStoreEpoch(cmd.Context(), cfg); err != nil {
				return unusable(err)
			}
			if asJSON(cmd) {
				return p.printJSON(epochView{Backend: state.Backend, Drawn: true})
			}
			_, err = fmt.Fprint(p.stdout, "The store has a new epoch. Start the servers.\n")
			return err
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().Bool(jsonFlag, false, "print JSON")
	return cmd
}
