package httpapi

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
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
	body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
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

// isMedia tells whether the body says it is of a media type, in UTF-8. A page of
// another origin cannot say that it is JSON in a request that needs no preflight.
func isMedia(h http.Header, want string) bool {
	if len(h.Values("Content-Type")) != 1 || h.Get("Content-Encoding") != "" {
		return false
	}
	media, parameters, err := mime.ParseMediaType(h.Get("Content-Type"))
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

// noNull refuses null, which the parser would read like an absent member.
var noNull = json.UnmarshalFromFunc(func(d *jsontext.Decoder, into any) error {
	if _, raw := into.(*jsontext.Value); !raw && d.PeekKind() == 'n' {
		return errNull
	}
	return json.SkipFunc
})

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
	err := json.Unmarshal(body, into, json.RejectUnknownMembers(true), json.WithUnmarshalers(noNull))
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
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return false
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{"))
}
