package seal

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxKeyText bounds a key file: some hundred versions.
const maxKeyText = 64 << 10

// What each line of a key text begins with.
const (
	serverKeyLabel = "keyturn-server-key"
	kekLabel       = "keyturn-kek"
)

// KeyTextError says why a key was refused. It never carries key material.
type KeyTextError struct {
	Code   string // "key_missing", "key_readable_by_others", "key_malformed", "key_reference"
	Where  string // the reference: file:PATH or env:NAME
	Detail string // one clause that says what to do
	Err    error
}

func (e *KeyTextError) Error() string { return "seal: " + e.Where + ": " + e.Detail }

func (e *KeyTextError) Unwrap() error { return e.Err }

// secrets are the versions of one secret.
type secrets struct {
	keys    map[uint32][]byte
	primary uint32
}

// ServerKey is S in all its versions: 32 random bytes each, of separate custody
// from the KMS. The zero value holds none and is refused wherever one is needed.
type ServerKey struct{ s hidden[*secrets] }

func newServerKey(s *secrets, err error) (ServerKey, error) {
	if err != nil {
		return ServerKey{}, err
	}
	return ServerKey{hide(s)}, nil
}

// Format prints that there is a key, never the key.
func (ServerKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[server key]") }

// LoadServerKey reads S from "file:PATH" or "env:NAME". The text has one line per
// version, "keyturn-server-key v1 BASE64" with the standard base64 of 32 bytes;
// the last line is the primary. A file that others may read is refused. Errors
// are *KeyTextError; errors.Is(err, fs.ErrNotExist) holds for a missing file.
func LoadServerKey(ref string) (ServerKey, error) {
	return newServerKey(loadSecrets(ref, serverKeyLabel))
}

// ParseServerKey reads the text of a server key. where names it in errors.
func ParseServerKey(text []byte, where string) (ServerKey, error) {
	return newServerKey(parseSecrets(text, where, serverKeyLabel))
}

// CreateServerKeyFile draws a server key and writes it to path, mode 0600, in a
// folder of mode 0700 which it makes when missing. It never overwrites:
// errors.Is(err, fs.ErrExist). The file appears whole and durable or not at all.
func CreateServerKeyFile(path string) error { return createSecretFile(path, serverKeyLabel) }

func loadSecrets(ref, label string) (*secrets, error) {
	scheme, rest, _ := strings.Cut(ref, ":")
	switch {
	case scheme == "file" && rest != "":
		text, err := readSecretFile(ref, rest)
		if err != nil {
			return nil, err
		}
		return parseSecrets(text, ref, label)
	case scheme == "env" && rest != "":
		text := os.Getenv(rest)
		if text == "" {
			return nil, &KeyTextError{Code: "key_missing", Where: ref, Detail: "the variable is not set"}
		}
		return parseSecrets([]byte(text), ref, label)
	}
	// The text may be a key put where its reference belongs, so it is not repeated.
	return nil, &KeyTextError{Code: "key_reference", Where: "key", Detail: "want file:PATH or env:NAME"}
}

func readSecretFile(ref, path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &KeyTextError{Code: "key_missing", Where: ref, Detail: "the file cannot be opened", Err: err}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, &KeyTextError{Code: "key_missing", Where: ref, Detail: "the file cannot be examined", Err: err}
	}
	if !info.Mode().IsRegular() {
		return nil, &KeyTextError{Code: "key_malformed", Where: ref, Detail: "it is not a regular file"}
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, &KeyTextError{Code: "key_readable_by_others", Where: ref, Detail: "others may read it; make its mode 0600"}
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyText+1))
	if err != nil {
		return nil, &KeyTextError{Code: "key_missing", Where: ref, Detail: "the file cannot be read", Err: err}
	}
	return text, nil
}

func parseSecrets(text []byte, where, label string) (*secrets, error) {
	malformed := func(line int, detail string) error {
		return &KeyTextError{Code: "key_malformed", Where: where, Detail: fmt.Sprintf("line %d: %s", line, detail)}
	}
	if len(text) > maxKeyText {
		return nil, malformed(0, "too long")
	}
	s := &secrets{keys: map[uint32][]byte{}}
	n := 0
	for raw := range strings.SplitSeq(string(text), "\n") {
		n++
		line := strings.TrimSpace(raw)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[0] != label {
			return nil, malformed(n, "want \""+label+" v1 BASE64\"")
		}
		digits, isVersion := strings.CutPrefix(fields[1], "v")
		version, err := strconv.ParseUint(digits, 10, 32)
		if !isVersion || err != nil || version == 0 {
			return nil, malformed(n, "the version is not v1, v2, …")
		}
		key, err := base64.StdEncoding.Strict().DecodeString(fields[2])
		if err != nil || len(key) != keySize {
			return nil, malformed(n, "the key is not the base64 of 32 bytes")
		}
		if bytes.Equal(key, make([]byte, keySize)) {
			return nil, malformed(n, "the key is all zeros")
		}
		if _, twice := s.keys[uint32(version)]; twice {
			return nil, malformed(n, "the version stands there twice")
		}
		s.keys[uint32(version)] = key
		s.primary = uint32(version)
	}
	if s.primary == 0 {
		return nil, malformed(n, "there is no key")
	}
	return s, nil
}

// createSecretFile writes beside path and links: a process that starts at the
// same moment sees no file or a whole one.
func createSecretFile(path, label string) (err error) {
	key := make([]byte, keySize)
	if _, err := rand.Read(key); err != nil {
		return fmt.Errorf("seal: drawing a key: %w", err)
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("seal: making the key folder: %w", err)
	}
	f, err := os.CreateTemp(dir, ".key-*") // mode 0600
	if err != nil {
		return fmt.Errorf("seal: creating a key file: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = fmt.Fprintf(f, "%s v1 %s\n", label, base64.StdEncoding.EncodeToString(key))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("seal: writing a key file: %w", err)
	}
	if err := os.Link(f.Name(), path); err != nil {
		return fmt.Errorf("seal: placing a key file: %w", err)
	}
	return syncDir(dir)
}

// syncDir makes the new name durable: a store founded under a key that a power
// loss takes away would be lost with it.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("seal: syncing the key folder: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("seal: syncing the key folder: %w", err)
	}
	return nil
}
