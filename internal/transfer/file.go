package transfer

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// An export, inside its encryption, is the magic and then frames: a header, accounts, an
// end. Each frame is its kind, the length of its content, the content and a signature
// over the header's digest, the frame's place, its kind and its content: so none can be
// changed, left out, moved, or taken from another export, and a reader that comes a
// second time checks again whatever it acts on.
const (
	magic   = "keyturn export\n"
	edition = 1 // of the format
	// maxFrame bounds a frame's content, in bytes: 200 passkeys with all that is kept of
	// their attestation are about 1 MiB.
	maxFrame = 8 << 20
	domain   = "keyturn export frame v1\x00"
)

// The kinds of frames. They are in files: they never change.
const (
	frameHeader  byte = 1
	frameAccount byte = 2
	frameEnd     byte = 3
)

// header says what an export is.
type header struct {
	Edition    uint32    `cbor:"1,keyasint"`
	ID         []byte    `cbor:"2,keyasint"` // drawn at random
	Made       time.Time `cbor:"3,keyasint"`
	Signer     []byte    `cbor:"4,keyasint"` // Ed25519 public key
	RPID       string    `cbor:"5,keyasint"`
	Deployment []byte    `cbor:"6,keyasint"`
}

// end says how much there was.
type end struct {
	Accounts uint64 `cbor:"1,keyasint"`
	Passkeys uint64 `cbor:"2,keyasint"`
}

// The codes of a FileError.
const (
	CodeNotExport    = "not_an_export"
	CodeLocked       = "wrong_key_or_passphrase"
	CodeEdition      = "unknown_edition"
	CodeSigner       = "unknown_signer"
	CodeDamaged      = "damaged"
	CodeSignerFormat = "signer_malformed"
)

// FileError says why a file is not believed. Nothing of it was used.
type FileError struct {
	Code   string
	Detail string
	Err    error
}

func (e *FileError) Error() string { return "transfer: " + e.Code + ": " + e.Detail }

func (e *FileError) Unwrap() error { return e.Err }

// signerPrefix is how the public key of an export's signer begins as text.
const signerPrefix = "keyturn-signer-"

// SignerText is a signer's public key as people pass it on.
func SignerText(key ed25519.PublicKey) string {
	return signerPrefix + base64.RawURLEncoding.EncodeToString(key)
}

// ParseSigner reads what SignerText wrote. The error is *FileError.
func ParseSigner(text string) (ed25519.PublicKey, error) {
	encoded, ours := strings.CutPrefix(text, signerPrefix)
	key, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if !ours || err != nil || len(key) != ed25519.PublicKeySize {
		return nil, &FileError{Code: CodeSignerFormat, Detail: "the signer is not written as keyturn export --show-signer prints it"}
	}
	return key, nil
}

// signed is what the signature of a frame is over.
func signed(of [sha256.Size]byte, place uint64, kind byte, content []byte) []byte {
	part := append([]byte(domain), of[:]...)
	part = binary.BigEndian.AppendUint64(part, place)
	return append(append(part, kind), content...)
}

// frames writes the frames of an export.
type frames struct {
	codec codec
	to    io.Writer
	sign  func([]byte) []byte
	of    [sha256.Size]byte // digest of the header; zero for the header itself
	place uint64
}

func (f *frames) write(kind byte, what any) error {
	content, err := f.codec.enc.Marshal(what)
	if err != nil {
		return fmt.Errorf("transfer: encode: %w", err)
	}
	if len(content) > maxFrame {
		return fmt.Errorf("transfer: %d bytes are too many for one account", len(content))
	}
	frame := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(content)))
	frame = append(append(frame, content...), f.sign(signed(f.of, f.place, kind, content))...)
	if _, err := f.to.Write(frame); err != nil {
		return fmt.Errorf("transfer: write: %w", err)
	}
	if f.place == 0 {
		f.of = sha256.Sum256(content)
	}
	f.place++
	return nil
}

// unframes reads the frames of an export, each only if signer signed it.
type unframes struct {
	codec  codec
	from   io.Reader
	signer ed25519.PublicKey
	of     [sha256.Size]byte
	place  uint64
}

func damaged(detail string, err error) error {
	return &FileError{Code: CodeDamaged, Detail: detail, Err: err}
}

// next reads a frame and verifies its signature.
func (f *unframes) next() (kind byte, content []byte, err error) {
	kind, content, signature, err := f.raw()
	if err != nil {
		return 0, nil, err
	}
	if !ed25519.Verify(f.signer, signed(f.of, f.place, kind, content), signature) {
		return 0, nil, damaged(fmt.Sprintf("part %d is not as it was signed", f.place), nil)
	}
	if f.place == 0 {
		f.of = sha256.Sum256(content)
	}
	f.place++
	return kind, content, nil
}

func (f *unframes) raw() (kind byte, content, signature []byte, err error) {
	cut := func(err error) (byte, []byte, []byte, error) {
		return 0, nil, nil, damaged(fmt.Sprintf("it is cut off or changed in part %d", f.place), err)
	}
	var head [5]byte
	if _, err := io.ReadFull(f.from, head[:]); err != nil {
		return cut(err)
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size > maxFrame {
		return cut(nil)
	}
	content = make([]byte, int(size)+ed25519.SignatureSize)
	if _, err := io.ReadFull(f.from, content); err != nil {
		return cut(err)
	}
	return head[0], content[:size:size], content[size:], nil
}

// begin reads the magic and the header.
func (f *unframes) begin() (header, error) {
	start := make([]byte, len(magic))
	if _, err := io.ReadFull(f.from, start); err != nil || string(start) != magic {
		return header{}, &FileError{Code: CodeNotExport, Detail: "what is encrypted in it is no export of Keyturn", Err: err}
	}
	kind, content, signature, err := f.raw()
	if err != nil {
		return header{}, err
	}
	if err := f.known(content); err != nil {
		return header{}, err
	}
	var h header
	err = f.codec.dec.Unmarshal(content, &h)
	switch {
	case err != nil || len(h.Signer) != ed25519.PublicKeySize:
		return header{}, damaged("its header cannot be read", err)
	case !bytes.Equal(h.Signer, f.signer):
		return header{}, &FileError{
			Code:   CodeSigner,
			Detail: "it is signed by " + SignerText(h.Signer) + "; if that is what its maker printed, name it with --signer",
		}
	case !ed25519.Verify(f.signer, signed(f.of, 0, kind, content), signature):
		return header{}, damaged("its header is not as it was signed", nil)
	}
	f.of, f.place = sha256.Sum256(content), 1
	return h, nil
}

// known refuses a header of another edition, whose other members may mean anything.
func (f *unframes) known(content []byte) error {
	var members map[uint64]any
	if err := f.codec.dec.Unmarshal(content, &members); err != nil {
		return damaged("its header cannot be read", err)
	}
	if said, ok := members[1].(uint64); !ok || said != edition {
		return &FileError{
			Code:   CodeEdition,
			Detail: fmt.Sprintf("it is of edition %v of the format, and this program reads edition %d; import it with the program that made it, or export it again", members[1], edition),
		}
	}
	return nil
}

// finish demands that nothing follows.
func (f *unframes) finish() error {
	var one [1]byte
	if n, err := f.from.Read(one[:]); n != 0 || !errors.Is(err, io.EOF) {
		return damaged("something follows its end", err)
	}
	return nil
}
