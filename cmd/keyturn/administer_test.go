package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/rogpeppe/go-internal/testscript"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// signUp opens an account with a passkey at a server that runs, as its own page does.
func signUp(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: signup URL USERNAME")
	}
	post := func(path string, body, answer any) {
		text, err := json.Marshal(body)
		ts.Check(err)
		request, err := http.NewRequest(http.MethodPost, args[0]+path, bytes.NewReader(text))
		ts.Check(err)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Origin", args[0])
		got, err := http.DefaultClient.Do(request)
		ts.Check(err)
		defer func() { _ = got.Body.Close() }()
		if text, err = io.ReadAll(got.Body); err != nil || got.StatusCode >= http.StatusBadRequest {
			ts.Fatalf("%s answers %d: %s", path, got.StatusCode, text)
		}
		ts.Check(json.Unmarshal(text, answer))
	}
	var begun struct {
		PublicKey json.RawMessage `json:"publicKey"`
	}
	post("/v1/sign-up/passkey/options", map[string]string{"username": args[1]}, &begun)
	made, err := webauthntest.New(webauthntest.Phone()).Create(begun.PublicKey, webauthntest.Client{Origin: args[0]})
	ts.Check(err)
	var done struct {
		Passkey struct {
			ID string `json:"id"`
		} `json:"passkey"`
	}
	post("/v1/sign-up/passkey", map[string]json.RawMessage{"credential": made}, &done)
	ts.Setenv("PASSKEY", done.Passkey.ID)
}

// intrude writes to a database as somebody does who has the file and no key.
func intrude(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: intrude FILE SQL")
	}
	conn, err := sqlite.OpenConn(ts.MkAbs(args[0]), sqlite.OpenReadWrite)
	ts.Check(err)
	defer func() { ts.Check(conn.Close()) }()
	ts.Check(sqlitex.ExecuteTransient(conn, args[1], nil))
	if conn.Changes() == 0 {
		ts.Fatalf("nothing was changed: %s", fmt.Sprint(args[1]))
	}
}
