package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"

	"github.com/keyturn/keyturn"
)

// operators binds the listener of /metrics and /status; nil when none is set.
func operators(ctx context.Context, set keyturn.Settings) (net.Listener, error) {
	if set.MetricsListen == "" {
		return nil, nil
	}
	network, address := "tcp", set.MetricsListen
	if path, found := strings.CutPrefix(set.MetricsListen, "unix:"); found {
		network, address = "unix", path
		if err := clearSocket(ctx, path); err != nil {
			return nil, fmt.Errorf("cannot listen on %s (%w); choose another path with --metrics-listen", set.MetricsListen, err)
		}
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s (%w); choose another address with --metrics-listen", set.MetricsListen, err)
	}
	// localhost is whatever a resolver says, so the address is judged that was bound.
	if addr, ok := listener.Addr().(*net.TCPAddr); ok && !addr.IP.IsLoopback() {
		return nil, errors.Join(
			fmt.Errorf("%s leads to %s, which is not loopback; write 127.0.0.1:PORT", set.MetricsListen, addr), listener.Close())
	}
	if network == "unix" {
		if err := os.Chmod(address, 0o660); err != nil {
			return nil, errors.Join(fmt.Errorf("cannot narrow the mode of %s: %w", address, err), listener.Close())
		}
	}
	return listener, nil
}

// errSocketUsed: somebody answers on a socket.
var errSocketUsed = errors.New("somebody listens on it")

// clearSocket removes a socket that a killed process left behind, and nothing else.
func clearSocket(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fs.ErrExist
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", path)
	if err == nil {
		return errors.Join(errSocketUsed, conn.Close())
	}
	return os.Remove(path)
}
