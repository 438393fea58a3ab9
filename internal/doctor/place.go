package doctor

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/keyturn/keyturn/internal/seal"
)

// The bounds of what is free on the disk, in bytes.
const (
	littleFree = 1 << 30
	noneFree   = 100 << 20
)

// The bounds of a clock that is wrong.
const (
	slightSkew  = 5 * time.Second
	gravestSkew = 60 * time.Second
)

// fresh tells whether nothing is there yet: the first start makes database and key.
func (p *Patient) fresh() bool {
	if p.Settings.Backend() != "sqlite" {
		return false
	}
	_, err := os.Stat(p.Settings.SQLitePath())
	return errors.Is(err, fs.ErrNotExist)
}

// serverKey: it is there, it is a key, and others cannot exchange it.
func serverKey(_ context.Context, p *Patient) (Level, string) {
	ref := p.Settings.KeysServer
	_, err := seal.LoadServerKey(ref)
	switch {
	case errors.Is(err, fs.ErrNotExist) && p.fresh():
		return ok("the first start makes %s", ref)
	case errors.Is(err, fs.ErrNotExist):
		return fail("%s is not there, and the store opens with no other; bring it back from its copy", ref)
	case err != nil:
		return fail("%v", err)
	}
	if level, sentence := keyPlace(ref); level != OK {
		return level, sentence
	}
	return ok("%s is a key", ref)
}

// keyPlace: whoever may write to the folder can put another file in the key's place.
func keyPlace(ref string) (Level, string) {
	path, found := strings.CutPrefix(ref, "file:")
	if !found {
		return OK, ""
	}
	folder := filepath.Dir(path)
	info, err := os.Stat(folder)
	if err != nil {
		return fail("the folder of %s cannot be examined: %v", ref, err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return warn("others may write to %s, where the key is; run chmod go-w %s", folder, folder)
	}
	return OK, ""
}

// kmsKey wraps and unwraps something of ours.
func kmsKey(ctx context.Context, p *Patient) (Level, string) {
	ref := p.Settings.KeysKMS
	if ref == "" {
		return skip("there is none: the server key alone opens the store")
	}
	kms, err := seal.LoadKMS(ref)
	if err != nil {
		return fail("%v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, netWait)
	defer cancel()
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	purpose := map[string]string{"purpose": "doctor"}
	wrapped, err := kms.Wrap(ctx, secret, purpose)
	if err == nil {
		var back []byte
		if back, err = kms.Unwrap(ctx, wrapped, purpose); err == nil && !bytes.Equal(back, secret) {
			err = errors.New("it gives back something else")
		}
	}
	if err != nil {
		return fail("the key %s does not wrap and unwrap (%v); check the rights to use it", ref, err)
	}
	if level, sentence := keyPlace(ref); level != OK {
		return level, sentence
	}
	return ok("%s wraps and unwraps", ref)
}

// storeOpens: it is there, up to date, answers, and opens with the keys.
func storeOpens(ctx context.Context, p *Patient) (Level, string) {
	if p.fresh() {
		return ok("the first start makes %s", p.Settings.SQLitePath())
	}
	ctx, cancel := context.WithTimeout(ctx, readWait)
	defer cancel()
	state, err := p.Store(ctx)
	switch skew := state.Skew.Abs().Round(time.Millisecond); {
	case err != nil:
		return fail("%s", strings.TrimPrefix(err.Error(), "keyturn: "))
	case skew > slightSkew:
		return warn("it opens, but its clock is %s from ours, and at %s no server starts; set both by NTP", skew, gravestSkew)
	case !state.Founded:
		return ok("it answers; no server has used it yet")
	}
	return ok("it answers, is up to date, and opens with the keys")
}

// integrity reads the whole database.
func integrity(ctx context.Context, p *Patient) (Level, string) {
	switch {
	case p.Integrity == nil:
		return skip("the database's own tools look after that")
	case p.fresh():
		return skip("there is no database yet")
	}
	ctx, cancel := context.WithTimeout(ctx, readWait)
	defer cancel()
	switch err := p.Integrity(ctx); {
	case errors.Is(err, context.DeadlineExceeded):
		return skip("not checked: the database is too large to be read in %s", readWait)
	case err != nil:
		return fail("%s", strings.TrimPrefix(err.Error(), "keyturn: "))
	}
	return ok("the database is sound")
}

// dataDir: the rows are sealed, but who may read the file can copy it, and wait for the
// key.
func dataDir(_ context.Context, p *Patient) (Level, string) {
	if p.Settings.Backend() != "sqlite" {
		return skip("the store is elsewhere")
	}
	for _, path := range []string{filepath.Dir(p.Settings.SQLitePath()), p.Settings.SQLitePath()} {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return ok("the first start makes it")
		case err != nil:
			return fail("%s cannot be examined: %v", path, err)
		case info.Mode().Perm()&0o022 != 0:
			return fail("others may write to %s; run chmod go-rwx %s", path, path)
		case !info.IsDir() && info.Mode().Perm()&0o044 != 0:
			return warn("others may read %s; run chmod go-rwx %s", path, path)
		}
	}
	return ok("nobody else reads or writes there")
}

// disk: a database that cannot grow stops everybody at once.
func disk(_ context.Context, p *Patient) (Level, string) {
	if p.Settings.Backend() != "sqlite" {
		return skip("the store is elsewhere")
	}
	folder := filepath.Dir(p.Settings.SQLitePath())
	for {
		_, err := os.Stat(folder)
		if !errors.Is(err, fs.ErrNotExist) || folder == filepath.Dir(folder) {
			break
		}
		folder = filepath.Dir(folder)
	}
	free, err := p.Free(folder)
	switch {
	case err != nil:
		return skip("not checked: %v", err)
	case free < noneFree:
		return fail("only %s are free at %s; make room", size(free), folder)
	case free < littleFree:
		return warn("only %s are free at %s; make room soon", size(free), folder)
	}
	return ok("%s are free", size(free))
}

func size(bytes uint64) string { return fmt.Sprintf("%d MiB", bytes>>20) }

// clock compares ours with that of whoever answers for public_url: tickets live by it.
func clock(ctx context.Context, p *Patient) (Level, string) {
	if p.Settings.Development() {
		return skip("in development there is no clock to compare with")
	}
	a, err := p.get(ctx, p.Settings.PublicURL+"/healthz")
	if err != nil {
		return skip("not checked: nobody to ask for the time")
	}
	theirs, err := http.ParseTime(a.header.Get("Date"))
	if err != nil {
		return skip("not checked: %s does not say what time it is", p.Settings.PublicURL)
	}
	skew := p.Now().Sub(theirs).Round(time.Second)
	switch {
	case skew.Abs() > gravestSkew:
		return fail("this machine's clock is %s from that of %s; set both by NTP", skew, p.Settings.PublicURL)
	case skew.Abs() > slightSkew:
		return warn("this machine's clock is %s from that of %s; set both by NTP", skew, p.Settings.PublicURL)
	}
	return ok("it agrees with that of %s", p.Settings.PublicURL)
}
