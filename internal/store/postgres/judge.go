package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/keyturn/keyturn/internal/store"
)

// errDone: the verb has happened already, or there is nothing for it to do.
var errDone = errors.New("postgres: done")

// question is one thing that a verb asks before it writes. answer reads the rows and
// says what speaks against the verb; errDone when there is nothing left to do.
type question struct {
	sql    string
	args   []any
	answer func(pgx.Rows) error
}

// judge gathers what a verb asks. All of it goes out in one round trip, in the order
// in which it was gathered, and the first answer against the verb is the verb's.
//
// Each question sees the moment at which it is put. So what tells whether the verb has
// happened is put last: it has seen whatever the others have seen. It is heard first,
// and errDone before all, for a verb that has happened has moved what it asks about.
type judge struct {
	questions []question
	final     []question
	head      store.Head
}

func (j *judge) ask(answer func(pgx.Rows) error, sql string, args ...any) {
	j.questions = append(j.questions, question{sql: sql, args: args, answer: answer})
}

// askLast puts a question after all others, and hears it before them.
func (j *judge) askLast(answer func(pgx.Rows) error, sql string, args ...any) {
	j.final = append(j.final, question{sql: sql, args: args, answer: answer})
}

// decide begins a transaction and puts the questions. On any error the transaction is
// still to be rolled back.
func (j *judge) decide(ctx context.Context, conn *pgx.Conn) error {
	var batch pgx.Batch
	batch.Queue("BEGIN")
	for _, q := range slices.Concat(j.questions, j.final) {
		batch.Queue(q.sql, q.args...)
	}
	results := conn.SendBatch(ctx, &batch)
	verdict, err := j.hear(results)
	if closing := results.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("postgres: judge: %w", err)
	}
	return verdict
}

func (j *judge) hear(results pgx.BatchResults) (verdict, err error) {
	if _, err := results.Exec(); err != nil {
		return nil, err
	}
	verdict, err = answers(results, j.questions)
	if err != nil {
		return nil, err
	}
	last, err := answers(results, j.final)
	if err != nil {
		return nil, err
	}
	if last != nil && !errors.Is(verdict, errDone) {
		verdict = last
	}
	return verdict, nil
}

// answers hears questions and returns the first answer against the verb.
func answers(results pgx.BatchResults, questions []question) (verdict, err error) {
	for _, q := range questions {
		rows, err := results.Query()
		if err != nil {
			return nil, err
		}
		against := q.answer(rows)
		rows.Close()
		if err := rows.Err(); err != nil {
			return nil, err
		}
		if verdict == nil || errors.Is(against, errDone) {
			verdict = against
		}
	}
	return verdict, nil
}

// first scans the first row and tells whether there is one.
func first(rows pgx.Rows, into ...any) bool { return rows.Next() && rows.Scan(into...) == nil }

// spent asks whether the ticket has been spent. Its own spend under another verb is no
// leave to say that this verb happened.
func (j *judge) spent(s store.Spend, op store.OpID, doing verb) {
	j.askLast(func(rows pgx.Rows) error {
		var by []byte
		var did verb
		if !first(rows, &by, &did) {
			return nil
		}
		return spentBy(by, did, op, doing)
	}, "SELECT op, verb FROM spends WHERE expires = $1 AND id = $2", millis(s.Expires), s.ID[:])
}

// spentBy says what a spend that is there means to an operation.
func spentBy(by []byte, did verb, op store.OpID, doing verb) error {
	if bytes.Equal(by, op[:]) && (did == doing || doing == verbSpend) {
		return errDone
	}
	return store.ErrSpent
}

// permitted locks the stored rights that a verb consumes, and demands them.
func (j *judge) permitted(ticket, marker *store.Ref) {
	if ticket != nil {
		j.stands(store.ErrSpent, "SELECT version FROM tickets WHERE key = $1 FOR UPDATE", *ticket)
	}
	if marker != nil {
		j.stands(store.ErrSpent, "SELECT version FROM markers WHERE name = $1 FOR UPDATE", *marker)
	}
}

// stands demands that the row of ref, whose version sql reads, is there in just that
// edition; otherwise against is the answer.
func (j *judge) stands(against error, sql string, ref store.Ref) {
	j.ask(func(rows pgx.Rows) error {
		var version uint64
		if first(rows, &version) && version == ref.Version {
			return nil
		}
		return against
	}, sql, full(ref.Key))
}

