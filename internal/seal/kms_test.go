package seal

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"path/filepath"
	"testing"
	"testing/iotest"
)

func testKEK(t *testing.T) KMS {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kek")
	if err := CreateKEKFile(path); err != nil {
		t.Fatal(err)
	}
	kms, err := LoadKMS("file:" + path)
	if err != nil {
		t.Fatal(err)
	}
	return kms
}

func TestLocalKMS(t *testing.T) {
	server := testServerKey(t, 1, 1)
	for name, c := range map[string]struct {
		kms, other KMS
		server     bool
	}{
		"file":   {testKEK(t), testKEK(t), false},
		"no KMS": {NoKMS(server), NoKMS(testServerKey(t, 2, 1)), true},
	} {
		t.Run(name, func(t *testing.T) {
			binding := map[string]string{"deployment": "d", "purpose": "root", "version": "1"}
			wrapped, err := c.kms.Wrap(t.Context(), []byte("plain"), binding)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := c.kms.Unwrap(t.Context(), wrapped, maps.Clone(binding)); err != nil || string(got) != "plain" {
				t.Fatalf("%q, %v", got, err)
			}
			refused := func(what string, kms KMS, wrapped []byte, binding map[string]string) {
				t.Helper()
				_, err := kms.Unwrap(context.Background(), wrapped, binding)
				if !errors.Is(err, ErrWrap) || errors.Is(err, ErrServerKey) != c.server {
					t.Errorf("%s: %v", what, err)
				}
			}
			refused("other key", c.other, wrapped, binding)
			refused("no context", c.kms, wrapped, nil)
			refused("context moved", c.kms, wrapped, map[string]string{"deployment": "droot", "purpose": "", "version": "1"})
			for i := range wrapped {
				bent := bytes.Clone(wrapped)
				bent[i] ^= 1
				refused("bent", c.kms, bent, binding)
				refused("cut", c.kms, wrapped[:i], binding)
			}
			for name := range binding {
				other := maps.Clone(binding)
				other[name] += "x"
				refused(name, c.kms, wrapped, other)
				delete(other, name)
				refused("without "+name, c.kms, wrapped, other)
			}
		})
	}
	if _, err := NoKMS(ServerKey{}).Wrap(t.Context(), nil, nil); !errors.Is(err, ErrWrap) {
		t.Errorf("wrapped under no key: %v", err)
	}
	if _, err := NoKMS(ServerKey{}).Unwrap(t.Context(), make([]byte, 100), nil); !errors.Is(err, ErrServerKey) {
		t.Errorf("unwrapped under no key: %v", err)
	}
	t.Run("an older version unwraps", func(t *testing.T) {
		wrapped, err := NoKMS(server).Wrap(t.Context(), []byte("x"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NoKMS(testServerKey(t, 1, 1, 2)).Unwrap(t.Context(), wrapped, nil); err != nil {
			t.Error(err)
		}
	})
	for _, ref := range []string{"", "env:X", "aws-kms://x", "file:"} {
		_, err := LoadKMS(ref)
		wantKeyText(t, err, "key_reference")
	}
	_, err := LoadKMS("file:" + filepath.Join(t.TempDir(), "none"))
	wantKeyText(t, err, "key_missing")
}

// oddKMS unwraps to the wrong length.
type oddKMS struct{ KMS }

func (oddKMS) Unwrap(context.Context, []byte, map[string]string) ([]byte, error) {
	return make([]byte, 31), nil
}

func TestRoots(t *testing.T) {
	kms := testKEK(t)
	id := RootID{Deployment: []byte("d"), Version: 3}
	seed := bytes.Repeat([]byte{5}, keySize)
	root, wrapped, err := NewRoot(t.Context(), kms, bytes.NewReader(seed), id)
	if err != nil || root.Version() != 3 || !bytes.Equal(root.key()[:], seed) {
		t.Fatalf("%v, %v", root, err)
	}
	again, err := UnwrapRoot(t.Context(), kms, wrapped, id)
	if err != nil || again.Version() != 3 || *again.key() != *root.key() {
		t.Errorf("%v, %v", again, err)
	}
	for name, other := range map[string]RootID{
		"deployment": {Deployment: []byte("x"), Version: 3},
		"version":    {Deployment: []byte("d"), Version: 4},
	} {
		if _, err := UnwrapRoot(t.Context(), kms, wrapped, other); !errors.Is(err, ErrWrap) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	if _, err := UnwrapRoot(t.Context(), oddKMS{}, wrapped, id); !errors.Is(err, ErrWrap) {
		t.Errorf("31 bytes: %v", err)
	}
	dry := errors.New("dry")
	if _, _, err := NewRoot(t.Context(), kms, iotest.ErrReader(dry), id); !errors.Is(err, dry) {
		t.Errorf("no randomness: %v", err)
	}
	if _, _, err := NewRoot(t.Context(), NoKMS(ServerKey{}), bytes.NewReader(seed), id); !errors.Is(err, ErrWrap) {
		t.Errorf("no key: %v", err)
	}
}
