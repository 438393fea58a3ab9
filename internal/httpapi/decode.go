package httpapi

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// bodyLimit bounds a request body, in bytes.
	bodyLimit = 64 << 10
	// registrationLimit bounds the body of a registration's finish: attestation
	// statements carry certificates.
	registrationLimit = 128 << 10
	// depthLimit bounds how deep a body may nest.
	depthLimit = 16
)

// The media types of bodies.
const (
	mediaJSON = "application/json"
	mediaForm = "application/x-www-form-urlencoded"
)

// read takes the body of a call, which must be of the media type. present is false
// when there is none.
func read(w http.ResponseWriter, r *http.Request, media string, limit int64) (body []byte, present bool, err error) {
	if r.ContentLength > limit {
		return nil, false, refused(codeTooLarge)
	}
	body, err = readAll(http.MaxBytesReader(w, r.Body, limit), r.ContentLength)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, false, refused(codeTooLarge)
	case err != nil:
		return nil, false, &problem{code: codeMalformed, cause: err}
	case len(body) == 0 && r.Header.Get("Content-Type") == "":
		return nil, false, nil
	case !isMedia(r.Header, media):
		return nil, false, refused(codeUnsupportedType)
	}
	return body, true, nil
}

// readAtOnce bounds the memory that a body is given on its word, in bytes: whoever
// announces much and sends nothing keeps it for as long as a body may take.
const readAtOnce = 4 << 10

// readAll is io.ReadAll with room for a body of an announced length, and for the last
// read, which finds its end. length is -1 for unknown.
func readAll(r io.Reader, length int64) ([]byte, error) {
	body := make([]byte, 0, min(max(length, 511), readAtOnce)+1)
	for {
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return body, err
		case len(body) == cap(body):
			body = slices.Grow(body, len(body))
		}
	}
}

// isMedia tells whether the body says it is of a media type, in UTF-8. A page of
// another origin cannot say that it is JSON in a request that needs no preflight.
func isMedia(h http.Header, want string) bool {
	sent := h["Content-Type"]
	if len(sent) != 1 || h.Get("Content-Encoding") != "" {
		return false
	}
	if sent[0] == want {
		return true
	}
	media, parameters, err := mime.ParseMediaType(sent[0])
	if err != nil || media != want {
		return false
	}
	for name, value := range parameters {
		if name != "charset" || !strings.EqualFold(value, "utf-8") {
			return false
		}
	}
	return true
}

// errNull says that a member is null: absent means absent.
var errNull = errors.New("null")

// strictly refuses unknown members, and null, which the parser would read like an absent
// member.
var strictly = json.JoinOptions(json.RejectUnknownMembers(true), json.WithUnmarshalers(
	json.UnmarshalFromFunc(func(d *jsontext.Decoder, into any) error {
		if _, raw := into.(*jsontext.Value); !raw && d.PeekKind() == 'n' {
			return errNull
		}
		return json.SkipFunc
	})))

// decode parses one of our own objects: strict UTF-8, no duplicate and no unknown
// names, names in their exact case, no null for what is absent, nothing behind it. A
// member of raw type is checked for its syntax and duplicate names alone: the rest is
// not ours to judge.
//
// A name that the client made up is not told back: it may be anything.
func decode(body []byte, into any) error {
	if !shallow(body, depthLimit) {
		return refused(codeMalformed)
	}
	err := json.Unmarshal(body, into, strictly)
	var semantic *json.SemanticError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &semantic) || semantic.JSONPointer == "":
		return &problem{code: codeMalformed, reason: "syntax"}
	case errors.Is(semantic.Err, json.ErrUnknownName):
		return &problem{code: codeMalformed, reason: "unknown_member"}
	default:
		name, _, _ := strings.Cut(string(semantic.JSONPointer)[1:], "/")
		return invalid(name, "type")
	}
}

// shallow tells whether the body is an object that nests no deeper than limit. It
// counts brackets outside strings and leaves the grammar to the parser.
func shallow(body []byte, limit int) bool {
	if !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) {
		return false
	}
	depth := 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '"':
			i += stringEnd(body[i+1:]) + 1
		case '{', '[':
			if depth++; depth > limit {
				return false
			}
		case '}', ']':
			depth--
		}
	}
	return true
}

// stringEnd is where the quote stands that ends a string, or the length when none does.
// Most of a body is long strings of base64url, which IndexByte passes over at a stroke. A
// quote that was found is kept, so that a string of escapes is not searched for each.
func stringEnd(s []byte) int {
	quote := -1
	for i := 0; i < len(s); i++ {
		if quote < i {
			next := bytes.IndexByte(s[i:], '"')
			if next < 0 {
				break
			}
			quote = i + next
		}
		escape := bytes.IndexByte(s[i:quote], '\\')
		if escape < 0 {
			return quote
		}
		i += escape + 1
	}
	return len(s)
}
