package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/keyturn/keyturn/internal/store"
)

const credentialColumns = "c.key, c.version, c.body, c.account, c.state, c.sealed, c.name, c.last_used, c.times_used"

// CredentialAndAccount implements store.Reader.
func (s *Store) CredentialAndAccount(ctx context.Context, key []byte) (store.Credential, store.Row, error) {
	type both struct {
		credential store.Credential
		account    store.Row
	}
	found, err := readOne(ctx, s, func(row pgx.CollectableRow) (b both, err error) {
		err = row.Scan(append(credentialFields(&b.credential),
			(*blob)(&b.account.Key), &b.account.Version, (*blob)(&b.account.Body))...)
		return b, err
	}, `SELECT `+credentialColumns+`, coalesce(a.key, ''::bytea), coalesce(a.version, 0), coalesce(a.body, ''::bytea)
		FROM credentials c LEFT JOIN accounts a ON a.key = c.account WHERE c.key = $1`, full(key))
	return found.credential, found.account, err
}

// Credentials implements store.Reader.
func (s *Store) Credentials(ctx context.Context, keys [][]byte) ([]store.Credential, error) {
	if len(keys) == 0 {
		return nil, ctx.Err()
	}
	return readAll(ctx, s, func(row pgx.CollectableRow) (c store.Credential, err error) {
		err = row.Scan(credentialFields(&c)...)
		return c, err
	}, "SELECT "+credentialColumns+" FROM credentials c WHERE c.key = ANY($1)", keys)
}

// credentialFields is where the columns of a credential go.
func credentialFields(c *store.Credential) []any {
	return append(make([]any, 0, 12),
		(*blob)(&c.Key), &c.Version, (*blob)(&c.Body), (*blob)(&c.Account), &c.State,
		(*blob)(&c.Sealed), (*blob)(&c.Name), (*instant)(&c.LastUsed), &c.TimesUsed)
}
