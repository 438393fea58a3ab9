package mail

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// SES is a Transport over the API of Amazon SES, version 2. It is safe for concurrent
// use.
type SES struct{ client *sesv2.Client }

var _ Transport = (*SES)(nil)

// NewSES makes a transport to SES in a region. Credentials come from where the SDK looks
// for them, unless the options say otherwise. Nothing is asked of SES here.
func NewSES(ctx context.Context, region string, options ...func(*config.LoadOptions) error) (*SES, error) {
	if region == "" {
		return nil, errors.New("mail: SES: name the region, as in ses://eu-central-1")
	}
	cfg, err := config.LoadDefaultConfig(ctx, append([]func(*config.LoadOptions) error{
		config.WithRegion(region),
		// What is tried again is tried by the outbox, which knows when to stop.
		config.WithRetryMaxAttempts(1),
	}, options...)...)
	if err != nil {
		return nil, fmt.Errorf("mail: SES: %w", err)
	}
	return &SES{client: sesv2.NewFromConfig(cfg)}, nil
}

// Send hands a message over. SES puts an ID of its own in the place of the message's.
func (s *SES) Send(ctx context.Context, m Message) error {
	msg, err := compose(m)
	if err != nil {
		return err
	}
	data, err := raw(msg)
	if err != nil {
		return err
	}
	e, err := envelopeOf(m)
	if err != nil {
		return err
	}
	_, err = s.client.SendEmail(ctx, &sesv2.SendEmailInput{
		FromEmailAddress: aws.String(e.from.String()),
		Destination:      &types.Destination{ToAddresses: []string{e.to.Address}},
		Content:          &types.EmailContent{Raw: &types.RawMessage{Data: data}},
	})
	return judgeSES(err, m.To)
}

// judgeSES tells a last word about this very message from what may be otherwise in a
// minute: too many at once, sending paused, a domain that is not verified yet.
func judgeSES(err error, to string) error {
	if err == nil {
		return nil
	}
	text := withoutAddress(err.Error(), to)
	_, rejected := errors.AsType[*types.MessageRejected](err)
	_, malformed := errors.AsType[*types.BadRequestException](err)
	if rejected || malformed {
		return fmt.Errorf("%w: SES: %s", ErrRefused, text)
	}
	return fmt.Errorf("mail: SES: %s", text)
}
