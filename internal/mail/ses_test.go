package mail

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// sesCall is what the double was asked.
type sesCall struct {
	Method, Path, Authorization string
	Body                        struct {
		FromEmailAddress string
		Destination      struct{ ToAddresses []string }
		Content          struct{ Raw struct{ Data []byte } }
	}
}

// sesDouble speaks the wire of SendEmail. It cannot prove what SES makes of a mail, of
// credentials or of a region.
func sesDouble(t *testing.T, status int, code, text string) (*SES, *[]sesCall) {
	t.Helper()
	var calls []sesCall
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := sesCall{Method: r.Method, Path: r.URL.Path, Authorization: r.Header.Get("Authorization")}
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(body, &call.Body)
		}
		if err != nil {
			t.Error(err)
		}
		calls = append(calls, call)
		w.Header().Set("Content-Type", "application/json")
		if code != "" {
			w.Header().Set("X-Amzn-Errortype", code)
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"message":%q}`, text)
			return
		}
		_, _ = io.WriteString(w, `{"MessageId":"0100"}`)
	}))
	t.Cleanup(server.Close)
	s, err := NewSES(t.Context(), "eu-central-1",
		config.WithBaseEndpoint(server.URL), config.WithSharedConfigFiles(nil), config.WithSharedCredentialsFiles(nil),
		config.WithCredentialsProvider(aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider("AKID", "SECRET", ""))))
	if err != nil {
		t.Fatal(err)
	}
	return s, &calls
}

func TestSESDelivers(t *testing.T) {
	s, calls := sesDouble(t, 200, "", "")
	m := message()
	m.To = "ana@bücher.example"
	if err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if len(*calls) != 1 {
		t.Fatalf("%d calls", len(*calls))
	}
	c := (*calls)[0]
	if c.Method != "POST" || c.Path != "/v2/email/outbound-emails" || !strings.Contains(c.Authorization, "/eu-central-1/ses/aws4_request") {
		t.Errorf("%s %s %s", c.Method, c.Path, c.Authorization)
	}
	from, err := netmail.ParseAddress(c.Body.FromEmailAddress)
	if err != nil || from.Name != "Grüne Wiese" || from.Address != "login@example.com" {
		t.Errorf("from %v, %v", from, err)
	}
	if to := c.Body.Destination.ToAddresses; len(to) != 1 || to[0] != "ana@xn--bcher-kva.example" {
		t.Errorf("to %v", to)
	}
	if p := parts(t, c.Body.Content.Raw.Data); p["text/plain; charset=UTF-8"] != m.Text || p["text/html; charset=UTF-8"] != m.HTML {
		t.Errorf("%q", p)
	}
}

func TestSESAnswers(t *testing.T) {
	for code, c := range map[string]struct {
		status int
		final  bool
	}{
		"MessageRejected":                     {400, true},
		"BadRequestException":                 {400, true},
		"TooManyRequestsException":            {429, false},
		"LimitExceededException":              {400, false},
		"SendingPausedException":              {400, false},
		"AccountSuspendedException":           {400, false},
		"MailFromDomainNotVerifiedException":  {400, false},
		"NotFoundException":                   {404, false},
		"AccessDeniedException":               {403, false},
		"UnrecognizedClientException":         {403, false},
		"ServiceUnavailable":                  {503, false},
		"InternalFailure":                     {500, false},
		"SomethingThatComesInALaterVersionOf": {400, false},
	} {
		t.Run(code, func(t *testing.T) {
			s, calls := sesDouble(t, c.status, code, "no: Ana@Example.org")
			err := s.Send(t.Context(), message())
			if err == nil || errors.Is(err, ErrRefused) != c.final || len(*calls) != 1 {
				t.Errorf("%v after %d calls", err, len(*calls))
			}
			if err != nil && strings.Contains(err.Error(), "Ana@") {
				t.Errorf("for the log: %v", err)
			}
		})
	}
}

func TestSESRefusesItself(t *testing.T) {
	s, calls := sesDouble(t, 200, "", "")
	m := message()
	m.Subject = "a\r\nBcc: b@c"
	if err := s.Send(t.Context(), m); !errors.Is(err, ErrRefused) || len(*calls) != 0 {
		t.Errorf("%v after %d calls", err, len(*calls))
	}
	if _, err := NewSES(t.Context(), ""); err == nil {
		t.Error("no region was taken")
	}
}
