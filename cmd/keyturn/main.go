// Command keyturn runs a passkey server and what an operator does on its machine.
//
// It owns the command line: flags, output, exit codes (0 done, 1 failed, 2 asked
// wrongly), the HTTP listener and its end. It hides nothing else: what it does is done
// by package keyturn. It never writes a link or another secret to its log.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// run does what the arguments say and returns the exit code.
func run(ctx context.Context, args, env []string, stdout, stderr io.Writer) int {
	root := newRoot(&program{env: env, stdout: stdout, stderr: stderr})
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return report(stderr, root.ExecuteContext(ctx))
}
