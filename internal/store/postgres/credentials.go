package postgres

import (
	"bytes"
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/keyturn/keyturn/internal/store"
)

const credentialColumns = "c.key, c.version, c.body, c.account, c.state, c.sealed, c.name, c.last_used, c.times_used"

// withAccounts returns the columns of credentials and their accounts, and to which of
// those who ask each row belongs.
const withAccounts = "SELECT q.n, " + credentialColumns + `, a.key, a.version, a.body
	FROM unnest($1::bytea[]) WITH ORDINALITY AS q (key, n)
	JOIN credentials c ON c.key = q.key LEFT JOIN accounts a ON a.key = c.account`

// credentialAsked is a credential that is asked for, and the answer.
type credentialAsked struct {
	key        []byte
	credential store.Credential
	account    store.Row
}

// CredentialAndAccount implements store.Reader.
func (s *Store) CredentialAndAccount(ctx context.Context, key []byte) (store.Credential, store.Row, error) {
	m, err := readGathered(ctx, &s.asking, credentialAsked{key: bytes.Clone(key)})
	if err != nil {
		return store.Credential{}, store.Row{}, err
	}
	return m.call.credential, m.call.account, nil
}

// readCredentials reads what a group asks for, as gatherer.run.
func (s *Store) readCredentials(ctx context.Context, conn *pgx.Conn, group []*gathered[credentialAsked]) error {
	keys := blobs(group, func(m *gathered[credentialAsked]) []byte { return m.call.key })
	for _, m := range group {
		m.err = store.ErrNotFound
	}
	err := s.exchange(ctx, conn, query{sql: withAccounts, params: [][]byte{keys}, row: func(r *row) {
		place, ok := r.ordinal(len(group))
		if !ok {
			return
		}
		m := group[place]
		m.err = nil
		r.keep()
		c, a := &m.call.credential, &m.call.account
		c.Key, c.Version, c.Body, c.Account = r.blob(), r.count(), r.blob(), r.blob()
		c.State, c.Sealed, c.Name = r.count(), r.blob(), r.blob()
		c.LastUsed, c.TimesUsed = r.instant(), r.count()
		a.Key, a.Version, a.Body = r.blob(), r.count(), r.blob()
	}})
	return unread(conn, err)
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
