package dynamo

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// scripted answers one request after the other.
type scripted struct {
	steps []func(*http.Request) (*http.Response, error)
	seen  []*http.Request
}

func (s *scripted) RoundTrip(r *http.Request) (*http.Response, error) {
	s.seen = append(s.seen, r)
	if len(s.seen) > len(s.steps) {
		return nil, errors.New("nobody expected this request")
	}
	return s.steps[len(s.seen)-1](r)
}

// says answers with a status and a body, and the checksum of sum.
func says(status int, body, sum string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		header := http.Header{}
		if sum != "" {
			header.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(sum))), 10))
		}
		return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
}

func fails(err error) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// breaksOff answers with half a body.
func breaksOff(r *http.Request) (*http.Response, error) {
	half := io.MultiReader(strings.NewReader(`{"Item"`), errReader{})
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(half), Request: r}, nil
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// testClient sends nothing but by rt.
func testClient(t *testing.T, change func(*Config), rt http.RoundTripper) *client {
	t.Helper()
	c := Config{
		Table: "t", Region: "eu-central-1", Timeout: DefaultTimeout, Transport: rt,
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", "token"),
	}
	if change != nil {
		change(&c)
	}
	makes, err := connect(t.Context(), c)
	must(t, err)
	ours, err := newClient(t.Context(), c, makes.Options())
	must(t, err)
	return ours
}

// TestAttempts: what may have been lost is sent again, what was refused is not, and a
// spoiled answer is no answer.
func TestAttempts(t *testing.T) {
	type step = func(*http.Request) (*http.Response, error)
	const right = `{"Item":{"b":{"B":"AA=="}}}`
	fine := says(http.StatusOK, right, right)
	kind := func(status int, kind string) step {
		return says(status, `{"__type":"com.amazonaws.dynamodb.v20120810#`+kind+`","message":"why"}`, "")
	}
	for _, c := range []struct {
		name  string
		steps []step
		want  string // the error's code, or text
	}{
		{name: "at once", steps: []step{fine}},
		{name: "without a checksum", steps: []step{says(http.StatusOK, right, "")}},
		{name: "a wrong checksum", steps: []step{says(http.StatusOK, right, "another"), fine}},
		{name: "never a right one", steps: slices.Repeat([]step{says(http.StatusOK, right, "another")}, attempts), want: "checksum"},
		{name: "the connection breaks", steps: []step{fails(errWire), fails(io.EOF), fine}},
		{name: "the answer breaks off", steps: []step{breaksOff, fine}},
		{name: "throttled", steps: []step{kind(400, "ThrottlingException"), kind(400, "ProvisionedThroughputExceededException"), fine}},
		{name: "the server fails", steps: []step{kind(500, "InternalServerError"), says(503, "<html>", ""), fine}},
		{name: "the server fails on", steps: slices.Repeat([]step{says(502, "<html>", "")}, attempts), want: "status 502"},
		{name: "a condition", steps: []step{kind(400, "ConditionalCheckFailedException")}, want: "ConditionalCheckFailedException"},
		{name: "a mistake", steps: []step{kind(400, "ValidationException")}, want: "ValidationException: why"},
		{name: "led elsewhere", steps: []step{says(http.StatusTemporaryRedirect, "", "")}, want: "status 307"},
		{name: "nonsense", steps: []step{says(http.StatusOK, `{"Item":7}`, "")}, want: errAnswer.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &scripted{steps: c.steps}
			r, err := testClient(t, nil, s).do(t.Context(), ask{operation: opGet, key: meta().key()})
			if c.want == "" && (err != nil || !bytes.Equal(r.item.bytes("b"), []byte{0})) {
				t.Errorf("error is %v", err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error is %v, want %s", err, c.want)
			}
			if len(s.seen) != len(c.steps) {
				t.Errorf("sent %d times, want %d", len(s.seen), len(c.steps))
			}
			for n, r := range s.seen {
				want := fmt.Sprintf("attempt=%d; max=%d", n+1, attempts)
				if r.Header.Get("Amz-Sdk-Request") != want || r.Header.Get("Amz-Sdk-Invocation-Id") != s.seen[0].Header.Get("Amz-Sdk-Invocation-Id") {
					t.Errorf("request %d is not told as %s", n, want)
				}
			}
		})
	}
}

// TestGivenUp: nothing is sent again for somebody who has gone.
func TestGivenUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &scripted{steps: []func(*http.Request) (*http.Response, error){func(*http.Request) (*http.Response, error) {
		cancel()
		return nil, errWire
	}}}
	if _, err := testClient(t, nil, s).do(ctx, ask{operation: opGet}); !errors.Is(err, errWire) || len(s.seen) != 1 {
		t.Errorf("error is %v after %d requests", err, len(s.seen))
	}
}

// TestNoCredentials: without them nothing is sent.
func TestNoCredentials(t *testing.T) {
	none := errors.New("none there")
	s := &scripted{}
	c := testClient(t, func(c *Config) {
		c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, none })
	}, s)
	if _, err := c.do(t.Context(), ask{operation: opGet}); !errors.Is(err, none) || len(s.seen) > 0 {
		t.Errorf("error is %v after %d requests", err, len(s.seen))
	}
}

