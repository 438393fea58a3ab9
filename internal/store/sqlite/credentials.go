package sqlite

import (
	"bytes"
	"context"

	"zombiezen.com/go/sqlite"

	"github.com/keyturn/keyturn/internal/store"
)

const (
	credentialColumns = "c.key, c.version, c.body, c.account, c.state, c.sealed, c.name, c.last_used, c.times_used"
	credentialWidth   = 9
	findCredential    = "SELECT version FROM credentials WHERE key = ?"
)

// CredentialAndAccount implements store.Reader.
func (s *Store) CredentialAndAccount(ctx context.Context, key []byte) (store.Credential, store.Row, error) {
	var c store.Credential
	var a store.Row
	err := s.readOne(ctx, "SELECT "+credentialColumns+", a.key, a.version, a.body FROM credentials c LEFT JOIN accounts a ON a.key = c.account WHERE c.key = ?",
		func(stmt *sqlite.Stmt) {
			c = scanCredential(stmt)
			a = scanRow(stmt, credentialWidth)
		}, key)
	return c, a, err
}

// Credentials implements store.Reader.
func (s *Store) Credentials(ctx context.Context, keys [][]byte) ([]store.Credential, error) {
	var list []store.Credential
	err := s.with(ctx, func(conn *sqlite.Conn) error {
		for _, key := range keys {
			_, err := scanRows(conn, "SELECT "+credentialColumns+" FROM credentials c WHERE c.key = ?",
				func(stmt *sqlite.Stmt) { list = append(list, scanCredential(stmt)) }, key)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return list, err
}

func scanCredential(stmt *sqlite.Stmt) store.Credential {
	return store.Credential{
		Row:       scanRow(stmt, 0),
		Account:   blob(stmt, 3),
		State:     unsigned(stmt, 4),
		Sealed:    blob(stmt, 5),
		Name:      blob(stmt, 6),
		LastUsed:  moment(stmt, 7),
		TimesUsed: unsigned(stmt, 8),
	}
}

// credentialsTaken tells whether one of list exists, or list names one twice.
func (t *tx) credentialsTaken(list []store.Credential) bool {
	for n, c := range list {
		for _, earlier := range list[:n] {
			if bytes.Equal(earlier.Key, c.Key) {
				return true
			}
		}
		if t.exists(findCredential, c.Key) {
			return true
		}
	}
	return false
}

func (t *tx) putCredential(c store.Credential) {
	t.write(`INSERT INTO credentials (key, version, body, account, state, sealed, name, last_used, times_used)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		c.Key, c.Version, c.Body, c.Account, c.State, c.Sealed, c.Name, millis(c.LastUsed), c.TimesUsed)
}

// replaceCredential leaves the name alone: it moves without the version, so whoever made
// the next edition may not have seen the newest.
func (t *tx) replaceCredential(c store.Credential) {
	t.write("UPDATE credentials SET version = ?, body = ?, account = ?, state = ?, sealed = ? WHERE key = ?",
		c.Version, c.Body, c.Account, c.State, c.Sealed, c.Key)
}

// use counts a use and writes the next edition unless a later one is there.
func (t *tx) use(u store.CredentialUse, stored uint64) {
	const count = "times_used = times_used + 1, last_used = max(last_used, ?)"
	if u.Next > stored {
		t.write("UPDATE credentials SET "+count+", version = ?, body = ? WHERE key = ?",
			millis(u.At), u.Next, u.Body, u.Key)
		return
	}
	t.write("UPDATE credentials SET "+count+" WHERE key = ?", millis(u.At), u.Key)
}
