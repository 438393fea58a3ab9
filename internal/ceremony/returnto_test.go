package ceremony_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/internal/ceremony"
	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
)

// TestReturnTo: where a link leads afterwards is a path of our own, however it is read.
func TestReturnTo(t *testing.T) {
	w := ceremonytest.New(t)
	asked := 0
	ask := func(path string) error {
		asked++
		r := ceremonytest.Request()
		r.Caller.Address = netip.AddrFrom4([4]byte{10, 0, byte(asked >> 8), byte(asked)})
		_, err := w.RP.BeginEmail(t.Context(), r, ceremony.EmailSignIn{Email: fmt.Sprintf("p%d@example.org", asked), ReturnTo: path})
		return err
	}
	for _, path := range []string{
		"", "/", "/account", "/account?tab=passkeys", "/a/b/c", "/a/b/", "/a#section", "/a?b=c#d", "/@ana", "/a:b", "/.well-known/x",
		"/...", "/a..b", "/a;b=c", "/caf%C3%A9", "/a%20b", "/authorize?redirect_uri=https%3A%2F%2Fapp.example%2Fcb&state=x",
		"/" + strings.Repeat("a", 255),
	} {
		if err := ask(path); err != nil {
			t.Errorf("%q is refused: %v", path, err)
		}
	}
	refused := []string{
		"https://evil.example", "http://evil.example/", "HTTPS://evil.example", "//evil.example", "///evil.example", "////evil.example",
		"/\\evil.example", "\\/evil.example", "\\\\evil.example", "/\\/evil.example", "\\evil.example", "/a\\b",
		"/%5cevil.example", "/%5Cevil.example", "/%5c%5cevil.example", "/%2fevil.example", "/%2Fevil.example", "/%2f%2fevil.example",
		"/a/%2f/evil.example", "/%252fevil.example", "/%252f%252fevil.example", "/%255cevil.example", "%2f%2fevil.example",
		"/\t/evil.example", "/\n/evil.example", "/\r/evil.example", "/\r\nLocation: https://evil.example", "\t//evil.example", " /a", " //evil.example",
		"/a b", "/a ", "/%0d%0aSet-Cookie:%20x=y", "/%0a/evil.example", "/%09/evil.example", "/%00", "/\x00", "/a\x7f", "/%7f", "/\u0085", "/%C2%85",
		"/./", "/.", "/..", "/../evil.example", "/a/../b", "/a/./b", "/.//evil.example", "/..//evil.example", "/%2e%2e/a", "/%2E/", "/.%2e/a", "/..;/a", "/.;x/a",
		"/a//b", "/a?next=//evil.example", "/a#//evil.example", "/a?b#c#d", "/a?b=%0d%0a", "/a#%00",
		"javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x", "mailto:eve@evil.example", "account", "./account", "../account",
		"?a=b", "#a", "@evil.example", ":evil", "evil.example", "login.example.org", "https:/evil.example", "https:evil.example", "/https://evil.example",
		"https://login.example.org/account", "https://login.example.org@evil.example", "//login.example.org", "//login.example.org@evil.example/",
		"/caf\u00e9", "/\u2028", "/\uff0f/evil.example", "/\u2044evil", "\uff0f\uff0fevil.example", "/\u202e", "/%", "/%2", "/%zz", "/%u002f", "/%ff", "/<script>",
		"/\"onload=x", "/a|b", "/{a}", "/[a]", "/^", "/`", "/" + strings.Repeat("a", 256),
	}
	if len(refused) < 60 {
		t.Fatalf("only %d variants", len(refused))
	}
	before := w.Store.Writes()
	for _, path := range refused {
		fieldRefused(t, ask(path), ceremony.KindField, "return_to", "not_a_path")
	}
	if n := w.Store.Writes() - before; n != 0 {
		t.Fatalf("%d writes", n)
	}
}
