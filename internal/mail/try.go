package mail

import (
	"context"
	"fmt"

	gomail "github.com/wneessen/go-mail"
)

// Try greets the server as Send does, with TLS and our credentials, and says goodbye
// without sending anything: for whoever wants to know whether mail would go.
func (s *SMTP) Try(ctx context.Context) error {
	line := &line{}
	client, err := gomail.NewClient(s.host, s.options(ctx, line)...)
	if err != nil {
		return fmt.Errorf("mail: SMTP: %w", err)
	}
	defer line.close()
	dialled, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("mail: SMTP: connect to %s: %w", s.host, err)
	}
	// It has taken us; what it says to a goodbye does not matter.
	_ = client.CloseWithSMTPClient(dialled)
	return nil
}
