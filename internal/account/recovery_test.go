package account_test

import (
	"bytes"
	"encoding/base32"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/audit"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
)

// codes draws recovery codes and forgets what is told of that.
func codes(t *testing.T, w *ceremonytest.World, p ceremony.Proof) []string {
	t.Helper()
	list, err := w.Accounts.NewRecoveryCodes(t.Context(), current(t, w, p), caller())
	must(t, err)
	w.Letters(t)
	return list
}

func confirm(t *testing.T, w *ceremonytest.World, p ceremony.Proof, code string) error {
	t.Helper()
	return w.Accounts.ConfirmRecoveryCode(t.Context(), current(t, w, p), code, caller())
}

// TestRecoveryCodes: ten of 128 bits, shown once, kept as keyed hashes, told of; the ones
// before are good for nothing.
func TestRecoveryCodes(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	proves(t, w, proof, "a@example.org", "b@example.org")
	if s := w.Accounts.RecoveryState(current(t, w, proof)); s != (account.Recovery{}) {
		t.Fatalf("before: %+v", s)
	}
	list, err := w.Accounts.NewRecoveryCodes(t.Context(), current(t, w, proof), caller())
	must(t, err)
	shape := regexp.MustCompile(`^([0-9A-HJKMNP-TV-Z]{4}-){6}[0-9A-HJKMNP-TV-Z]{2}$`)
	for i, code := range list {
		if !shape.MatchString(code) || slices.Contains(list[:i], code) {
			t.Errorf("code %q", code)
		}
	}
	if len(list) != 10 {
		t.Fatalf("%d codes", len(list))
	}
	kept := facts(t, w, proof).RecoveryCodes
	if len(kept) != 10 {
		t.Fatalf("%d hashes", len(kept))
	}
	crockford := base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)
	for i, hash := range kept {
		raw, err := crockford.DecodeString(strings.ReplaceAll(list[i], "-", ""))
		if err != nil || len(raw) != 16 || len(hash) != 16 || bytes.Equal(hash, raw) {
			t.Fatalf("code %d is kept as %x: %v", i, hash, err)
		}
	}
	if s := w.Accounts.RecoveryState(current(t, w, proof)); s.Left != 10 || s.Saved || !s.Made.Equal(w.Clock.Now()) {
		t.Fatalf("after: %+v", s)
	}
	if got := told(t, w, audit.CodesMade); !slices.Equal(got, []string{"a@example.org", "b@example.org"}) {
		t.Fatalf("told %v", got)
	}
	if strings.Contains(w.Journal.String(), list[0]) {
		t.Fatal("a code is in the log")
	}
	must(t, confirm(t, w, proof, list[0]))
	next := codes(t, w, proof)
	if s := w.Accounts.RecoveryState(current(t, w, proof)); s.Left != 10 || s.Saved {
		t.Fatalf("drawn anew: %+v", s)
	}
	refused(t, confirm(t, w, proof, list[0]), "code", account.CodeWrong)
	must(t, confirm(t, w, proof, next[9]))
	if e := happened(t, w, audit.CodesMade); len(e) != 2 || e[0].Session != proof.Session().View().ID {
		t.Fatalf("events %+v", e)
	}
}

// TestConfirmingACode: one code entered proves that they were saved. It is not used up, is
// written once, and somebody else's proves nothing.
func TestConfirmingACode(t *testing.T) {
	w := ceremonytest.New(t)
	_, ana := resident(t, w, "ana")
	_, ben := resident(t, w, "ben")
	hers := codes(t, w, ana)
	refused(t, confirm(t, w, ben, hers[3]), "code", account.CodeWrong)
	his := codes(t, w, ben)
	refused(t, confirm(t, w, ana, his[3]), "code", account.CodeWrong)
	if w.Accounts.RecoveryState(current(t, w, ana)).Saved {
		t.Fatal("a wrong code proved something")
	}
	moved := facts(t, w, ana).RecoveryCodes[:1]
	a, _, err := w.Accounts.Get(t.Context(), ben.Session().Person().ID)
	must(t, err)
	replace(t, w, a, func(f *record.AccountFacts) { f.RecoveryCodes = moved })
	refused(t, confirm(t, w, ben, hers[0]), "code", account.CodeWrong) // a hash is good where it was made

	before := w.Store.Writes()
	for range 2 {
		must(t, confirm(t, w, ana, hers[3]))
	}
	if wrote := w.Store.Writes() - before; wrote != 1 {
		t.Fatalf("%d writes", wrote)
	}
	if s := w.Accounts.RecoveryState(current(t, w, ana)); !s.Saved || s.Left != 10 {
		t.Fatalf("state %+v", s)
	}
	refused(t, confirm(t, w, ana, his[3]), "code", account.CodeWrong) // saved or not
	if e := happened(t, w, audit.CodesSaved); len(e) != 1 {
		t.Fatalf("events %+v", e)
	}
}

