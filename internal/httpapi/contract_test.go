package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// contract is the OpenAPI document as a judge of what is exchanged.
type contract struct {
	document map[string]any
	compiler *jsonschema.Compiler

	mu       sync.Mutex // a compiler is for one at a time
	compiled map[string]*jsonschema.Schema
}

// theContract is read once for all tests.
var theContract = sync.OnceValues(func() (*contract, error) {
	text, err := openapiJSON()
	if err != nil {
		return nil, err
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := &contract{compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}}
	c.document, _ = parsed.(map[string]any)
	c.compiler.AssertFormat()
	return c, c.compiler.AddResource("openapi.json", parsed)
})

func readContract(t testing.TB) *contract {
	t.Helper()
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// at follows a path of names through the document, references included, and gives
// what is there with its JSON pointer.
func (c *contract) at(pointer string, names ...string) (any, string) {
	var here any = c.document
	walk := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	if pointer == "" {
		walk = nil
	}
	for i := range walk {
		walk[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(walk[i])
	}
	path := ""
	for _, name := range append(walk, names...) {
		m, ok := here.(map[string]any)
		if !ok {
			return nil, ""
		}
		here, path = m[name], path+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		if m, ok := here.(map[string]any); ok {
			if to, ok := m["$ref"].(string); ok && len(m) == 1 {
				here, path = c.at(strings.TrimPrefix(to, "#"))
			}
		}
	}
	return here, path
}

// check judges a value by the schema at a pointer.
func (c *contract) check(pointer string, value any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	schema, ok := c.compiled[pointer]
	if !ok {
		var err error
		if schema, err = c.compiler.Compile("openapi.json#" + (&url.URL{Fragment: pointer}).EscapedFragment()); err != nil {
			return err
		}
		c.compiled[pointer] = schema
	}
	return schema.Validate(value)
}

// documented tells whether a path belongs to the document: what programs call. Pages
// and their files are for people.
func documented(path string) bool {
	for _, prefix := range []string{"/v1/", "/.well-known/", "/healthz", "/readyz", "/openapi.json"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// operations lists the document's operations as "METHOD /path".
func (c *contract) operations() []string {
	var all []string
	paths, _ := c.at("", "paths")
	for path, item := range paths.(map[string]any) {
		for method := range item.(map[string]any) {
			if method != "parameters" {
				all = append(all, strings.ToUpper(method)+" "+path)
			}
		}
	}
	slices.Sort(all)
	return all
}

func operationOf(pattern string) (method, path string, ok bool) {
	method, path, ok = strings.Cut(pattern, " ")
	return strings.ToLower(method), path, ok && documented(path)
}

// judge holds an exchange against the document: the request, when it was granted, and
// the answer in any case. pattern is that of the route which answered.
func (c *contract) judge(pattern string, request []byte, got answered) error {
	method, path, ok := operationOf(pattern)
	if !ok {
		return nil
	}
	response, pointer := c.at("", "paths", path, method, "responses", fmt.Sprint(got.status))
	if response == nil {
		return fmt.Errorf("status %d is not in the document: %s", got.status, got.body)
	}
	if err := c.headers(pointer, got.header); err != nil {
		return err
	}
	media, err := c.body(pointer, got)
	if err != nil {
		return fmt.Errorf("answer %d %s: %w\n%s", got.status, media, err, got.body)
	}
	if got.status >= 300 || len(request) == 0 {
		return nil
	}
	return c.request(path, method, request)
}

// headers demands the headers of a response that are required.
func (c *contract) headers(pointer string, h http.Header) error {
	declared, _ := c.at(pointer, "headers")
	names, _ := declared.(map[string]any)
	for name := range names {
		_, header := c.at(pointer, "headers", name)
		if err := c.check(header+"/schema", h.Get(name)); err != nil {
			return fmt.Errorf("header %s %q: %w", name, h.Get(name), err)
		}
	}
	return nil
}

// body judges the body of an answer.
func (c *contract) body(pointer string, got answered) (media string, err error) {
	if content, _ := c.at(pointer, "content"); content == nil {
		if len(got.body) > 0 {
			err = fmt.Errorf("a body where there is none")
		}
		return "", err
	}
	media, _, err = mime.ParseMediaType(got.header.Get("Content-Type"))
	if err != nil {
		return "", err
	}
	schema, where := c.at(pointer, "content", media, "schema")
	if schema == nil {
		return media, fmt.Errorf("media type is not in the document")
	}
	if !strings.HasSuffix(media, "json") || media == mediaLines {
		return media, c.check(where, string(got.body))
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(got.body))
	if err != nil {
		return media, err
	}
	return media, c.check(where, value)
}

// request judges the body of a request that was granted.
func (c *contract) request(path, method string, body []byte) error {
	_, pointer := c.at("", "paths", path, method, "requestBody")
	if schema, where := c.at(pointer, "content", mediaJSON, "schema"); schema != nil {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
		if err == nil {
			err = c.check(where, value)
		}
		if err != nil {
			return fmt.Errorf("granted request %s: %w", body, err)
		}
		return nil
	}
	_, where := c.at(pointer, "content", mediaForm, "schema")
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return err
	}
	value := map[string]any{}
	for name := range form {
		value[name] = form.Get(name)
	}
	if err := c.check(where, value); err != nil {
		return fmt.Errorf("granted request %s: %w", body, err)
	}
	return nil
}

// codes lists what the document says an operation may answer, as "status code".
func (c *contract) codes(operation string) []string {
	method, path, _ := operationOf(operation)
	responses, _ := c.at("", "paths", path, method, "responses")
	var all []string
	for status := range responses.(map[string]any) {
		if status < "400" {
			continue
		}
		_, pointer := c.at("", "paths", path, method, "responses", status)
		for _, media := range []string{"application/problem+json", mediaJSON} {
			_, schema := c.at(pointer, "content", media, "schema")
			branches, _ := c.at(schema, "allOf")
			list, _ := branches.([]any)
			for _, branch := range list {
				properties, _ := branch.(map[string]any)["properties"].(map[string]any)
				for _, member := range []string{"code", "error"} {
					limits, _ := properties[member].(map[string]any)
					names, _ := limits["enum"].([]any)
					for _, name := range names {
						all = append(all, fmt.Sprint(status, " ", name))
					}
				}
			}
		}
	}
	slices.Sort(all)
	return all
}

// told is the code of an answer, whichever of the two shapes it has.
func (a answered) told() string {
	var body struct {
		Code  string `json:"code"`
		Error string `json:"error"`
	}
	if a.status < 400 || json.Unmarshal(a.body, &body) != nil {
		return ""
	}
	return fmt.Sprint(a.status, " ", body.Code, body.Error)
}

func TestDocumentIsTheRouteTable(t *testing.T) {
	c := readContract(t)
	var routes []string
	for _, r := range newSite(t).routes {
		if documented(r.path) {
			routes = append(routes, r.method+" "+r.path)
		}
	}
	slices.Sort(routes)
	for _, operation := range c.operations() {
		if !slices.Contains(routes, operation) {
			t.Errorf("%s is in the document and nowhere else", operation)
		}
	}
	for _, route := range routes {
		if !slices.Contains(c.operations(), route) {
			t.Errorf("%s is not in the document", route)
		}
	}
}

func TestDocumentIsServed(t *testing.T) {
	got := newSite(t).get("/openapi.json").want(http.StatusOK)
	var document map[string]any
	if got.json(&document); document["openapi"] != "3.1.0" || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("%s: %.80s", got.header.Get("Content-Type"), got.body)
	}
}

// Every reference leads somewhere, every component is used, and every schema of ours
// compiles.
func TestDocumentIsWhole(t *testing.T) {
	c := readContract(t)
	used := map[string]bool{}
	var visit func(any)
	visit = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if to, ok := v["$ref"].(string); ok {
				used[to] = true
				if there, _ := c.at(strings.TrimPrefix(to, "#")); there == nil {
					t.Errorf("%s leads nowhere", to)
				}
			}
			for _, member := range v {
				visit(member)
			}
		case []any:
			for _, item := range v {
				visit(item)
			}
		}
	}
	visit(c.document)
	components, _ := c.at("", "components")
	for kind, members := range components.(map[string]any) {
		for name := range members.(map[string]any) {
			pointer := "/components/" + kind + "/" + name
			if kind != "securitySchemes" && !used["#"+pointer] {
				t.Errorf("%s is used by nobody", pointer)
			}
			if kind == "schemas" {
				if err := c.check(pointer, map[string]any{}); err != nil && !isInvalid(err) {
					t.Error(err)
				}
			}
		}
	}
}

