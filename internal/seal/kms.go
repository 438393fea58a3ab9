package seal

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// KMS wraps roots under a key that never leaves it. The context is bound to the
// wrapped bytes: Unwrap succeeds only under the context that Wrap was given,
// exactly. Implementations answer an error that matches ErrWrap when the bytes do
// not unwrap, and any other error when they could not find out (KMS down).
type KMS interface {
	Wrap(ctx context.Context, plaintext []byte, context map[string]string) ([]byte, error)
	Unwrap(ctx context.Context, wrapped []byte, context map[string]string) ([]byte, error)
}

var _ KMS = (*localKMS)(nil)

// localKMS wraps under keys held in this process.
type localKMS struct {
	label string
	keys  hidden[*secrets]
	fault error // what Unwrap answers when the bytes do not unwrap
}

// LoadKMS opens the provider that a reference names. "file:PATH" is a key file in
// the format of the server key with the word "keyturn-kek"; keep it on another
// medium than the server key, or one theft takes both. Errors are *KeyTextError.
func LoadKMS(ref string) (KMS, error) {
	if !strings.HasPrefix(ref, "file:") {
		return nil, &KeyTextError{Code: "key_reference", Where: "KMS", Detail: "want file:PATH"}
	}
	keys, err := loadSecrets(ref, kekLabel)
	if err != nil {
		return nil, err
	}
	return &localKMS{label: kekLabel, keys: hide(keys), fault: ErrWrap}, nil
}

// CreateKEKFile draws a key for LoadKMS's "file:" provider. As CreateServerKeyFile.
func CreateKEKFile(path string) error { return createSecretFile(path, kekLabel) }

// NoKMS wraps roots under a key derived from the server key. It is weaker than any
// KMS: the server key alone then opens everything. It is for one machine at home.
func NoKMS(server ServerKey) KMS {
	return &localKMS{label: serverKeyLabel, keys: server.s, fault: fmt.Errorf("%w: %w", ErrWrap, ErrServerKey)}
}

// localFormat is the first byte of locally wrapped bytes: format ‖ key version (4)
// ‖ nonce (12) ‖ ciphertext and tag.
const localFormat = 1

func (k *localKMS) Wrap(_ context.Context, plaintext []byte, binding map[string]string) ([]byte, error) {
	if k.keys == nil {
		return nil, fmt.Errorf("%w: there is no key", k.fault)
	}
	header := binary.BigEndian.AppendUint32([]byte{localFormat}, k.keys().primary)
	aead, err := k.aead(k.keys().primary)
	if err != nil {
		return nil, err
	}
	return aead.Seal(header, nil, plaintext, wrapAD(header, binding)), nil
}

func (k *localKMS) Unwrap(_ context.Context, wrapped []byte, binding map[string]string) ([]byte, error) {
	if k.keys == nil || len(wrapped) < 5 || wrapped[0] != localFormat {
		return nil, fmt.Errorf("%w: not wrapped by this provider", k.fault)
	}
	header := wrapped[:5]
	aead, err := k.aead(binary.BigEndian.Uint32(header[1:]))
	if err != nil {
		return nil, err
	}
	plaintext, err := aead.Open(nil, nil, wrapped[5:], wrapAD(header, binding))
	if err != nil {
		return nil, k.fault
	}
	return plaintext, nil
}

func (k *localKMS) aead(version uint32) (cipher.AEAD, error) {
	secret, ok := k.keys().keys[version]
	if !ok {
		return nil, fmt.Errorf("%w: there is no %s v%d", k.fault, k.label, version)
	}
	key, err := hkdf.Key(sha256.New, secret, nil, string(join([]byte("wrap/v1"), []byte(k.label))), keySize)
	if err != nil {
		return nil, fmt.Errorf("seal: deriving a wrapping key: %w", err)
	}
	return newAEAD(key)
}

// wrapAD encodes header and context, by name, so that equal contexts are equal bytes.
func wrapAD(header []byte, binding map[string]string) []byte {
	fields := [][]byte{[]byte("wrap/v1"), header}
	for _, name := range slices.Sorted(maps.Keys(binding)) {
		fields = append(fields, []byte(name), []byte(binding[name]))
	}
	return join(fields...)
}

// newAEAD is AES-256-GCM whose output begins with a nonce that the library drew.
func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal: AES: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("seal: GCM: %w", err)
	}
	return aead, nil
}
