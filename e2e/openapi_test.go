package e2e

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// generated is the directory of the client whose types are generated.
const generated = "clients/openapi"

// serveAuthenticator gives a program without a browser an authenticator to ask: POST
// /create or /get with the options, and the answer is what a page at origin gets.
func serveAuthenticator(t *testing.T, origin string) (address string) {
	t.Helper()
	phone, page := webauthntest.New(webauthntest.Phone()), webauthntest.Client{Origin: origin}
	answering := func(answer func([]byte, webauthntest.Client, ...webauthntest.Mutation) ([]byte, error)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			options, err := io.ReadAll(r.Body)
			if err == nil {
				options, err = answer(options, page)
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			_, _ = w.Write(options)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("POST /create", answering(phone.Create))
	mux.Handle("POST /get", answering(phone.Get))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

// TestGeneratedClient: types generated from the document that the server serves fit
// each other, what browsers have, and what the server really says.
func TestGeneratedClient(t *testing.T) {
	t.Parallel()
	need(t, "node", findGenerator())
	s := startServer(t)
	dir := workspace(t, generated)

	node(t, dir, "node_modules/.bin/openapi-typescript", s.url+"/openapi.json", "--output", "schema.d.ts")
	node(t, dir, "node_modules/.bin/tsc", "--project", ".")
	if got := node(t, dir, "build/client.js", s.url, serveAuthenticator(t, s.url)); got != "done\n" {
		t.Errorf("the client said %q, want done", got)
	}
}

// findGenerator looks for node and for what npm installs for the client.
func findGenerator() error {
	if _, err := os.Stat(generated + "/node_modules/.bin/tsc"); err != nil {
		return errors.New("run npm ci in e2e/" + generated)
	}
	_, err := exec.LookPath("node")
	return err
}

// workspace is a directory for one run: a copy of a program's sources, and what npm
// installed for it.
func workspace(t *testing.T, source string) string {
	t.Helper()
	dir := t.TempDir()
	for _, pattern := range []string{"*.ts", "*.json"} {
		paths, err := filepath.Glob(filepath.Join(source, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	installed, err := filepath.Abs(filepath.Join(source, "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(installed, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// node runs a program in a directory and gives what it printed.
func node(t *testing.T, dir string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command("node", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("node %v: %v\n%s%s", args, err, &stdout, &stderr)
	}
	return stdout.String()
}