// TestCodesAreReadForgivingly: whatever people make of a code when they copy it by hand.
func TestCodesAreReadForgivingly(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	var code string
	for code == "" { // one with a zero and a one in it
		for _, c := range codes(t, w, proof) {
			if strings.Contains(c, "0") && strings.Contains(c, "1") {
				code = c
			}
		}
	}
	for name, typed := range map[string]string{
		"as shown":           code,
		"lower case":         strings.ToLower(code),
		"without dashes":     strings.ReplaceAll(code, "-", ""),
		"spaces":             " " + strings.ReplaceAll(code, "-", " ") + "\n",
		"other dashes":       strings.ReplaceAll(code, "-", "\u2013"),
		"the letter O":       strings.ReplaceAll(code, "0", "O"),
		"small o":            strings.ReplaceAll(code, "0", "o"),
		"the letter I":       strings.ReplaceAll(code, "1", "I"),
		"small l":            strings.ReplaceAll(code, "1", "l"),
		"each one by itself": strings.Join(strings.Split(code, ""), " "),
	} {
		if err := confirm(t, w, proof, typed); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, typed := range map[string]string{
		"nothing": "", "one short": code[:len(code)-1], "one more": code + "0", "twice": code + code,
		"U for V": "U" + code[1:], "padded": code + "======", "not text": "\xff" + code[1:], "huge": strings.Repeat("0", 1<<16),
		"zeros": strings.Repeat("0", 26), "full width": strings.ReplaceAll(code, "0", "\uff10"),
	} {
		if err := confirm(t, w, proof, typed); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestNoTwoSpellingsOfACode: the last character of a code has bits to spare; only one
// spelling of them is a code.
func TestNoTwoSpellingsOfACode(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	code := codes(t, w, proof)[0]
	taken := 0
	for _, last := range "0123456789ABCDEFGHJKMNPQRSTVWXYZ" {
		if confirm(t, w, proof, code[:len(code)-1]+string(last)) == nil {
			taken++
		}
	}
	if taken != 1 {
		t.Fatalf("%d spellings", taken)
	}
}

// TestZeroCodeIsNobodys: an account without codes is opened by none, the code of zeros
// bytes and what it pads its list with included.
func TestZeroCodeIsNobodys(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	a, err := w.Accounts.Recoverable(t.Context(), "ana")
	must(t, err)
	for _, code := range []string{"", strings.Repeat("0", 26), "x"} {
		for _, of := range []record.Account{a, {}} {
			if _, ok, err := w.Accounts.UseRecoveryCode(t.Context(), of, code, caller()); ok || err != nil {
				t.Errorf("%q was used: %v", code, err)
			}
		}
	}
	if e := happened(t, w, audit.RecoveryUsed); len(e) != 0 || facts(t, w, proof).SessionEpoch != 0 {
		t.Fatalf("events %+v", e)
	}
}

// TestUsingACode: one write takes the code away, ends every session and calls every ticket
// back; the others stay.
func TestUsingACode(t *testing.T) {
	w := ceremonytest.New(t)
	key, proof := resident(t, w, "ana")
	list := codes(t, w, proof)
	begun := w.Assert(t, key, "ana")
	was := facts(t, w, proof)
	a, err := w.Accounts.Recoverable(t.Context(), "ana")
	must(t, err)
	before := w.Store.Writes()
	used, ok, err := w.Accounts.UseRecoveryCode(t.Context(), a, list[4], caller())
	if err != nil || !ok || w.Store.Writes()-before != 1 {
		t.Fatalf("used: %v, %v", ok, err)
	}
	if want := w.Clock.Now().Add(24 * time.Hour); !used.HeldUntil.Equal(want) {
		t.Fatalf("held until %v", used.HeldUntil)
	}
	dead(t, w, proof, "recovered")
	if _, err := w.Finish(t, begun); err == nil {
		t.Fatal("what was begun before goes on")
	}
	now := facts(t, w, proof)
	if now.SessionEpoch != was.SessionEpoch+1 || now.TicketEpoch != was.TicketEpoch+1 || len(now.RecoveryCodes) != 9 ||
		now.HeldUntil != used.HeldUntil.UnixMilli() {
		t.Fatalf("became %+v", now)
	}
	for i, code := range list {
		latest, _, err := w.Accounts.Get(t.Context(), now.ID)
		must(t, err)
		if _, ok, err := w.Accounts.UseRecoveryCode(t.Context(), latest, code, caller()); err != nil || ok == (i == 4) {
			t.Errorf("code %d, again: %v, %v", i, ok, err)
		}
	}
	if _, _, err := w.Accounts.UseRecoveryCode(t.Context(), a, list[5], caller()); err == nil {
		t.Fatal("the account moved, and it went unnoticed")
	}
}

// TestUsingACodeOfADisabledAccount: one that was disabled while the code was on its way.
func TestUsingACodeOfADisabledAccount(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	list := codes(t, w, proof)
	a, err := w.Accounts.Recoverable(t.Context(), "ana")
	must(t, err)
	replace(t, w, a, func(f *record.AccountFacts) { f.State = record.StateDisabled })
	a, _, err = w.Accounts.Get(t.Context(), a.ID())
	must(t, err)
	if _, ok, err := w.Accounts.UseRecoveryCode(t.Context(), a, list[0], caller()); ok || err != nil {
		t.Fatalf("used: %v, %v", ok, err)
	}
}

// TestWhenARecoveryIsHeld: while another way in could sign the person in, and only then.
func TestWhenARecoveryIsHeld(t *testing.T) {
	for name, c := range map[string]struct {
		policy time.Duration
		edit   func(*record.AccountFacts)
		held   time.Duration
	}{
		"another way in":           {24 * time.Hour, func(*record.AccountFacts) {}, 24 * time.Hour},
		"for longer":               {72 * time.Hour, func(*record.AccountFacts) {}, 72 * time.Hour},
		"never, by policy":         {0, func(*record.AccountFacts) {}, 0},
		"suspended":                {24 * time.Hour, func(f *record.AccountFacts) { f.Ways[0].Suspended = true }, 24 * time.Hour},
		"never verified anybody":   {24 * time.Hour, func(f *record.AccountFacts) { f.Ways[0].Verified = false }, 0},
		"held itself":              {24 * time.Hour, func(f *record.AccountFacts) { f.Ways[0].HeldUntil = 1 << 50 }, 24 * time.Hour},
		"no way in at all":         {24 * time.Hour, func(f *record.AccountFacts) { f.Ways = nil }, 0},
		"one that was once held":   {24 * time.Hour, func(f *record.AccountFacts) { f.Ways[0].HeldUntil = 1 }, 24 * time.Hour},
		"one that a recovery made": {24 * time.Hour, func(f *record.AccountFacts) { f.Ways[0].Recovery = 7 }, 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			policy := ceremonytest.Policy()
			policy.Hold = c.policy
			w := ceremonytest.NewUnder(t, policy)
			_, proof := resident(t, w, "ana")
			list := codes(t, w, proof)
			a, err := w.Accounts.Recoverable(t.Context(), "ana")
			must(t, err)
			replace(t, w, a, c.edit)
			a, err = w.Accounts.Recoverable(t.Context(), "ana")
			must(t, err)
			used, ok, err := w.Accounts.UseRecoveryCode(t.Context(), a, list[0], caller())
			if err != nil || !ok {
				t.Fatalf("used: %v, %v", ok, err)
			}
			want := time.Time{}
			if c.held > 0 {
				want = w.Clock.Now().Add(c.held)
			}
			if !used.HeldUntil.Equal(want) {
				t.Fatalf("held until %v, want %v", used.HeldUntil, want)
			}
		})
	}
}

// TestRecoverableCosts: a name that is nobody's, one that is somebody's and one whose
// account is disabled cost the same reads, and only the second is somebody's.
func TestRecoverableCosts(t *testing.T) {
	v := newSettled(t)
	ask := func(name string) (a record.Account, reads string) {
		reads = v.store.since(func() {
			var err error
			a, err = v.directory.Recoverable(t.Context(), name)
			v.must(err)
			_, _, err = v.directory.UseRecoveryCode(t.Context(), a, strings.Repeat("0", 26), caller())
			v.must(err)
		})
		return a, reads
	}
	known, want := ask("one-passkey")
	if known.ID() == (record.ID{}) || want == "" {
		t.Fatalf("somebody is nobody: %q", want)
	}
	for name, somebody := range map[string]bool{
		"unknown": false, "unknown@example.org": false, "a name that nobody can have": false, "is-disabled": false,
		"four-passkeys": true, "is-suspended": true, "has-nothing": true,
	} {
		if a, reads := ask(name); (a.ID() != record.ID{}) != somebody || reads != want {
			t.Errorf("%s is %v: reads %q, want %q", name, a.ID(), reads, want)
		}
	}
}

// TestDatabaseWriterAndCodes: whoever writes to the database gives nobody a code: an older
// edition of an account under the newer number, another account's, and a bent one do not
// open, and a verb that was judged on another edition is refused.
func TestDatabaseWriterAndCodes(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	_, other := resident(t, w, "ben")
	list := codes(t, w, proof)
	codes(t, w, other)
	id, his := proof.Session().Person().ID, other.Session().Person().ID
	in := w.Intrude(t)
	old := in.Row("SELECT version, body FROM accounts WHERE key = ?", id[:])
	a, err := w.Accounts.Recoverable(t.Context(), "ana")
	must(t, err)
	if _, ok, err := w.Accounts.UseRecoveryCode(t.Context(), a, list[0], caller()); err != nil || !ok {
		t.Fatalf("used: %v, %v", ok, err)
	}
	now := in.Row("SELECT version, body FROM accounts WHERE key = ?", id[:])
	theirs := in.Row("SELECT version, body FROM accounts WHERE key = ?", his[:])
	bent := bytes.Clone(now[1].([]byte))
	bent[len(bent)-1] ^= 1
	for name, row := range map[string][]any{
		"the older body": {now[0], old[1]}, "the older number": {old[0], now[1]}, "another's": theirs, "bent": {now[0], bent},
	} {
		in.Do("UPDATE accounts SET version = ?, body = ? WHERE key = ?", row[0], row[1], id[:])
		got, err := w.Accounts.Recoverable(t.Context(), "ana")
		if err != nil || got.ID() != (record.ID{}) {
			t.Errorf("%s: %v, %v", name, got.ID(), err)
		}
		if !strings.Contains(w.Journal.String(), "account_record_tampered") {
			t.Errorf("%s: no alarm", name)
		}
	}
	// The older row whole opens, as ever; what was judged on the newer one is refused.
	in.Do("UPDATE accounts SET version = ?, body = ? WHERE key = ?", now[0], now[1], id[:])
	latest, err := w.Accounts.Recoverable(t.Context(), "ana")
	must(t, err)
	in.Do("UPDATE accounts SET version = ?, body = ? WHERE key = ?", old[0], old[1], id[:])
	if _, ok, err := w.Accounts.UseRecoveryCode(t.Context(), latest, list[1], caller()); ok || err == nil {
		t.Fatalf("used over an older edition: %v", err)
	}
}

// TestCodesRace: of two who draw codes at once both get theirs or a conflict, and the
// codes of one of them are the account's.
func TestCodesRace(t *testing.T) {
	w := ceremonytest.New(t)
	_, proof := resident(t, w, "ana")
	c := current(t, w, proof)
	type drawn struct {
		list []string
		err  error
	}
	results := make(chan drawn, 4)
	for range cap(results) {
		go func() {
			list, err := w.Accounts.NewRecoveryCodes(t.Context(), c, caller())
			results <- drawn{list, err}
		}()
	}
	fit := 0
	var all []drawn
	for range cap(results) {
		all = append(all, <-results)
	}
	for _, r := range all {
		if r.err != nil && !errors.Is(r.err, account.ErrConflict) {
			t.Fatal(r.err)
		}
		if r.err == nil && confirm(t, w, proof, r.list[0]) == nil {
			fit++
		}
	}
	if fit != 1 {
		t.Fatal(fmt.Sprint(fit, " sets of codes fit"))
	}
}
