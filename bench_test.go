package keyturn_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/keyturn/keyturn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// BenchmarkCeremony is a sign-in and a sign-up by passkey without network: the calls by
// themselves, each from request to answer, one after the other. The finish waits for
// its commit, so its time is mostly the disk's; allocations compare best.
func BenchmarkCeremony(b *testing.B) {
	dir := b.TempDir()
	server, err := keyturn.New(b.Context(), keyturn.Config{
		Settings: keyturn.Settings{
			PublicURL: "https://keyturn.example", SignUp: "open", DataDir: dir,
			KeysServer: "file:" + filepath.Join(b.TempDir(), "server.key"),
			FloodRate:  1e6, FloodBurst: 1e6,
		},
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Close() })
	phone := webauthntest.New(webauthntest.Phone())
	page := webauthntest.Client{Origin: "https://keyturn.example"}
	post := func(path string, body []byte, status int) []byte {
		r := httptest.NewRequest(http.MethodPost, "https://keyturn.example/v1/"+path, bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		if w.Code != status {
			b.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		return w.Body.Bytes()
	}
	finish := func(options []byte, answer func([]byte, webauthntest.Client, ...webauthntest.Mutation) ([]byte, error)) []byte {
		var began struct {
			PublicKey json.RawMessage `json:"publicKey"`
		}
		if err := json.Unmarshal(options, &began); err != nil {
			b.Fatal(err)
		}
		credential, err := answer(began.PublicKey, page)
		if err != nil {
			b.Fatal(err)
		}
		return append(append([]byte(`{"credential":`), credential...), '}')
	}
	post("sign-up/passkey", finish(post("sign-up/passkey/options", []byte(`{"username":"ana"}`), 200), phone.Create), 201)

	b.Run("sign-in/options", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			post("sign-in/passkey/options", []byte(`{}`), 200)
		}
	})
	b.Run("sign-in/finish", func(b *testing.B) {
		b.ReportAllocs()
		answers := make([][]byte, b.N)
		for i := range answers {
			answers[i] = finish(post("sign-in/passkey/options", []byte(`{}`), 200), phone.Get)
		}
		b.ResetTimer()
		for _, answer := range answers {
			post("sign-in/passkey", answer, 200)
		}
	})
	b.Run("sign-up/options", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			post("sign-up/passkey/options", []byte(`{"username":"ben"}`), 200)
		}
	})
	runs := 0 // nobody signs up twice
	b.Run("sign-up/finish", func(b *testing.B) {
		b.ReportAllocs()
		runs++
		answers := make([][]byte, b.N)
		for i := range answers {
			name := fmt.Appendf(nil, `{"username":"person%d-%d"}`, runs, i)
			answers[i] = finish(post("sign-up/passkey/options", name, 200), webauthntest.New(webauthntest.Phone()).Create)
		}
		b.ResetTimer()
		for _, answer := range answers {
			post("sign-up/passkey", answer, 201)
		}
	})
}