// TestAddress: requests go where the SDK's would.
func TestAddress(t *testing.T) {
	for _, c := range []struct{ region, endpoint, fips, want string }{
		{region: "eu-central-1", want: "https://dynamodb.eu-central-1.amazonaws.com/"},
		{region: "cn-north-1", want: "https://dynamodb.cn-north-1.amazonaws.com.cn/"},
		{region: "us-east-1", fips: "true", want: "https://dynamodb-fips.us-east-1.amazonaws.com/"},
		{region: "eu-central-1", endpoint: "http://127.0.0.1:8000", want: "http://127.0.0.1:8000/"},
	} {
		t.Setenv("AWS_USE_FIPS_ENDPOINT", c.fips)
		got := testClient(t, func(config *Config) {
			config.Region, config.Endpoint = c.region, c.endpoint
			if c.fips != "" {
				config.Credentials = nil // so that the environment is asked
			}
		}, nil).url
		if got.String() != c.want {
			t.Errorf("%v: %s", c, got.String())
		}
	}
}

// TestSignature reckons the signature of a request anew, by AWS Signature Version 4.
func TestSignature(t *testing.T) {
	var body []byte
	s := &scripted{steps: []func(*http.Request) (*http.Response, error){func(r *http.Request) (*http.Response, error) {
		var err error
		body, err = io.ReadAll(r.Body)
		must(t, err)
		return says(http.StatusOK, "{}", "")(r)
	}}}
	c := testClient(t, nil, s)
	c.clock.now = func() time.Time { return dawn }
	_, err := c.do(t.Context(), ask{operation: opPut, item: meta().key()})
	must(t, err)
	r := s.seen[0]
	const signed = "content-length;content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
	canonical := fmt.Sprintf("POST\n/\n\ncontent-length:%d\ncontent-type:%s\nhost:%s\nx-amz-date:%s\nx-amz-security-token:token\nx-amz-target:%s\n\n%s\n%x",
		len(body), r.Header.Get("Content-Type"), r.Host, r.Header.Get("X-Amz-Date"), r.Header.Get("X-Amz-Target"), signed, sha256.Sum256(body))
	const scope = "20260301/eu-central-1/dynamodb/aws4_request"
	text := fmt.Sprintf("AWS4-HMAC-SHA256\n20260301T090000Z\n%s\n%x", scope, sha256.Sum256([]byte(canonical)))
	mac := []byte("AWS4secret")
	for _, part := range append(strings.Split(scope, "/"), text) {
		h := hmac.New(sha256.New, mac)
		h.Write([]byte(part))
		mac = h.Sum(nil)
	}
	want := "AWS4-HMAC-SHA256 Credential=key/" + scope + ", SignedHeaders=" + signed + ", Signature=" + hex.EncodeToString(mac)
	if got := r.Header.Get("Authorization"); got != want {
		t.Errorf("Authorization is\n%s, want\n%s", got, want)
	}
	if r.Header.Get("X-Amz-Target") != "DynamoDB_20120810.PutItem" || r.Header.Get("Accept-Encoding") != "identity" {
		t.Errorf("headers are %v", r.Header)
	}
}

// TestFaultsAreNamed as the SDK names them.
func TestFaultsAreNamed(t *testing.T) {
	for body, header := range map[string]string{
		`{"message":"m"}`: "com.amazonaws.dynamodb.v20120810#LimitExceededException:",
		`{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"m"}`:     "",
		`{"__type":"com.amazon.coral.validate#ValidationException","message":"m"}`:                        "",
		`{"__type":"ResourceNotFoundException","Message":"m"}`:                                            "",
		`{"__type":"com.amazon.coral.service#UnrecognizedClientException:http://internal","message":"m"}`: "",
		`{"code":"ThrottlingException","message":"m"}`:                                                    "",
	} {
		theirs, ours := both(t, &canned{
			status: http.StatusBadRequest, answer: []byte(body), header: http.Header{"X-Amzn-Errortype": {header}},
		})
		_, want := theirs.do(t.Context(), ask{operation: opGet, key: meta().key()})
		_, got := ours.do(t.Context(), ask{operation: opGet, key: meta().key()})
		if code(got) != code(want) || code(got) == "" {
			t.Errorf("%s is %q, to the SDK %q", body, code(got), code(want))
		}
	}
}

