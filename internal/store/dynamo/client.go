package dynamo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// How a request is repeated. The budget is the client's: when everything fails it is
// soon used up, and then every request is sent once.
const (
	attempts    = 3
	firstDelay  = 25 * time.Millisecond
	lastDelay   = 200 * time.Millisecond
	retryBudget = 250 // tokens; a retry costs 5 (10 after a timeout), a success gives 1 back
)

// connect makes the SDK's client, which finds the settings and makes tables. It sends
// nothing.
func connect(ctx context.Context, c Config) (*dynamodb.Client, error) {
	if c.Table == "" {
		return nil, errors.New("dynamo: no table is named")
	}
	settings := aws.Config{}
	if c.Region == "" || c.Credentials == nil {
		found, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return nil, fmt.Errorf("dynamo: settings of the environment: %w", err)
		}
		settings = found
	}
	if c.Region != "" {
		settings.Region = c.Region
	}
	if c.Credentials != nil {
		settings.Credentials = c.Credentials
	}
	if settings.Region == "" {
		return nil, errors.New("dynamo: no region is named, nor does the environment name one")
	}
	return dynamodb.NewFromConfig(settings, func(o *dynamodb.Options) {
		o.HTTPClient = &http.Client{Transport: transport(c, settings.HTTPClient), Timeout: c.Timeout * 2 / 5}
		o.Retryer = newRetryer()
		if c.Endpoint != "" {
			o.BaseEndpoint = &c.Endpoint
		}
	}), nil
}

// transport keeps enough connections that a verb's parallel writes need no new ones. Whom
// it trusts is what the environment says (AWS_CA_BUNDLE), which found was made for.
func transport(c Config, found aws.HTTPClient) http.RoundTripper {
	if c.Transport != nil {
		return c.Transport
	}
	var trusts *tls.Config
	if buildable, ok := found.(*awshttp.BuildableClient); ok {
		trusts = buildable.GetTransport().TLSClientConfig
	}
	return &http.Transport{
		TLSClientConfig:     trusts,
		Proxy:               http.ProxyFromEnvironment,
		MaxIdleConns:        256,
		MaxIdleConnsPerHost: 256,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: c.Timeout * 2 / 5,
		ForceAttemptHTTP2:   true,
	}
}

func newRetryer() *retry.Standard {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		o.MaxBackoff = lastDelay
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
			return jitter(attempt), nil
		})
		o.RateLimiter = ratelimit.NewTokenRateLimit(retryBudget)
	})
}

// jitter is how long to wait before trying again after so many attempts: anything up to
// a bound that doubles, so that those who failed together do not come back together.
func jitter(attempt int) time.Duration {
	bound := lastDelay
	if attempt < 4 {
		bound = min(firstDelay<<max(attempt, 0), lastDelay)
	}
	return rand.N(bound) + 1
}

// pause waits, or returns why there is no time for it.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ended(ctx)
	case <-timer.C:
		return nil
	}
}

// ended says why a context is no longer good. Nothing of the verb is told by it.
func ended(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), ErrTimeout) {
		return ErrTimeout
	}
	return fmt.Errorf("dynamo: given up: %w", ctx.Err())
}

// refused tells whether the condition of a write did not hold.
func refused(err error) bool {
	return code(err) == "ConditionalCheckFailedException"
}

// failed wraps what the client or the server says. Its text names the operation and the
// table's fault, and no value of an item.
func (s *Store) failed(ctx context.Context, what string, err error) error {
	switch {
	case ctx.Err() == nil:
	case errors.Is(context.Cause(ctx), ErrTimeout):
		return fmt.Errorf("%w: %s: %w", ErrTimeout, what, err)
	default:
		return fmt.Errorf("dynamo: %s: %w: %w", what, ctx.Err(), err)
	}
	return fmt.Errorf("dynamo: %s: %w", what, err)
}