// isInvalid tells a value that does not fit from a schema that is none.
func isInvalid(err error) bool {
	_, ok := err.(*jsonschema.ValidationError)
	return ok
}

// Our own objects are closed: a member that nobody documented fails a test.
func TestDocumentIsClosed(t *testing.T) {
	c := readContract(t)
	open := []string{ // the standard's, others', or forms, whose unknown parameters are passed over
		"RegistrationResponse", "AuthenticationResponse", "CreationOptions", "RequestOptions", "Descriptor", "KeySet", "RefreshRequest", "RevocationRequest",
	}
	schemas, _ := c.at("", "components", "schemas")
	for name, schema := range schemas.(map[string]any) {
		s := schema.(map[string]any)
		if s["type"] == "object" && s["additionalProperties"] != false && !slices.Contains(open, name) {
			t.Errorf("%s is open", name)
		}
	}
}

func TestDocumentListsEveryCode(t *testing.T) {
	c := readContract(t)
	listed, _ := c.at("/components/schemas/Problem/properties/code", "enum")
	var names []string
	for _, name := range listed.([]any) {
		names = append(names, fmt.Sprint(name))
	}
	for code := range meanings {
		if !slices.Contains(names, string(code)) {
			t.Errorf("%s is not in the document", code)
		}
	}
	if len(names) != len(meanings) {
		t.Errorf("%d codes in the document, %d in the table", len(names), len(meanings))
	}
	for _, operation := range c.operations() {
		for _, told := range c.codes(operation) {
			status, name, _ := strings.Cut(told, " ")
			if m, ok := meanings[code(name)]; ok && fmt.Sprint(m.status) != status {
				t.Errorf("%s: %s has status %d", operation, told, m.status)
			}
		}
	}
}

