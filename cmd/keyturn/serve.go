package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn"
	"github.com/keyturn/keyturn/internal/settings"
)

func serveCommand(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: "Run the server until it is interrupted.\n\n" +
			"Without any settings it runs at http://localhost:8080 for one person's machine and\n" +
			"prints a link that opens the first administrator's account. Each setting can stand\n" +
			"in keyturn.yaml, in the environment (KEYTURN_PUBLIC_URL for --public-url), or in a\n" +
			"flag; the later of these holds.",
		Example: "  keyturn serve\n" +
			"  keyturn serve --listen 127.0.0.1:9000\n" +
			"  keyturn serve --listen :8443 --public-url https://login.example.com --sign-up closed",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.serve(cmd) },
	}
	addSettings(cmd.Flags(), false)
	return cmd
}

func (p *program) serve(cmd *cobra.Command) (err error) {
	set, err := p.load(cmd)
	if err != nil {
		return err
	}
	ctx, log := cmd.Context(), p.logger(set)
	listener, err := listen(ctx, set)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // closed already when it was served
	watch, err := operators(ctx, set)
	if err != nil {
		return err
	}
	if watch != nil {
		defer func() { _ = watch.Close() }() // as above
	}

	server, err := keyturn.New(ctx, keyturn.Config{Settings: set, Log: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if err := p.greet(ctx, server); err != nil {
		return err
	}
	log.InfoContext(ctx, "serving", "address", listener.Addr().String(), "public_url", server.Settings().PublicURL,
		"development", server.Settings().Development())
	if server.Settings().Mail == "" {
		log.WarnContext(ctx, "mail is not set: nobody is told of what happens to their account, and nobody gets a link; set mail and mail.from")
	}
	background := server.Run
	if watch != nil {
		log.InfoContext(ctx, "serving metrics", "address", watch.Addr().String())
		// It outlasts the requests of people, whose end is counted too.
		background = func(ctx context.Context) error {
			own := host{handler: server.Operators(), background: server.Run, log: log.With("listener", "metrics"), grace: shutdownGrace}
			return own.serve(ctx, watch)
		}
	}
	return host{handler: server, background: background, log: log, grace: shutdownGrace}.serve(ctx, listener)
}

// listen binds the listener. What development rests on is checked where it is true:
// on the address that was bound.
func listen(ctx context.Context, set keyturn.Settings) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", set.Listen)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s (%w); choose another address with --listen", set.Listen, err)
	}
	if addr, ok := listener.Addr().(*net.TCPAddr); set.Development() && (!ok || !addr.IP.IsLoopback()) {
		return nil, errors.Join(
			fmt.Errorf("%s leads to %s, which is not loopback; listen on 127.0.0.1:PORT", set.Listen, listener.Addr()),
			listener.Close())
	}
	return listener, nil
}

// greet tells the person at the machine where to go. The link is a secret: it goes to
// standard output alone, and in development alone.
func (p *program) greet(ctx context.Context, server *keyturn.Server) error {
	if !server.Settings().Development() {
		return nil
	}
	text := fmt.Sprintf("Keyturn runs at %s\n", server.Settings().PublicURL)
	if server.Settings().Mail == settings.MailPage {
		text += fmt.Sprintf("Mails are shown at %s/dev/mail\n", server.Settings().PublicURL)
	}
	link, ok, err := server.Operator().AdministratorLink(ctx)
	if err != nil {
		return err
	}
	if ok {
		text += fmt.Sprintf("\nCreate the first administrator's passkey (this link works once, until %s):\n\n  %s\n\n",
			link.Expires.Local().Format("15:04"), link.URL)
	}
	_, err = fmt.Fprint(p.stdout, text)
	return err
}
