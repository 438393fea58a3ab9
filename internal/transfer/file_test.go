package transfer

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"

	"filippo.io/age"

	"github.com/keyturn/keyturn/internal/record"
)

func wantCode(t *testing.T, err error, codes ...string) {
	t.Helper()
	var refused *FileError
	if !errors.As(err, &refused) || !slices.Contains(codes, refused.Code) {
		t.Errorf("error %v, want one of %q", err, codes)
	}
}

// TestFlipped: a file that was changed anywhere, or cut off anywhere, is refused.
func TestFlipped(t *testing.T) {
	d := found(t)
	d.takes(t, people(2), withRoles)
	file, id, _ := d.export(t)
	try := func(spoilt []byte) error {
		var l list
		return read(t, bytes.NewReader(spoilt), d.Vault.ExportKey(), id, &l)
	}
	must(t, try(file))
	all := []string{CodeNotExport, CodeLocked, CodeDamaged}
	for i := range file {
		spoilt := slices.Clone(file)
		spoilt[i] ^= 1 << (i % 8)
		wantCode(t, try(spoilt), all...)
		wantCode(t, try(file[:i]), all...)
	}
	wantCode(t, try(append(slices.Clone(file), 0)), all...)
}

// TestLocked: only who was meant opens it.
func TestLocked(t *testing.T) {
	d := found(t)
	file, _, _ := d.export(t)
	_, other, _ := d.export(t)
	_, err := Open(bytes.NewReader(file), d.Vault.ExportKey(), other)
	wantCode(t, err, CodeLocked)

	r, err := age.NewScryptRecipient("right")
	must(t, err)
	r.SetWorkFactor(4)
	var b bytes.Buffer
	_, err = Export(t.Context(), d.Config, &b, r)
	must(t, err)
	for passphrase, code := range map[string]string{"right": "", "wrong": CodeLocked} {
		id, err := PassphraseIdentity(passphrase)
		must(t, err)
		_, err = Open(bytes.NewReader(b.Bytes()), d.Vault.ExportKey(), id)
		if code == "" {
			must(t, err)
			continue
		}
		wantCode(t, err, code)
	}
	_, err = Open(bytes.NewReader([]byte("not at all")), d.Vault.ExportKey(), other)
	wantCode(t, err, CodeNotExport)
}

// TestSigner: a file is believed when who is named signed it, and nobody else.
func TestSigner(t *testing.T) {
	a, b := found(t), found(t)
	file, id, _ := a.export(t)
	_, err := Open(bytes.NewReader(file), b.Vault.ExportKey(), id)
	wantCode(t, err, CodeSigner)

	// Who claims to be another signs with a key of their own.
	forged := a.forge(t, id, func(x *forgery) { x.sign = b.Vault.SignExport })
	_, err = Open(bytes.NewReader(forged), a.Vault.ExportKey(), id)
	wantCode(t, err, CodeDamaged)
	if !bytes.Equal(a.vault(t).ExportKey(), a.Vault.ExportKey()) {
		t.Error("a deployment has another key after a restart")
	}

	text := SignerText(a.Vault.ExportKey())
	key, err := ParseSigner(text)
	must(t, err)
	if !bytes.Equal(key, a.Vault.ExportKey()) {
		t.Errorf("%s reads as another key", text)
	}
	for _, wrong := range []string{"", text[1:], text[:len(text)-1], text + "A", "keyturn-signer-"} {
		_, err := ParseSigner(wrong)
		wantCode(t, err, CodeSignerFormat)
	}
}

// forgery is an export in the making by somebody who can encrypt one, as everybody can.
type forgery struct {
	sign   func([]byte) []byte
	header header
	people list
	end    end
	magic  string
	frames func(list [][]byte) [][]byte // rearranges what was signed; nil: leaves it
}

// forge writes an export of two people, encrypted to id, as edit wants it.
func (d *deployment) forge(t *testing.T, id *age.X25519Identity, edit func(*forgery)) []byte {
	t.Helper()
	x := &forgery{
		sign: d.Vault.SignExport, people: people(2), end: end{Accounts: 2, Passkeys: 1}, magic: magic,
		header: header{Edition: edition, ID: make([]byte, 16), Made: start, Signer: d.Vault.ExportKey(), RPID: rpID, Deployment: []byte("d")},
	}
	edit(x)
	codec, err := newCodec()
	must(t, err)
	var plain bytes.Buffer
	f := frames{codec: codec, to: &plain, sign: func(b []byte) []byte { return x.sign(b) }}
	must(t, f.write(frameHeader, x.header))
	for _, m := range x.people {
		must(t, f.write(frameAccount, m))
	}
	must(t, f.write(frameEnd, x.end))
	parts := split(t, plain.Bytes())
	if x.frames != nil {
		parts = x.frames(parts)
	}
	var file bytes.Buffer
	w, err := age.Encrypt(&file, id.Recipient())
	must(t, err)
	_, err = io.WriteString(w, x.magic)
	must(t, err)
	_, err = w.Write(bytes.Join(parts, nil))
	must(t, err)
	must(t, w.Close())
	return file.Bytes()
}

// split takes an export's text apart into its frames.
func split(t *testing.T, b []byte) (parts [][]byte) {
	t.Helper()
	for len(b) > 0 {
		n := 5 + int(binary.BigEndian.Uint32(b[1:])) + ed25519.SignatureSize
		parts, b = append(parts, b[:n]), b[n:]
	}
	return parts
}

