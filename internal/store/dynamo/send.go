package dynamo

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/auth"
	endpoints "github.com/aws/smithy-go/endpoints"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/uuid"
)

// engine answers what verbs and reads ask of the table. Errors: what the server says, as
// a smithy.APIError; else what happened to the request, which may have been done.
type engine interface {
	do(ctx context.Context, a ask) (reply, error)
}

// client sends requests itself: it makes and reads them without the layers of the SDK's
// client, which cost several times what the rest of a sign-in does. Settings, credentials,
// endpoint, signature and the judgement of what may be repeated are the SDK's.
type client struct {
	table       string
	url         url.URL
	region      string
	credentials aws.CredentialsProvider
	signer      *v4.Signer
	retryer     *retry.Standard
	transport   http.RoundTripper
	patience    time.Duration // with one attempt
	clock       clock
}

var _ engine = (*client)(nil)

// newClient makes a client of the settings that were found for the SDK's. It sends
// nothing.
func newClient(ctx context.Context, c Config, found dynamodb.Options) (*client, error) {
	endpoint, err := found.EndpointResolverV2.ResolveEndpoint(ctx, dynamodb.EndpointParameters{
		Region:       &found.Region,
		Endpoint:     found.BaseEndpoint,
		UseFIPS:      ptr(found.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled),
		UseDualStack: ptr(found.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled),
	})
	if err != nil {
		return nil, fmt.Errorf("dynamo: the server's address: %w", err)
	}
	if endpoint.URI.Path == "" {
		endpoint.URI.Path = "/"
	}
	carrier, ok := found.HTTPClient.(*http.Client)
	if !ok {
		return nil, fmt.Errorf("dynamo: settings of another client, of type %T", found.HTTPClient)
	}
	return &client{
		table: c.Table, url: endpoint.URI, region: signedFor(endpoint, found.Region), credentials: found.Credentials,
		signer: v4.NewSigner(), retryer: newRetryer(), transport: carrier.Transport, patience: c.Timeout * 2 / 5,
		clock: clock{now: time.Now},
	}, nil
}

// signedFor is the region that requests to an endpoint are signed for: an endpoint may
// demand another than the one it was found by.
func signedFor(endpoint endpoints.Endpoint, region string) string {
	options, _ := auth.GetAuthOptions(&endpoint.Properties)
	for _, o := range options {
		if demanded, ok := smithyhttp.GetSigV4SigningRegion(&o.SignerProperties); ok {
			return demanded
		}
	}
	return region
}

// do sends a request until it is answered, or may not be sent again.
func (c *client) do(ctx context.Context, a ask) (r reply, err error) {
	body := a.body(c.table)
	sum := sha256.Sum256(body)
	request := &http.Request{
		Method: http.MethodPost, Host: c.url.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: int64(len(body)),
		GetBody:       func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
	}
	call := sending{request: request, hash: hex.EncodeToString(sum[:]), operation: a.operation, id: uuid.NewString()}
	again := func(error) error { return nil }
	succeeded, err := c.retryer.GetAttemptToken(ctx)
	if err != nil {
		return reply{}, err
	}
	for attempt := 1; ; attempt++ {
		r, err = c.attempt(ctx, call, attempt)
		if err == nil {
			// Into the budget: what the repetition cost, and a success.
			_ = errors.Join(again(nil), succeeded(nil)) // what was done is done
			return r, nil
		}
		if ctx.Err() != nil || attempt == attempts || !c.retryer.IsErrorRetryable(err) {
			return reply{}, err
		}
		var spent error
		if again, spent = c.retryer.GetRetryToken(ctx, err); spent != nil {
			return reply{}, err
		}
		if pause(ctx, jitter(attempt)) != nil {
			return reply{}, err
		}
	}
}

// sending is a request that may be sent several times.
type sending struct {
	request   *http.Request
	hash      string // SHA-256 of the body, as the signature wants it
	operation string
	id        string // by which the server knows the attempts of one request
}

