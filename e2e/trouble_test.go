package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

const (
	saidUnreachable = "Can't reach the server. We'll keep your place."
)

// halt takes the server away as a crash does; resume brings it back, on the same data.
func (s *server) halt(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-s.exited
}

func (s *server) resume(t *testing.T) {
	t.Helper()
	again := exec.Command(s.cmd.Path, s.cmd.Args[1:]...)
	again.Dir, again.Env, again.Stdout, again.Stderr = s.cmd.Dir, s.cmd.Env, s.output, s.output
	s.cmd, s.exited = again, make(chan struct{})
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		s.err = again.Wait()
		close(s.exited)
	}()
	s.awaitReady(t)
}

// TestServerAway: while the server is away people are told, keep what they typed, and
// go on by one press when it is back.
func TestServerAway(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	b := startBrowser(t, s.url)
	p := person{browser: b, key: b.plugIn(securityKey()), name: "ana"}
	p.open("/sign-up")
	p.fill("username", p.name)
	s.halt(t)
	p.click("create")
	p.awaitStatus(saidUnreachable)
	s.resume(t)
	p.click("retry")
	p.awaitPath("/account")
	p.awaitRows(1)

	// The session outlives the server.
	s.halt(t)
	p.retype("#display-name", "Ana Away")
	p.click("save-profile")
	p.awaitStatus(saidUnreachable)
	s.resume(t)
	p.click("retry")
	p.awaitStatus("Saved.")
	p.await("the name", "document.querySelector('#account-name').textContent === 'Ana Away'")

	p.signOut()
	s.halt(t)
	p.byUsername()
	p.awaitStatus(saidUnreachable)
	if got := eval[string](b, "document.querySelector('#username').value"); got != p.name {
		t.Errorf("the field holds %q", got)
	}
	s.resume(t)
	p.click("retry")
	p.awaitPath("/account")
}

// TestSlowNetwork: nothing is lost and nothing asked twice while answers take their
// time, and the page says that it is busy.
func TestSlowNetwork(t *testing.T) {
	t.Parallel()
	p := signUp(t, builtIn())
	p.signOut()
	command(p.browser, network.Enable, network.EnableParams{})
	slow := network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{
		{URLPattern: "", Latency: 700, DownloadThroughput: -1, UploadThroughput: -1},
	}}
	command(p.browser, network.EmulateNetworkConditionsByRule, slow)
	p.byUsername()
	p.await("the buttons to rest", "document.querySelector('main').getAttribute('aria-busy') === 'true' && document.querySelector('#continue').disabled")
	p.wantSignedIn(1)
}

// TestTooMany: who is told to wait is told how long, and can go on afterwards.
func TestTooMany(t *testing.T) {
	t.Parallel()
	p := signUp(t, securityKey())
	p.signOut()
	eval[any](p.browser, `{ const real = window.fetch; window.fetch = () => { window.fetch = real; return Promise.resolve(
		Response.json({code: 'rate_limited', request_id: 'R'}, {status: 429, headers: {'Retry-After': '2'}})); } } null`)
	p.byUsername()
	p.awaitStatus("Too many tries. Wait 2 seconds.")
	if !eval[bool](p.browser, "document.querySelector('#continue').disabled && document.querySelector('#passkey').disabled && document.querySelector('#details-code').textContent === 'rate_limited'") {
		t.Error("the buttons do not rest, or the details are missing")
	}
	p.awaitStatus(saidCalm)
	p.click("continue")
	p.wantSignedIn(1)
}

// TestTwoTabs: what one tab changes the other shows when it is looked at, and what is
// pressed in a tab whose session has ended leads to the sign-in page.
func TestTwoTabs(t *testing.T) {
	t.Parallel()
	p := freshly(t, startServer(t), builtIn())
	p.await("the page", "document.querySelector('#display-name')")
	edit := func(method, path, body string) {
		if status := eval[int](p.browser, fmt.Sprintf(
			"fetch(%s, {method: %s, headers: {'Content-Type': 'application/json'}, body: %s}).then(r => r.status)",
			quote(path), quote(method), quote(body))); status/100 != 2 {
			t.Fatalf("%s %s: %d", method, path, status)
		}
	}
	edit("PATCH", "/v1/account", `{"display_name": "Ana Elsewhere"}`)
	eval[any](p.browser, "document.dispatchEvent(new Event('visibilitychange')); null")
	p.await("the name", "document.querySelector('#account-name').textContent === 'Ana Elsewhere'")

	edit("POST", "/v1/sign-out", "{}")
	p.click("save-profile")
	p.awaitPath("/sign-in")
	p.wantSignedOut()
}

// TestBackForwardReload: no way through the history leads to a page that does nothing.
func TestBackForwardReload(t *testing.T) {
	t.Parallel()
	p := signUp(t, builtIn())
	p.open("/account")
	p.awaitRows(1)
	p.signOut()
	eval[any](p.browser, "history.back(); null")
	p.await("a form that works", "document.querySelector('main button.primary')?.disabled === false")
	p.open("/sign-in")
	p.awaitSignIn()
	p.fill("username", "someone")
	run(p.browser, "reload", chromedp.Reload())
	p.awaitSignIn()
	eval[any](p.browser, "document.querySelector('#username').value = ''; null")
	p.byUsername()
	p.wantSignedIn(1)
	run(p.browser, "reload", chromedp.Reload())
	p.wantSignedIn(1)
	eval[any](p.browser, "history.back(); null")
	// Autofill may have gone on from there by itself, at any time.
	p.await("a page that works", "document.querySelector('main h1') && document.readyState === 'complete' && "+
		"(location.pathname !== '/sign-in' || document.querySelector('#continue')?.disabled === false)")
}

// TestWeight: what is loaded to sign in, and from where.
func TestWeight(t *testing.T) {
	t.Parallel()
	b := startBrowser(t, startServer(t).url)
	b.plugIn(builtIn()).touch(false)
	b.open("/sign-in")
	b.await("autofill", "document.querySelector('main').dataset.autofill === 'armed'")
	const limit = 80_000 // bytes of script as they travel
	scripts := eval[int](b, "performance.getEntriesByType('resource').filter(e => e.name.endsWith('.js')).reduce((n, e) => n + e.encodedBodySize, 0)")
	t.Logf("%d bytes of script to sign in", scripts)
	if scripts == 0 || scripts > limit {
		t.Errorf("%d bytes of script, want at most %d", scripts, limit)
	}
	if foreign := eval[[]string](b, foreignRequests); len(foreign) > 0 {
		t.Errorf("other origins: %s", strings.Join(foreign, ", "))
	}
}
