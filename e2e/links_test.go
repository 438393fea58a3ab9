package e2e

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
)

// What the pages say about links, and when they cannot go on.
const (
	saidExpired    = "This link has expired, or was used before. Ask for a new one."
	saidRegistered = "This device already has a passkey for you."
)

// command runs the program beside the server, with its settings, as whoever owns the
// machine does, and gives what it printed.
func (s *server) command(t *testing.T, args ...string) []byte {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(s.cmd.Path, args...)
	cmd.Dir, cmd.Env = s.cmd.Dir, s.cmd.Env
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("keyturn %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return stdout.Bytes()
}

// enrolmentLink is the path of a new link for an account.
func (s *server) enrolmentLink(t *testing.T, name string) string {
	t.Helper()
	var made struct {
		Link string `json:"link"`
	}
	if err := json.Unmarshal(s.command(t, "account", "link", name, "--json"), &made); err != nil {
		t.Fatal(err)
	}
	path, ours := strings.CutPrefix(made.Link, s.url)
	if !ours {
		t.Fatalf("a link to somewhere else: %s", made.Link)
	}
	return path
}

// administratorLink is the path of the link that a new server prints. It answers
// requests before it prints, so there may be something to wait for.
func (s *server) administratorLink(t *testing.T) string {
	t.Helper()
	printed := regexp.MustCompile(regexp.QuoteMeta(s.url) + `(/sign-up#ticket=\S+)\n`)
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if link := printed.FindStringSubmatch(s.output.String()); link != nil {
			return link[1]
		}
		select {
		case <-deadline:
			t.Fatalf("no link in\n%s", s.output)
		case <-tick.C:
		}
	}
}

// wantPasskeys checks with the server that the browser is signed in to an account
// with so many passkeys.
func (b *browser) wantPasskeys(n int) {
	b.t.Helper()
	var list struct {
		Passkeys []passkey `json:"passkeys"`
	}
	b.get("/v1/passkeys", &list)
	if len(list.Passkeys) != n {
		b.t.Errorf("%d passkeys, want %d", len(list.Passkeys), n)
	}
}

// TestEnrolmentLink: a link from whoever owns the machine gives a person a passkey on
// another device, once.
func TestEnrolmentLink(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	newcomer(t, s, builtIn()).wantPasskeys(1)
	link := s.enrolmentLink(t, "ana")

	other := startBrowser(t, s.url)
	other.plugIn(securityKey())
	other.open(link)
	other.await("a clean address", "location.hash === ''")
	other.click("create")
	other.awaitPath("/account")
	other.awaitStatus(saidAdded)
	other.wantPasskeys(2)

	third := startBrowser(t, s.url)
	third.plugIn(securityKey())
	third.open(link)
	third.click("create")
	third.awaitStatus(saidExpired)
	if got := third.status("/v1/account"); got != 401 {
		t.Errorf("GET /v1/account: %d, want 401", got)
	}
}

// TestAlreadyRegistered: a device that has a passkey of the account says so, and the
// link is good for another one still.
func TestAlreadyRegistered(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	p := newcomer(t, s, builtIn())
	p.open(s.enrolmentLink(t, p.name))
	p.click("create")
	p.awaitStatus(saidRegistered)
	p.wantPasskeys(1)

	p.key.unplug()
	p.plugIn(securityKey())
	p.click("create")
	p.awaitPath("/account")
	p.wantPasskeys(2)
}

// TestAdministratorLink: the link that a new server prints makes an administrator,
// once.
func TestAdministratorLink(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	link := s.administratorLink(t)
	for _, test := range []struct {
		name string
		made bool
	}{{"root", true}, {"late", false}} {
		b := startBrowser(t, s.url)
		b.plugIn(builtIn())
		b.open(link)
		if !test.made {
			// Nobody fills in a form for nothing.
			b.awaitStatus("This link has expired, or was used before. If you used it, sign in.")
			if eval[bool](b, "!!document.querySelector('form')") {
				t.Error("a used link shows the form")
			}
			continue
		}
		b.fill("username", test.name)
		b.click("create")
		b.awaitPath("/account")
		b.awaitStatus(saidAdded)
	}
	var list struct {
		Accounts []struct {
			Username string `json:"username"`
			Role     string `json:"role"`
		} `json:"accounts"`
	}
	if err := json.Unmarshal(s.command(t, "account", "list", "--json"), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Accounts) != 1 || list.Accounts[0].Username != "root" || list.Accounts[0].Role != "admin" {
		t.Errorf("accounts %+v, want only root, an administrator", list.Accounts)
	}
}

// TestRateLimited: somebody who asks too often is told how long to wait, and may not
// press the button meanwhile.
func TestRateLimited(t *testing.T) {
	t.Parallel()
	s := startServer(t, "KEYTURN_LIMITS_FLOOD_RATE=0.3", "KEYTURN_LIMITS_FLOOD_BURST=20")
	b := startBrowser(t, s.url)
	b.plugIn(securityKey())
	b.open("/sign-in")
	b.fill("username", "ana")
	const button = "document.querySelector('#continue')"
	eval[bool](b, `(async () => {
		while ((await fetch('/v1/account')).status !== 429);
		`+button+`.click();
		return true;
	})()`)
	b.await("how long to wait", `/^Too many tries\. Wait [0-9]+ seconds?\.$/.test(document.querySelector('#status').textContent) && `+button+`.disabled`)
	b.await("the end of it", "!"+button+".disabled")
}

// TestOffline: a person whose network goes away keeps their place, and goes on with
// one press when it is back.
func TestOffline(t *testing.T) {
	t.Parallel()
	p := newcomer(t, startServer(t), securityKey())
	p.signOut()
	p.offline(true)
	p.byUsername()
	p.await("the page to offer another try", "document.querySelector('#retry')?.checkVisibility()")
	p.await("its reason", "/(offline|reach the server).*keep your place/.test(document.querySelector('#status').textContent)")
	if got := eval[string](p.browser, "document.querySelector('#username').value"); got != p.name {
		t.Errorf("the name is %q now", got)
	}

	p.offline(false)
	p.click("retry")
	p.wantSignedIn(1)
}

// offline takes the network away from the page, or gives it back.
func (b *browser) offline(on bool) {
	b.t.Helper()
	conditions := []*network.Conditions{}
	if on {
		conditions = append(conditions, &network.Conditions{Offline: true, DownloadThroughput: -1, UploadThroughput: -1})
	}
	command(b, network.Enable, network.EnableParams{})
	command(b, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: conditions})
	command(b, network.OverrideNetworkState, network.OverrideNetworkStateParams{
		Offline: on, DownloadThroughput: -1, UploadThroughput: -1,
	})
}
