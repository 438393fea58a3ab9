package httpapi

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/account"
	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/session"
)

// inspect visits the source of a package, tests left out.
func inspect(t *testing.T, folder string, visit func(ast.Node) bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatal("no source", err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, visit)
	}
}

// constants lists the constants of a type in the source of a package.
func constants(t *testing.T, folder, typeName string) map[string]string {
	t.Helper()
	found := map[string]string{}
	inspect(t, folder, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if of, ok := spec.Type.(*ast.Ident); !ok || of.Name != typeName {
			return true
		}
		if value, ok := spec.Values[0].(*ast.BasicLit); ok {
			text, err := strconv.Unquote(value.Value)
			if err != nil {
				t.Fatal(err)
			}
			found[spec.Names[0].Name] = text
		}
		return true
	})
	return found
}

// The contract's list of codes with their status; every kind of the heart is one of
// them, and one of the heart's source that the table forgot fails here.
func TestEveryKindHasItsCode(t *testing.T) {
	want := map[string]struct {
		code   code
		status int
	}{
		"KindMalformed":      {"malformed", 400},
		"KindField":          {"invalid_field", 400},
		"KindAuthentication": {"authentication_failed", 401},
		"KindRegistration":   {"registration_refused", 422},
		"KindUsername":       {"username_not_allowed", 422},
		"KindExpired":        {"expired", 410},
		"KindNameTaken":      {"name_taken", 409},
		"KindRegistered":     {"already_registered", 409},
		"KindClosed":         {"sign_up_closed", 403},
		"KindPolicy":         {"policy_refused", 403},
		"KindConflict":       {"conflict", 409},
		"KindLimited":        {"rate_limited", 429},
		"KindStepUp":         {"step_up_required", 401},
		"KindUnknown":        {"account_unknown", 404},
		"KindOtherBrowser":   {"other_browser", 409},
		"KindUnavailable":    {"unavailable", 503},
	}
	source := constants(t, "../ceremony", "Kind")
	if len(source) == 0 || len(source) != len(kinds) || len(source) != len(ceremony.Kinds()) {
		t.Errorf("%d kinds in the source, %d listed, %d in the table", len(source), len(ceremony.Kinds()), len(kinds))
	}
	for name, kind := range source {
		w, ok := want[name]
		if !ok {
			t.Errorf("%s has no code in the contract", name)
			continue
		}
		p := judge(fmt.Errorf("wrapped: %w", &ceremony.Error{Kind: ceremony.Kind(kind)}))
		if p.code != w.code || meanings[p.code].status != w.status {
			t.Errorf("%s is %s (%d), want %s (%d)", name, p.code, meanings[p.code].status, w.code, w.status)
		}
	}
}

// Every error of sessions and accounts that a door can meet has its code; the rest is
// for operators on the machine, or is told by the ceremony that met it.
func TestEverySentinelHasItsCode(t *testing.T) {
	want := map[string]struct {
		err  error
		code code
	}{
		"session.ErrNone":        {session.ErrNone, "unauthenticated"},
		"account.ErrStepUp":      {account.ErrStepUp, "step_up_required"},
		"account.ErrLastPasskey": {account.ErrLastPasskey, "last_passkey"},
		"account.ErrPasskey":     {account.ErrPasskey, "not_found"},
		"account.ErrConflict":    {account.ErrConflict, "conflict"},
		"account.ErrTaken":       {account.ErrTaken, "name_taken"},
		"account.ErrEmailTaken":  {account.ErrEmailTaken, "name_taken"},
		"account.ErrOtherPerson": {account.ErrOtherPerson, "forbidden"},
		"account.ErrForbidden":   {account.ErrForbidden, "forbidden"},
		"account.ErrUninvitable": {account.ErrUninvitable, "policy_refused"},
		"account.ErrUnreachable": {account.ErrUnreachable, "policy_refused"},
		"account.ErrUnknown":     {account.ErrUnknown, "not_found"},
		"account.ErrLink":        {account.ErrLink, "expired"},
	}
	for _, name := range slices.Concat(variables(t, "../session"), variables(t, "../account")) {
		w, ok := want[name]
		if !ok {
			t.Errorf("%s has no code in the contract", name)
			continue
		}
		if got := judge(fmt.Errorf("wrapped: %w", w.err)).code; got != w.code {
			t.Errorf("%s is %s, want %s", name, got, w.code)
		}
	}
}

// variables lists the exported errors in the source of a package.
func variables(t *testing.T, folder string) []string {
	t.Helper()
	var found []string
	inspect(t, folder, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Names) == 1 && strings.HasPrefix(spec.Names[0].Name, "Err") {
			found = append(found, filepath.Base(folder)+"."+spec.Names[0].Name)
		}
		return true
	})
	return found
}

