package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

func TestBodies(t *testing.T) {
	s := newSite(t)
	pad := func(n int) string { return "{" + strings.Repeat(" ", n-2) + "}" }
	deep := func(n int) string {
		return `{"credential":` + strings.Repeat(`{"a":`, n-1) + "1" + strings.Repeat("}", n)
	}
	const begin, finish = "/v1/sign-in/passkey/options", "/v1/sign-in/passkey"
	for name, test := range map[string]struct {
		path, body string
		want       code
	}{
		"largest":               {begin, pad(bodyLimit), ""},
		"too large":             {begin, pad(bodyLimit + 1), codeTooLarge},
		"registration":          {"/v1/sign-up/passkey", `{"credential":{"a":"` + strings.Repeat("a", bodyLimit) + `"}}`, codeMalformed},
		"registration, limit":   {"/v1/sign-up/passkey", `{"credential":{"a":"` + strings.Repeat("a", registrationLimit) + `"}}`, codeTooLarge},
		"enrolment":             {"/v1/enrolment/passkey", `{"credential":{"a":"` + strings.Repeat("a", bodyLimit) + `"}}`, codeMalformed},
		"deep as allowed":       {finish, deep(depthLimit), codeMalformed},
		"brackets in a string":  {begin, `{"username":"` + strings.Repeat(`[{\"`, 40) + `"}`, ""},
		"empty":                 {begin, ``, codeMalformed},
		"no object":             {begin, `[]`, codeMalformed},
		"null":                  {begin, `null`, codeMalformed},
		"string":                {begin, `"x"`, codeMalformed},
		"cut":                   {begin, `{"username":"a"`, codeMalformed},
		"trailing":              {begin, `{}{}`, codeMalformed},
		"trailing text":         {begin, `{} x`, codeMalformed},
		"space around":          {begin, " \t\r\n{} \n", ""},
		"byte order mark":       {begin, "\ufeff{}", codeMalformed},
		"duplicate":             {begin, `{"username":"a","username":"b"}`, codeMalformed},
		"duplicate, escaped":    {begin, `{"username":"a","usern\u0061me":"b"}`, codeMalformed},
		"duplicate inside":      {finish, `{"credential":{"id":"a","id":"b"}}`, codeMalformed},
		"unknown":               {begin, `{"user":"a"}`, codeMalformed},
		"other case":            {begin, `{"Username":"a"}`, codeMalformed},
		"invalid UTF-8":         {begin, "{\"username\":\"\xff\"}", codeMalformed},
		"lone surrogate":        {begin, `{"username":"\ud800"}`, codeMalformed},
		"wrong type":            {begin, `{"username":5}`, codeInvalidField},
		"comment":               {begin, `{/**/}`, codeMalformed},
		"no credential":         {finish, `{}`, codeInvalidField},
		"credential null":       {finish, `{"credential":null}`, codeInvalidField},
		"credential string":     {finish, `{"credential":"x"}`, codeInvalidField},
		"name at sign-in":       {finish, `{"credential":{},"name":"x"}`, codeMalformed},
		"everywhere, no bool":   {"/v1/sign-out", `{"everywhere":1}`, codeInvalidField},
		"unknown in credential": {finish, `{"credential":{"hello":1}}`, codeMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.send(http.MethodPost, test.path, []byte(test.body))
			if test.want == "" {
				got.want(http.StatusOK)
				return
			}
			got.wantCode(test.want)
		})
	}
}

// TestReadAll: a body is read whole whatever its length was said to be, and an announced
// length takes no memory before it comes.
func TestReadAll(t *testing.T) {
	for _, size := range []int{0, 1, 510, 511, 512, 4095, 4096, 4097, 100_000} {
		for _, said := range []int64{-1, 0, int64(size), int64(size) - 1, int64(size) + 1, bodyLimit} {
			sent := bytes.Repeat([]byte{'x'}, size)
			got, err := readAll(iotest.OneByteReader(bytes.NewReader(sent)), said)
			if err != nil || !bytes.Equal(got, sent) {
				t.Errorf("%d bytes, said to be %d: %d, %v", size, said, len(got), err)
			}
		}
	}
	if body, _ := readAll(strings.NewReader(""), bodyLimit); cap(body) > readAtOnce+1 {
		t.Errorf("%d bytes of room for a body that did not come", cap(body))
	}
	body := strings.NewReader(strings.Repeat("x", 900))
	if n := testing.AllocsPerRun(10, func() { body.Seek(0, io.SeekStart); _, _ = readAll(body, 900) }); n > 1 {
		t.Errorf("%v allocations for a body of known length", n)
	}
}