// Examples are what they are examples of.
func TestExamples(t *testing.T) {
	c := readContract(t)
	n := 0
	for _, operation := range c.operations() {
		method, path, _ := operationOf(operation)
		_, body := c.at("", "paths", path, method, "requestBody")
		if body == "" {
			continue
		}
		example, _ := c.at(body, "content", mediaJSON, "example")
		if example == nil {
			continue
		}
		n++
		_, schema := c.at(body, "content", mediaJSON, "schema")
		if err := c.check(schema, example); err != nil {
			t.Errorf("%s: %v", operation, err)
		}
	}
	schemas, _ := c.at("", "components", "schemas")
	for name, schema := range schemas.(map[string]any) {
		examples, _ := schema.(map[string]any)["examples"].([]any)
		for _, example := range examples {
			n++
			if err := c.check("/components/schemas/"+name, example); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if n < 16 {
		t.Errorf("%d examples", n)
	}
}

// TestDocumentHasNoNull: an unquoted comma in a flow mapping makes YAML read the rest
// of a description as a member without a value.
func TestDocumentHasNoNull(t *testing.T) {
	var walk func(pointer string, here any)
	walk = func(pointer string, here any) {
		switch here := here.(type) {
		case nil:
			t.Errorf("%s is null", pointer)
		case []any:
			for i, item := range here {
				walk(fmt.Sprintf("%s/%d", pointer, i), item)
			}
		case map[string]any:
			for name, member := range here {
				walk(pointer+"/"+name, member)
			}
		}
	}
	walk("", any(readContract(t).document))
}
