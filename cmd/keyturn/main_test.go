package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary be keyturn when a script calls it.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"keyturn": main})
}

// TestScripts runs testdata/*.txtar, each in an empty folder with free ports in
// $PORT, $WATCH and $OTHER. Beside testscript's own commands there are
//
//	ready URL                 wait until URL answers 200
//	get STATUS URL            ask once; the answer is the standard output
//	absent REGEXP FILE LOG    what REGEXP's group finds in FILE is not in LOG
//	signup URL USERNAME       open an account; $PASSKEY is its passkey
//	intrude FILE SQL          change a database behind the server's back
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"PORT", "WATCH", "OTHER"} {
				port, err := freePort()
				if err != nil {
					return err
				}
				env.Setenv(name, port)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ready":  ready,
			"get":    get,
			"absent": absent,

			"signup":  signUp,
			"intrude": intrude,
		},
	})
}

// Ports for servers are below those that systems give to outgoing connections (32768
// and up): one of these could be taken between the look and the server's own.
const (
	firstPort = 20000
	ports     = 12000
)

// asked counts the ports given out, so that no two scripts get the same.
var asked atomic.Int64

func freePort() (string, error) {
	for range ports {
		// Another process begins elsewhere.
		port := fmt.Sprint(firstPort + (os.Getpid()*101+int(asked.Add(1)))%ports)
		listener, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err == nil {
			return port, listener.Close()
		}
	}
	return "", errors.New("no port is free")
}

func ready(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready URL")
	}
	deadline, tick := time.After(time.Minute), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-deadline:
			ts.Fatalf("%s is not ready", args[0])
		case <-tick.C:
			answer, err := http.Get(args[0])
			if err != nil {
				continue
			}
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
	}
}

func get(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: get STATUS URL")
	}
	answer, err := http.Get(args[1])
	ts.Check(err)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	ts.Check(err)
	if got := fmt.Sprint(answer.StatusCode); got != args[0] {
		ts.Fatalf("%s answers %s, want %s: %s", args[1], got, args[0], body)
	}
	_, _ = ts.Stdout().Write(body)
}

func absent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: absent REGEXP FILE LOG")
	}
	found := regexp.MustCompile(args[0]).FindStringSubmatch(ts.ReadFile(args[1]))
	if len(found) != 2 {
		ts.Fatalf("%s does not match %s", args[1], args[0])
	}
	// A part of it would be as bad.
	if half := found[1][:len(found[1])/2]; strings.Contains(ts.ReadFile(args[2]), half) {
		ts.Fatalf("%s holds the secret of %s", args[2], args[1])
	}
}