// TestReaches: requests go where the SDK's go, signed for the same region, whatever the
// settings and the environment say.
func TestReaches(t *testing.T) {
	for name, c := range map[string]struct{ region, endpoint, variable, value string }{
		"a region":                {region: "eu-central-1"},
		"a server":                {region: "eu-central-1", endpoint: "http://127.0.0.1:8000"},
		"a server behind a path":  {region: "eu-central-1", endpoint: "http://127.0.0.1:8000/behind"},
		"and with a stroke":       {region: "eu-central-1", endpoint: "http://127.0.0.1:8000/behind/"},
		"this machine's":          {region: "local"},
		"a server's variable":     {region: "eu-central-1", variable: "AWS_ENDPOINT_URL_DYNAMODB", value: "https://table.example:1"},
		"any server's variable":   {region: "eu-central-1", variable: "AWS_ENDPOINT_URL", value: "https://all.example/x"},
		"both kinds of addresses": {region: "eu-central-1", variable: "AWS_USE_DUALSTACK_ENDPOINT", value: "true"},
		"a validated module":      {region: "us-gov-west-1", variable: "AWS_USE_FIPS_ENDPOINT", value: "true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_ACCESS_KEY_ID", "key")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
			t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			if c.variable != "" {
				t.Setenv(c.variable, c.value)
			}
			seen := &scripted{steps: slices.Repeat([]func(*http.Request) (*http.Response, error){says(http.StatusOK, "{}", "{}")}, 2)}
			config := Config{Table: "t", Region: c.region, Endpoint: c.endpoint, Timeout: DefaultTimeout, Transport: seen}
			makes, err := connect(t.Context(), config)
			must(t, err)
			ours, err := newClient(t.Context(), config, makes.Options())
			must(t, err)
			for _, e := range []engine{sdk{makes, "t"}, ours} {
				_, err := e.do(t.Context(), ask{operation: opGet, key: meta().key()})
				must(t, err)
			}
			scope := func(r *http.Request) string {
				_, after, _ := strings.Cut(r.Header.Get("Authorization"), "/")
				of, _, _ := strings.Cut(after, ",")
				return of
			}
			theirs, got := seen.seen[0], seen.seen[1]
			if got.URL.String() != theirs.URL.String() || scope(got) != scope(theirs) {
				t.Errorf("%s for %s, of the SDK %s for %s", got.URL, scope(got), theirs.URL, scope(theirs))
			}
		})
	}
}

// TestTrusts: who vouches for the server is what the environment says.
func TestTrusts(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "{}")
	}))
	t.Cleanup(server.Close)
	bundle := filepath.Join(t.TempDir(), "authorities.pem")
	must(t, os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	t.Setenv("AWS_CA_BUNDLE", bundle)
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	config := Config{Table: "t", Region: "eu-central-1", Endpoint: server.URL, Timeout: time.Minute}
	makes, err := connect(t.Context(), config)
	must(t, err)
	ours, err := newClient(t.Context(), config, makes.Options())
	must(t, err)
	for name, e := range map[string]engine{"the SDK": sdk{makes, "t"}, "ours": ours} {
		if _, err := e.do(t.Context(), ask{operation: opGet, key: meta().key()}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWrongClock: the server's clock dates requests once it has refused one for its date,
// and what it refuses for another reason is not sent again.
func TestWrongClock(t *testing.T) {
	const late = `{"__type":"com.amazon.coral.service#InvalidSignatureException","message":"Signature expired"}`
	for name, c := range map[string]struct {
		ahead time.Duration
		want  int
	}{
		"behind":       {20 * time.Minute, 3},
		"ahead":        {-20 * time.Minute, 3},
		"right enough": {time.Minute, 1},
	} {
		t.Run(name, func(t *testing.T) {
			dated := func(status int, body string) func(*http.Request) (*http.Response, error) {
				return func(r *http.Request) (*http.Response, error) {
					answer, err := says(status, body, "")(r)
					answer.Header.Set("Date", dawn.Add(c.ahead).Format(http.TimeFormat))
					return answer, err
				}
			}
			s := &scripted{steps: []func(*http.Request) (*http.Response, error){
				dated(http.StatusBadRequest, late), dated(http.StatusOK, "{}"), dated(http.StatusOK, "{}"),
			}}
			client := testClient(t, nil, s)
			client.clock.now = func() time.Time { return dawn }
			_, err := client.do(t.Context(), ask{operation: opGet})
			if c.want == 1 {
				if code(err) != "InvalidSignatureException" || len(s.seen) != 1 {
					t.Errorf("error is %v after %d requests", err, len(s.seen))
				}
				return
			}
			must(t, err)
			_, err = client.do(t.Context(), ask{operation: opGet})
			must(t, err)
			for n, want := range []time.Duration{0, c.ahead, c.ahead} {
				if got := s.seen[n].Header.Get("X-Amz-Date"); got != dawn.Add(want).Format("20060102T150405Z") {
					t.Errorf("request %d is dated %s", n, got)
				}
			}
		})
	}
}

// TestSlowCredentials: what credentials take is not an attempt's time.
func TestSlowCredentials(t *testing.T) {
	s := &scripted{steps: []func(*http.Request) (*http.Response, error){says(http.StatusOK, "{}", "")}}
	c := testClient(t, func(c *Config) {
		c.Credentials = aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
			_, limited := ctx.Deadline()
			if limited {
				return aws.Credentials{}, errors.New("an attempt's time is not theirs")
			}
			return aws.Credentials{AccessKeyID: "key", SecretAccessKey: "secret"}, nil
		})
	}, s)
	if _, err := c.do(context.WithoutCancel(t.Context()), ask{operation: opGet}); err != nil {
		t.Error(err)
	}
}
