package transfer

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"

	"github.com/keyturn/keyturn/internal/record"
)

// Recipients reads age recipients: native ones, whose private halves stand in age's
// identity files.
func Recipients(texts []string) ([]age.Recipient, error) {
	list, err := age.ParseRecipients(strings.NewReader(strings.Join(texts, "\n")))
	if err != nil {
		return nil, fmt.Errorf("transfer: that is no age recipient (age1…): %w", err)
	}
	return list, nil
}

// Passphrase encrypts to who knows a passphrase.
func Passphrase(text string) (age.Recipient, error) {
	r, err := age.NewScryptRecipient(text)
	if err != nil {
		return nil, fmt.Errorf("transfer: passphrase: %w", err)
	}
	return r, nil
}

// PassphraseIdentity opens what Passphrase encrypted.
func PassphraseIdentity(text string) (age.Identity, error) {
	id, err := age.NewScryptIdentity(text)
	if err != nil {
		return nil, fmt.Errorf("transfer: passphrase: %w", err)
	}
	// As age's own command: a file may ask for much work, but not for hours of it.
	id.SetMaxWorkFactor(22)
	return id, nil
}

// Identities reads an age identity file.
func Identities(path string) (_ []age.Identity, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("transfer: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	list, err := age.ParseIdentities(file)
	if err != nil {
		return nil, fmt.Errorf("transfer: %s is no file of age identities: %w", path, err)
	}
	return list, nil
}

// File is an export that can be opened and whose header is signed by who may be
// believed. Each verifies the rest, every time.
type File struct {
	from   io.ReadSeeker
	key    age.Identity // opens this very file and no other
	signer ed25519.PublicKey
	header header
}

// Open opens an export. Only one that signer signed is opened. The error is *FileError
// for what is wrong with the file.
func Open(from io.ReadSeeker, signer ed25519.PublicKey, identities ...age.Identity) (*File, error) {
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("transfer: read: %w", err)
	}
	head, err := age.ExtractHeader(bufio.NewReader(from))
	if err != nil {
		return nil, &FileError{Code: CodeNotExport, Detail: "it is not encrypted by age, or not whole", Err: err}
	}
	key, err := age.DecryptHeader(head, identities...)
	if err != nil {
		return nil, &FileError{Code: CodeLocked, Detail: "this identity or passphrase does not open it", Err: err}
	}
	f := &File{from: from, key: age.NewInjectedFileKeyIdentity(key), signer: signer}
	if _, f.header, err = f.begin(); err != nil {
		return nil, err
	}
	return f, nil
}

// RPID is the RP ID of the deployment that made the export.
func (f *File) RPID() string { return f.header.RPID }

// begin reads the file from its beginning to the end of the header.
func (f *File) begin() (*unframes, header, error) {
	codec, err := newCodec()
	if err != nil {
		return nil, header{}, err
	}
	if _, err := f.from.Seek(0, io.SeekStart); err != nil {
		return nil, header{}, fmt.Errorf("transfer: read: %w", err)
	}
	plain, err := age.Decrypt(bufio.NewReaderSize(f.from, 64<<10), f.key)
	if err != nil {
		return nil, header{}, damaged("it does not open", err)
	}
	u := &unframes{codec: codec, from: bufio.NewReader(plain), signer: f.signer}
	h, err := u.begin()
	return u, h, err
}

// Each implements Source. What it hands over is verified; whether that is all there was,
// only its return tells: until then nothing may be acted on. The error is *FileError.
func (f *File) Each(ctx context.Context, take func(record.Moving) error, _ func(LeftOut)) error {
	u, h, err := f.begin()
	if err != nil {
		return err
	}
	if !bytes.Equal(h.ID, f.header.ID) {
		return damaged("it was exchanged while it was read", nil)
	}
	var seen end
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		kind, content, err := u.next()
		if err != nil {
			return err
		}
		switch kind {
		case frameAccount:
			var m record.Moving
			if err := u.codec.dec.Unmarshal(content, &m); err != nil {
				return damaged("an account in it cannot be read", err)
			}
			seen.Accounts++
			seen.Passkeys += uint64(len(m.Passkeys))
			if err := take(m); err != nil {
				return err
			}
		case frameEnd:
			var said end
			if err := u.codec.dec.Unmarshal(content, &said); err != nil || said != seen {
				return damaged("its end does not say what it holds", err)
			}
			return u.finish()
		default:
			return damaged("it has a part that nobody knows", nil)
		}
	}
}
