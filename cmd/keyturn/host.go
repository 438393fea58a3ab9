package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// The bounds of a connection. A request is small and an answer quick, so whoever
// takes longer is stuck or means harm.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 60 * time.Second
	maxHeaderBytes    = 16 << 10

	// shutdownGrace is how long requests under way may take to finish.
	shutdownGrace = 10 * time.Second
)

// host is where a handler runs, and the work in the background beside it.
type host struct {
	handler    http.Handler
	background func(context.Context) error // until its context ends
	log        *slog.Logger
	grace      time.Duration
}

// web bounds what a connection may take.
func (h host) web() *http.Server {
	return &http.Server{
		Handler:           h.handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		// What net/http has to say is about strangers' broken connections.
		ErrorLog: slog.NewLogLogger(h.log.Handler(), slog.LevelDebug),
	}
}

// serve serves until ctx ends, then stops accepting, lets requests under way finish,
// and only then stops the background. It returns when all of it has ended.
func (h host) serve(ctx context.Context, listener net.Listener) error {
	web := h.web()
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return h.background(background) })
	group.Go(func() error {
		if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("the listener failed: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		defer stop()
		h.log.InfoContext(background, "stopping")
		grace, cancel := context.WithTimeout(background, h.grace)
		defer cancel()
		if err := web.Shutdown(grace); err != nil {
			h.log.WarnContext(background, "requests were cut off", "after", h.grace)
			return web.Close()
		}
		return nil
	})
	return group.Wait()
}