// account locks the account, and demands the edition that was judged.
func (j *judge) account(ref store.Ref) {
	j.stands(store.ErrConflict, "SELECT version FROM accounts WHERE key = $1 FOR UPDATE", ref)
}

// credential locks the credential, and demands the edition that was judged.
func (j *judge) credential(ref store.Ref) {
	j.stands(store.ErrConflict, "SELECT version FROM credentials WHERE key = $1 FOR UPDATE", ref)
}

// moves locks the account that op is about to move to its next edition, and demands
// the edition that was judged. When op has moved it already, the verb is done.
func (j *judge) moves(ref store.Ref, next store.Row, op store.OpID) {
	j.ask(func(rows pgx.Rows) error {
		var version uint64
		var by []byte
		found := first(rows, &version, &by)
		switch {
		case found && version == next.Version && bytes.Equal(by, op[:]):
			return errDone
		case !found || version != ref.Version:
			return store.ErrConflict
		}
		return nil
	}, "SELECT version, op FROM accounts WHERE key = $1 FOR UPDATE", full(ref.Key))
}

// free demands that no row has a key. The key's index has the last word.
func (j *judge) free(table store.Table, key []byte) {
	j.ask(func(rows pgx.Rows) error {
		if rows.Next() {
			return &store.TakenError{Table: table}
		}
		return nil
	}, "SELECT 1 FROM "+string(table)+" WHERE key = $1", full(key))
}

// credentialsFree demands that none of list exists, and that list names none twice.
func (j *judge) credentialsFree(list []store.Credential) {
	if len(list) == 0 {
		return
	}
	keys := make([][]byte, len(list))
	for n, c := range list {
		keys[n] = c.Key
	}
	twice := repeated(keys)
	j.ask(func(rows pgx.Rows) error {
		if rows.Next() || twice {
			return &store.TakenError{Table: store.TableCredentials}
		}
		return nil
	}, "SELECT 1 FROM credentials WHERE key = ANY($1)", keys)
}

func (j *judge) sessionFree(s *store.Session) {
	if s != nil {
		j.free(store.TableSessions, s.Key)
	}
}

// identifiersFree demands that no other account has one of list, and that list names
// none twice. Its own account's is not taken: writing it again is fine.
func (j *judge) identifiersFree(account []byte, list []store.Identifier) {
	if len(list) == 0 {
		return
	}
	keys := make([][]byte, len(list))
	for n, i := range list {
		keys[n] = i.Key
	}
	twice := repeated(keys)
	j.ask(func(rows pgx.Rows) error {
		if rows.Next() || twice {
			return &store.TakenError{Table: store.TableIdentifiers}
		}
		return nil
	}, "SELECT 1 FROM identifiers WHERE key = ANY($1) AND account <> $2", keys, full(account))
}

// repeated tells whether a key stands twice in list.
func repeated(list [][]byte) bool {
	sorted := slices.SortedFunc(slices.Values(list), bytes.Compare)
	return len(slices.CompactFunc(sorted, bytes.Equal)) < len(list)
}

// chainLocks is the class of the advisory locks at the heads of the chains: "Keyt".
const chainLocks int32 = 0x4b657974

// turn waits until no other verb is about to write to a chain, and keeps others from
// it until the end of the transaction. It is for those that have lost a number to
// another: they stand in line. Those that have not yet lost do not wait for each other,
// but they do for whoever has the turn, so that nobody loses for ever. An engine whose
// advisory locks do nothing loses the fairness and no more.
func (j *judge) turn(chain uint32) {
	j.ask(unheard, "SELECT pg_advisory_xact_lock($1::integer, $2::integer)", chainLocks, int32(chain))
}

// unheard is the answer to what is asked for its lock alone.
func unheard(pgx.Rows) error { return nil }

// last asks for the head of a chain.
func (j *judge) last(chain uint32) {
	j.ask(func(rows pgx.Rows) error {
		j.head = store.Head{Chain: chain}
		first(rows, &j.head.Number, (*blob)(&j.head.Link))
		return nil
	}, "SELECT number, link FROM events WHERE chain = $1 ORDER BY number DESC LIMIT 1", int64(chain))
}
