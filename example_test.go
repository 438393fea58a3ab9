package keyturn_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/keyturn/keyturn"
)

// Mount the server in a program of your own: it is an http.Handler for an origin of
// its own. Run does its background work.
func ExampleNew() {
	dir, err := os.MkdirTemp("", "keyturn")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()

	server, err := keyturn.New(context.Background(), keyturn.Config{
		Settings: keyturn.Settings{
			PublicURL:  "https://login.example.com",
			SignUp:     "open",
			DataDir:    filepath.Join(dir, "data"),
			KeysServer: "file:" + filepath.Join(dir, "keys", "server.key"),
		},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = server.Close() }()

	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- server.Run(ctx) }()

	request := httptest.NewRequest(http.MethodGet, "https://login.example.com/readyz", nil)
	recorder := httptest.NewRecorder()
	server.ServeHTTP(recorder, request)
	fmt.Println(recorder.Code)

	stop()
	fmt.Println(<-done)
	// Output:
	// 200
	// <nil>
}

// Protect a handler of another Go program by the tokens that the server signs.
func ExampleVerifier_Protect() {
	verifier, err := keyturn.NewVerifier(keyturn.VerifierConfig{
		Issuer:   "https://login.example.com",
		Audience: "https://api.example.com",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	hello := verifier.Protect(keyturn.Need{}, func(w http.ResponseWriter, _ *http.Request, c keyturn.Claims) {
		_, _ = fmt.Fprintf(w, "hello %s", c.Subject)
	})

	recorder := httptest.NewRecorder()
	hello.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/hello", nil))
	fmt.Println(recorder.Code, recorder.Header().Get("WWW-Authenticate"))
	// Output:
	// 401 Bearer
}

// Demand that the person proved themselves in the last five minutes: a client that is
// refused steps up at the server and comes again with the token it gets.
func ExampleNeed() {
	verifier, err := keyturn.NewVerifier(keyturn.VerifierConfig{Issuer: "https://login.example.com"})
	if err != nil {
		fmt.Println(err)
		return
	}
	pay := verifier.Protect(keyturn.Need{MaxAge: 5 * time.Minute, ACR: "phr"},
		func(w http.ResponseWriter, _ *http.Request, c keyturn.Claims) {
			_, _ = fmt.Fprintf(w, "paid, as approved in %s", c.Binding)
		})

	recorder := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodPost, "/pay", nil)
	pay.ServeHTTP(recorder, request)
	fmt.Println(recorder.Code)
	// Output:
	// 401
}