// TestForged: whoever may encrypt to us, and has files that were rightly signed, cannot
// make another of them that is believed.
func TestForged(t *testing.T) {
	d := found(t)
	id, err := age.GenerateX25519Identity()
	must(t, err)
	other := d.forged(t, id, func(x *forgery) { x.header.ID = []byte("another") })
	for _, c := range []struct {
		name string
		edit func(*forgery)
		want string // empty: it is believed
	}{
		{"nothing", func(*forgery) {}, ""},
		{"another beginning", func(x *forgery) { x.magic = "keyturn expert\n" }, CodeNotExport},
		{"an older edition", func(x *forgery) { x.header.Edition = 0 }, CodeEdition},
		{"a later edition", func(x *forgery) { x.header.Edition = 2 }, CodeEdition},
		{"a person left out", func(x *forgery) { x.frames = func(p [][]byte) [][]byte { return slices.Delete(p, 1, 2) } }, CodeDamaged},
		{"the last person left out", func(x *forgery) { x.frames = func(p [][]byte) [][]byte { return slices.Delete(p, 2, 3) } }, CodeDamaged},
		{"a person twice", func(x *forgery) { x.frames = func(p [][]byte) [][]byte { return slices.Insert(p, 2, p[1]) } }, CodeDamaged},
		{"another order", func(x *forgery) { x.frames = func(p [][]byte) [][]byte { p[1], p[2] = p[2], p[1]; return p } }, CodeDamaged},
		{"a person of another export", func(x *forgery) { x.frames = func(p [][]byte) [][]byte { p[1] = other[1]; return p } }, CodeDamaged},
		{"without an end", func(x *forgery) { x.frames = func(p [][]byte) [][]byte { return p[:3] } }, CodeDamaged},
		{"something after the end", func(x *forgery) { x.frames = func(p [][]byte) [][]byte { return append(p, p[1]) } }, CodeDamaged},
		{"an account as header", func(x *forgery) { x.frames = func(p [][]byte) [][]byte { return p[1:] } }, CodeEdition},
		{"a header of another kind", func(x *forgery) { x.frames = func(p [][]byte) [][]byte { p[0][0] = frameEnd; return p } }, CodeDamaged},
		{"a kind that nobody knows", func(x *forgery) { x.frames = func(p [][]byte) [][]byte { p[1][0] = 9; return p } }, CodeDamaged},
		{"too long a part", func(x *forgery) {
			x.frames = func(p [][]byte) [][]byte { p[1][1] = 0xff; return p }
		}, CodeDamaged},
		{"an end that counts otherwise", func(x *forgery) { x.end.Accounts = 3 }, CodeDamaged},
		{"an end that counts passkeys otherwise", func(x *forgery) { x.end.Passkeys = 3 }, CodeDamaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			var l list
			err := read(t, bytes.NewReader(d.forge(t, id, c.edit)), d.Vault.ExportKey(), id, &l)
			if c.want == "" {
				must(t, err)
				return
			}
			wantCode(t, err, c.want)
		})
	}
}

// TestLength: a part that says it is too long is refused before there is room for it.
func TestLength(t *testing.T) {
	codec, err := newCodec()
	must(t, err)
	u := &unframes{codec: codec, from: bytes.NewReader([]byte{frameAccount, 0, 0x80, 0, 1}), signer: make([]byte, ed25519.PublicKeySize)}
	_, _, err = u.next()
	wantCode(t, err, CodeDamaged)
	if cause := errors.Unwrap(err); cause != nil {
		t.Errorf("it was read: %v", cause)
	}
}

// forged are the frames of a forgery.
func (d *deployment) forged(t *testing.T, id *age.X25519Identity, edit func(*forgery)) (parts [][]byte) {
	t.Helper()
	d.forge(t, id, func(x *forgery) {
		edit(x)
		x.frames = func(p [][]byte) [][]byte {
			parts = p
			return p
		}
	})
	return parts
}

// TestNothingWritten: of a file that is damaged at its very end, nothing is written.
func TestNothingWritten(t *testing.T) {
	d := found(t)
	id, err := age.GenerateX25519Identity()
	must(t, err)
	file := d.forge(t, id, func(x *forgery) { x.end.Accounts = 3 })
	im, err := NewImporter(d.Config, withRoles)
	must(t, err)
	_, err = im.Judge(t.Context(), d.open(t, file, id))
	wantCode(t, err, CodeDamaged)
	if rows, err := d.Store.ListAccounts(t.Context(), nil, 10); err != nil || len(rows) != 0 {
		t.Errorf("%d accounts, %v", len(rows), err)
	}
}

// TestExchanged: a file that is another at the second reading is not believed, though it
// is rightly signed too.
func TestExchanged(t *testing.T) {
	d := found(t)
	id, err := age.GenerateX25519Identity()
	must(t, err)
	one := d.forge(t, id, func(*forgery) {})
	two := d.forge(t, id, func(x *forgery) { x.header.ID = []byte("another") })
	f := d.open(t, one, id)
	f.from = bytes.NewReader(two)
	err = f.Each(t.Context(), func(record.Moving) error { return errors.New("taken") }, nil)
	wantCode(t, err, CodeDamaged)
	f.key = id // as if it were encrypted under the same key
	err = f.Each(t.Context(), func(record.Moving) error { return errors.New("taken") }, nil)
	wantCode(t, err, CodeDamaged)
}