func TestStepUpChallenge(t *testing.T) {
	recorder := httptest.NewRecorder()
	newSite(t).fail(&exchange{ResponseWriter: recorder}, account.ErrStepUp)
	if got := recorder.Header().Get("WWW-Authenticate"); got != `Bearer error="insufficient_user_authentication", max_age=300` {
		t.Errorf("WWW-Authenticate %q", got)
	}
}

func TestEveryCodeHasAMeaning(t *testing.T) {
	source := constants(t, ".", "code")
	if len(source) != len(meanings) {
		t.Errorf("%d codes, %d meanings", len(source), len(meanings))
	}
	for name, c := range source {
		if m := meanings[code(c)]; m.status < 400 || m.detail == "" || http.StatusText(m.status) == "" {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

func TestEveryNameErrorHasASentence(t *testing.T) {
	for _, why := range []string{account.NameTooShort, account.NameTooLong, account.NameCharacters, account.NameShape, "required", "type", "not_allowed"} {
		if fault("f", why).Detail == "Not valid." {
			t.Errorf("%s has no sentence", why)
		}
	}
}

// What nobody foresaw is internal, and says nothing of itself to the client.
func TestJudge(t *testing.T) {
	secret := errors.New("disk /var/secret is full")
	for name, test := range map[string]struct {
		err  error
		want problem
	}{
		"unforeseen":    {secret, problem{code: codeInternal}},
		"unknown kind":  {&ceremony.Error{Kind: "new", Cause: secret}, problem{code: codeInternal}},
		"nobody":        {fmt.Errorf("x: %w", session.ErrNone), problem{code: codeUnauthenticated}},
		"name":          {&account.NameError{Field: "name", Code: "too_long"}, problem{code: codeInvalidField, fields: []fieldFault{fault("name", "too_long")}}},
		"username":      {&account.NameError{Field: "username", Code: "shape"}, problem{code: codeUsernameNotAllowed, fields: []fieldFault{fault("username", "shape")}}},
		"field":         {&ceremony.Error{Kind: ceremony.KindField, Field: "scope", Code: "characters"}, problem{code: codeInvalidField, fields: []fieldFault{fault("scope", "characters")}}},
		"step":          {&ceremony.Error{Kind: ceremony.KindRegistration, Step: "7.1/14"}, problem{code: codeRegistrationRefused, step: "7.1/14"}},
		"no step":       {&ceremony.Error{Kind: ceremony.KindAuthentication, Step: "7.2/21"}, problem{code: codeAuthenticationFailed}},
		"ended context": {context.Canceled, problem{code: codeInternal}},
	} {
		t.Run(name, func(t *testing.T) {
			got := judge(test.err)
			if got.code != test.want.code || got.step != test.want.step || fmt.Sprint(got.fields) != fmt.Sprint(test.want.fields) {
				t.Errorf("%+v, want %+v", got, test.want)
			}
			recorder := httptest.NewRecorder()
			s := newSite(t)
			s.fail(&exchange{ResponseWriter: recorder, id: "id"}, test.err)
			if strings.Contains(recorder.Body.String(), "secret") || strings.Contains(recorder.Body.String(), "7.2") {
				t.Errorf("told: %s", recorder.Body)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	s := newSite(t)
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"rate limited": {&ceremony.Error{Kind: ceremony.KindLimited, RetryAfter: 61 * time.Second}, "61"},
		"rounded up":   {&ceremony.Error{Kind: ceremony.KindLimited, RetryAfter: 1200 * time.Millisecond}, "2"},
		"unavailable":  {unavailable(errors.New("store")), "1"},
		"not for it":   {refused(codeForbidden), ""},
	} {
		recorder := httptest.NewRecorder()
		s.fail(&exchange{ResponseWriter: recorder}, test.err)
		if got := recorder.Header().Get("Retry-After"); got != test.want {
			t.Errorf("%s: Retry-After %q, want %q", name, got, test.want)
		}
	}
}

// A store that is down is 503 with the cause in the log alone.
func TestStoreDown(t *testing.T) {
	s := newSite(t)
	p := s.someone()
	if err := s.Store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, got := range []answered{
		s.get("/v1/account", bearer(p.token)),
		s.get("/v1/account", s.ownCookie(p)),
		s.post("/v1/sign-out", fields{}, s.ownCookie(p)),
	} {
		got.wantCode(codeUnavailable)
		if got.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		if got.set[s.cookies.session] != nil {
			t.Error("the cookie went although nobody knows whose it was")
		}
	}
	if !strings.Contains(s.Journal.String(), `"cause"`) {
		t.Error("the cause is not in the log")
	}
	s.get("/account", s.ownCookie(p)).want(http.StatusOK)
}
