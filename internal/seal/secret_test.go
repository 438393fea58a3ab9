package seal

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseServerKey(t *testing.T) {
	b64 := func(b byte) string {
		return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(rune(b)), 32)))
	}
	one, two := "keyturn-server-key v1 "+b64('a'), "keyturn-server-key v2 "+b64('b')
	for name, c := range map[string]struct {
		text    string
		primary uint32 // 0: refused
	}{
		"one":               {one, 1},
		"one line":          {one + "\n", 1},
		"two":               {one + "\n" + two + "\n", 2},
		"last is primary":   {two + "\n" + one, 1},
		"comment and blank": {"# made today\n\n" + one + "\r\n", 1},
		"nothing":           {"", 0},
		"only a comment":    {"# x", 0},
		"other label":       {"keyturn-kek v1 " + b64('a'), 0},
		"no version":        {"keyturn-server-key " + b64('a'), 0},
		"version 0":         {"keyturn-server-key v0 " + b64('a'), 0},
		"version without v": {"keyturn-server-key 1 " + b64('a'), 0},
		"large version":     {"keyturn-server-key v4294967296 " + b64('a'), 0},
		"version twice":     {one + "\n" + one, 0},
		"fourth word":       {one + " x", 0},
		"not base64":        {"keyturn-server-key v1 " + strings.Repeat("-", 44), 0},
		"loose base64":      {"keyturn-server-key v1 " + b64('a')[:42] + "F=", 0},
		"31 bytes":          {"keyturn-server-key v1 " + base64.StdEncoding.EncodeToString(make([]byte, 31)), 0},
		"33 bytes":          {"keyturn-server-key v1 " + base64.StdEncoding.EncodeToString(make([]byte, 33)), 0},
		"all zeros":         {"keyturn-server-key v1 " + base64.StdEncoding.EncodeToString(make([]byte, 32)), 0},
		"second line bad":   {one + "\nx", 0},
		"too long":          {one + strings.Repeat("\n", maxKeyText), 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := ParseServerKey([]byte(c.text), "test")
			if c.primary == 0 {
				wantKeyText(t, err, "key_malformed")
				return
			}
			if err != nil || s.s().primary != c.primary {
				t.Errorf("%+v, %v", s, err)
			}
		})
	}
}

func wantKeyText(t *testing.T, err error, code string) {
	t.Helper()
	var e *KeyTextError
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

func TestKeyFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys", "below")
	path := filepath.Join(dir, "server.key")
	if err := CreateServerKeyFile(path); err != nil {
		t.Fatal(err)
	}
	for p, mode := range map[string]fs.FileMode{dir: 0o700, path: 0o600} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", p, info.Mode(), err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	first, err := LoadServerKey("file:" + path)
	if err != nil {
		t.Fatal(err)
	}
	if err := CreateServerKeyFile(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second creation: %v", err)
	}
	again, err := LoadServerKey("file:" + path)
	if err != nil || string(first.s().keys[1]) != string(again.s().keys[1]) {
		t.Errorf("the key changed, or: %v", err)
	}
	other := filepath.Join(dir, "other")
	if err := CreateServerKeyFile(other); err != nil {
		t.Fatal(err)
	}
	if s, err := LoadServerKey("file:" + other); err != nil || string(s.s().keys[1]) == string(first.s().keys[1]) {
		t.Errorf("two files have one key, or: %v", err)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o602, 0o610, 0o601} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := LoadServerKey("file:" + path)
		wantKeyText(t, err, "key_readable_by_others")
	}
}

func TestLoadServerKeyRefuses(t *testing.T) {
	secret := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("s", 32)))
	t.Setenv("KEYTURN_TEST_KEY", "keyturn-server-key v3 "+secret)
	t.Setenv("KEYTURN_TEST_EMPTY", "")
	t.Setenv("KEYTURN_TEST_BAD", secret)
	if s, err := LoadServerKey("env:KEYTURN_TEST_KEY"); err != nil || s.s().primary != 3 {
		t.Errorf("from the environment: %v", err)
	}
	for ref, code := range map[string]string{
		"env:KEYTURN_TEST_EMPTY": "key_missing",
		"env:KEYTURN_TEST_BAD":   "key_malformed",
		"env:":                   "key_reference",
		"file:":                  "key_reference",
		"":                       "key_reference",
		secret:                   "key_reference",
		"file:" + filepath.Join(t.TempDir(), "none"): "key_missing",
		"file:" + t.TempDir():                        "key_malformed",
	} {
		_, err := LoadServerKey(ref)
		wantKeyText(t, err, code)
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
	_, err := LoadServerKey("file:" + filepath.Join(t.TempDir(), "none"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestSecretsDoNotPrint: no verb of fmt shows a key.
func TestSecretsDoNotPrint(t *testing.T) {
	s := testServerKey(t, 171, 1)
	r := testRoot(171, 1)
	kms := NoKMS(s)
	holder := struct { // what fmt cannot ask to format itself
		s ServerKey
		r Root
		k KMS
	}{s, r, kms}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
		for _, v := range []any{s, &s, r, &r, kms, holder, &holder} {
			out := fmt.Sprintf(verb, v)
			if strings.Contains(out, "171 1") || strings.Contains(out, "ab01") || strings.Contains(out, "0xab, 0x1") {
				t.Errorf("%s prints %s", verb, out)
			}
		}
	}
}

func FuzzParseServerKey(f *testing.F) {
	f.Add("keyturn-server-key v1 " + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("a", 32))))
	f.Add("# x\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseServerKey([]byte(text), "fuzz")
		if err != nil {
			return
		}
		for v, k := range s.s().keys {
			if v == 0 || len(k) != keySize || s.s().keys[s.s().primary] == nil {
				t.Errorf("accepted %q", text)
			}
		}
	})
}