// TestShallow: brackets in strings do not count, however the strings are escaped.
func TestShallow(t *testing.T) {
	for body, want := range map[string]bool{
		`{}`: true, ` {"a":[]}`: true, `{"a":[[]]}`: false, `{"a":"[[["}`: true, `{"a":"\"[[["}`: true, `{"a":"\\","b":[[]]}`: false,
		`{"a":"\\\"[[[","b":"["}`: true, `{"a":"[[[`: true, `{"a":"\`: true, `{"a":"x\`: true, `[]`: false, ``: false,
		`{"":"","":""}`: true, `{"a":"","b":[[]]}`: false,
	} {
		if got := shallow([]byte(body), 2); got != want {
			t.Errorf("%s: %t", body, got)
		}
	}
}

// TestManyEscapes: a string costs what it is long, however many escapes are in it. If each
// of them looked for the end anew, this would take an hour.
func TestManyEscapes(t *testing.T) {
	body := `{"a":"` + strings.Repeat(`\\`, 16<<20)
	for end, want := range map[string]bool{``: true, `"}`: true, `","b":[[]]}`: false} {
		if got := shallow([]byte(body+end), 2); got != want {
			t.Errorf("%q: %t", end, got)
		}
	}
}

// A body that nests too deep is refused for that, whatever it says.
func TestDepth(t *testing.T) {
	nest := func(n int) []byte {
		return []byte(`{"credential":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + "}")
	}
	var in finishing
	if err := decode(nest(depthLimit), &in); err != nil {
		t.Errorf("%d deep: %v", depthLimit, err)
	}
	var p *problem
	if err := decode(nest(depthLimit+1), &in); !errors.As(err, &p) || p.code != codeMalformed {
		t.Errorf("%d deep: %v", depthLimit+1, err)
	}
}

func TestFieldErrors(t *testing.T) {
	s := newSite(t)
	got := s.post("/v1/sign-in/passkey/options", fields{"username": []int{1}}).wantCode(codeInvalidField)
	if want := []fieldFault{fault("username", "type")}; fmt.Sprint(got.problem().Errors) != fmt.Sprint(want) {
		t.Errorf("errors %+v, want %+v", got.problem().Errors, want)
	}
	unknown := s.post("/v1/sign-in/passkey/options", fields{"my-secret": 1}).wantCode(codeMalformed)
	if strings.Contains(string(unknown.body), "my-secret") {
		t.Errorf("told back: %s", unknown.body)
	}
}

func TestContentTypes(t *testing.T) {
	s := newSite(t)
	for name, test := range map[string]struct {
		with []with
		want int
	}{
		"JSON":             {nil, 200},
		"charset":          {[]with{without("Content-Type"), header("Content-Type", "application/json; charset=UTF-8")}, 200},
		"other charset":    {[]with{without("Content-Type"), header("Content-Type", "application/json; charset=latin1")}, 415},
		"parameter":        {[]with{without("Content-Type"), header("Content-Type", "application/json; v=1")}, 415},
		"none":             {[]with{without("Content-Type")}, 415},
		"text":             {[]with{without("Content-Type"), header("Content-Type", "text/plain")}, 415},
		"form":             {[]with{without("Content-Type"), header("Content-Type", "application/x-www-form-urlencoded")}, 415},
		"problem":          {[]with{without("Content-Type"), header("Content-Type", "application/problem+json")}, 415},
		"nonsense":         {[]with{without("Content-Type"), header("Content-Type", "application/json;")}, 200},
		"malformed":        {[]with{without("Content-Type"), header("Content-Type", "application/json; charset")}, 415},
		"twice":            {[]with{header("Content-Type", "application/json")}, 415},
		"compressed":       {[]with{header("Content-Encoding", "gzip")}, 415},
		"length not known": {[]with{func(r *http.Request) { r.ContentLength = -1 }}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			s.post("/v1/sign-in/passkey/options", fields{}, test.with...).want(test.want)
		})
	}
	long := strings.Repeat(" ", bodyLimit) + "{}"
	s.send(http.MethodPost, "/v1/sign-in/passkey/options", []byte(long), func(r *http.Request) { r.ContentLength = -1 }).wantCode(codeTooLarge)
	s.send(http.MethodPost, "/v1/sign-in/passkey/options", nil).want(http.StatusOK)
	s.send(http.MethodPost, "/v1/sign-in/passkey", nil).wantCode(codeMalformed)
}

// Whatever decode accepts, a plain parser reads the same way: nothing that one reads
// and another overlooks gets through.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"username":"a","mediation":"conditional","session_mode":"cookie","scope":"x"}`, `{"username":"a","username":"b"}`,
		`{"Username":"a"}`, `{"username":"\ud800"}`, `{"username":null}`, `[]`, `{"a":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}`,
		`{"username":"\"{[\\"}`, "{\"username\":\"\xff\"}", `{} {}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var in, plain signInOptions
		if err := decode(body, &in); err != nil {
			var p *problem
			if !errors.As(err, &p) || p.code != codeMalformed && p.code != codeInvalidField {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		if err := json.Unmarshal(body, &plain); err != nil {
			t.Fatalf("accepted what is not JSON: %v", err)
		}
		if in != plain {
			t.Fatalf("read %+v, a plain parser reads %+v", in, plain)
		}
		var members map[string]any
		if err := json.Unmarshal(body, &members); err != nil {
			t.Fatal(err)
		}
		for name := range members {
			switch name {
			case "username", "mediation", "session_mode", "scope":
			default:
				t.Fatalf("accepted the member %q", name)
			}
		}
	})
}