// attempt sends a request once.
func (c *client) attempt(ctx context.Context, s sending, attempt int) (reply, error) {
	// Others may wait for the same ones, which take what they take.
	credentials, err := c.credentials.Retrieve(ctx)
	if err != nil {
		return reply{}, fmt.Errorf("credentials: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	request := s.request.WithContext(ctx)
	address := c.url // the signer writes into it
	request.URL = &address
	body, err := s.request.GetBody()
	if err != nil {
		return reply{}, err
	}
	request.Body = body
	request.Header = http.Header{
		"Content-Type": {"application/x-amz-json-1.0"},
		"X-Amz-Target": {"DynamoDB_20120810." + s.operation},
	}
	dated := c.clock.date()
	if err := c.signer.SignHTTP(ctx, credentials, request, s.hash, "dynamodb", c.region, dated); err != nil {
		return reply{}, fmt.Errorf("signature: %w", err)
	}
	// What decides nothing is not signed, which is a good part of the cost.
	request.Header["Accept-Encoding"] = []string{"identity"} // the checksum is that of the bytes sent
	request.Header["Amz-Sdk-Invocation-Id"] = []string{s.id}
	request.Header["Amz-Sdk-Request"] = []string{"attempt=" + strconv.Itoa(attempt) + "; max=" + strconv.Itoa(attempts)}
	request.Header["User-Agent"] = []string{"keyturn"}
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return reply{}, unanswered{err}
	}
	r, err := c.read(s.operation, response)
	return r, c.clock.judge(err, dated, response.Header)
}

// largest is the size of an answer at most. DynamoDB's have 16 MiB of items in them.
const largest = 64 << 20

// read reads an answer, whole, and compares its checksum.
func (c *client) read(operation string, response *http.Response) (reply, error) {
	body, err := io.ReadAll(io.LimitReader(response.Body, largest))
	_ = response.Body.Close() // it was read to its end, or is of no use
	if err != nil {
		return reply{}, unanswered{err}
	}
	if sum := response.Header.Get("X-Amz-Crc32"); sum != "" && sum != strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10) {
		return reply{}, unanswered{errors.New("the answer's checksum is wrong")}
	}
	if response.StatusCode != http.StatusOK {
		return reply{}, parseFault(response, body)
	}
	r, err := parseReply(operation, body, c.table)
	r.date = response.Header.Get("Date")
	return r, err
}

// unanswered is the fault of a request that may or may not have been done. It may be sent
// again.
type unanswered struct{ error }

// ConnectionError tells the SDK's rules that it may.
func (unanswered) ConnectionError() bool { return true }

func (u unanswered) Unwrap() error { return u.error }

// fault is what the server says that did not do what was asked.
type fault struct {
	status  int
	code    string
	message string
}

var _ smithy.APIError = (*fault)(nil)

func (f *fault) Error() string        { return f.code + ": " + f.message }
func (f *fault) ErrorCode() string    { return f.code }
func (f *fault) ErrorMessage() string { return f.message }

// ErrorFault tells whose it is.
func (f *fault) ErrorFault() smithy.ErrorFault {
	if f.status >= http.StatusInternalServerError {
		return smithy.FaultServer
	}
	return smithy.FaultClient
}

// HTTPStatusCode tells the SDK's rules how the server answered.
func (f *fault) HTTPStatusCode() int { return f.status }

// parseFault reads it. The type may stand in the header, and between a namespace and an
// address.
func parseFault(response *http.Response, body []byte) error {
	var said struct {
		Type    string `json:"__type"`
		Code    string `json:"code"`
		Message string `json:"message"` // or Message: names are compared without their case
	}
	status := response.StatusCode
	if json.Unmarshal(body, &said) != nil {
		said.Type, said.Code = "", "" // half of it may have been read
	}
	kind := cmp.Or(response.Header.Get("X-Amzn-ErrorType"), said.Type, said.Code)
	if kind == "" {
		return &fault{status: status, code: "status " + strconv.Itoa(status), message: http.StatusText(status)}
	}
	kind, _, _ = strings.Cut(kind, ":")
	return &fault{status: status, code: kind[strings.LastIndexByte(kind, '#')+1:], message: said.Message}
}

// code is what the server says is wrong, in one word; empty when it said nothing.
func code(err error) string {
	var said smithy.APIError
	if errors.As(err, &said) {
		return said.ErrorCode()
	}
	return ""
}
