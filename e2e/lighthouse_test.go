package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
)

// judged is what a page has to be good in.
var judged = []string{"accessibility", "best-practices"}

// lighthouse is the tool that the folder of its name pins.
const lighthouse = "lighthouse/node_modules/.bin/lighthouse"

// TestLighthouse: every page is as good as it gets in what Lighthouse knows of
// accessibility and good practice. How fast it is depends on the machine, and a busy one
// loses the trace that it is told from; whether search engines find it is not wanted.
func TestLighthouse(t *testing.T) {
	t.Parallel()
	browser, err := findBrowser()
	need(t, "browser", err)
	need(t, "browser", findPages())
	_, err = os.Stat(lighthouse)
	need(t, "node", err)
	s := startServer(t)
	for _, path := range []string{
		"/sign-in", "/sign-up", "/enrol", "/link", "/recover", "/undo", "/confirm-email", "/dev/mail",
		"/dev/gallery?state=link-code", "/dev/gallery?state=admin-account",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			rate(t, browser, s.url+path)
		})
	}
	// The account as its person sees it: the page is told who they are as a browser tells.
	t.Run("/account", func(t *testing.T) {
		t.Parallel()
		p := newcomer(t, s, builtIn())
		rate(t, browser, s.url+"/account", "--extra-headers="+p.sessionHeader())
	})
}

// sessionHeader writes the header that carries the session into a file.
func (p person) sessionHeader() string {
	p.t.Helper()
	var pairs []string
	for _, cookie := range command(p.browser, network.GetCookies, network.GetCookiesParams{}).Cookies {
		pairs = append(pairs, cookie.Name+"="+cookie.Value)
	}
	if len(pairs) == 0 {
		p.t.Fatal("no cookie")
	}
	header, err := json.Marshal(map[string]string{"Cookie": strings.Join(pairs, "; ")})
	if err != nil {
		p.t.Fatal(err)
	}
	file := filepath.Join(p.t.TempDir(), "headers.json")
	if err := os.WriteFile(file, header, 0o600); err != nil {
		p.t.Fatal(err)
	}
	return file
}

// rate runs Lighthouse on an address.
func rate(t *testing.T, browser, address string, flags ...string) {
	t.Helper()
	report := filepath.Join(t.TempDir(), "report.json")
	measure(t, browser, append([]string{
		address, "--output-path=" + report, "--only-categories=" + strings.Join(judged, ","),
	}, flags...)...)
	var found struct {
		FinalURL   string `json:"finalDisplayedUrl"`
		Categories map[string]struct {
			Score float64 `json:"score"`
		} `json:"categories"`
	}
	data, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &found); err != nil {
		t.Fatal(err)
	}
	if found.FinalURL != address {
		t.Fatalf("rated %s, want %s", found.FinalURL, address)
	}
	for name, category := range found.Categories {
		t.Logf("%s: %.0f", name, category.Score*100)
	}
	for _, name := range judged {
		if score := found.Categories[name].Score; score < 0.95 {
			t.Errorf("%s: %.0f, want at least 95", name, score*100)
		}
	}
}

// measure runs Lighthouse. On a busy machine it may miss the beginning of the page, and
// then asks itself to be run again.
func measure(t *testing.T, browser string, flags ...string) {
	t.Helper()
	for again := 0; ; again++ {
		cmd := exec.Command(lighthouse, append([]string{
			"--quiet", "--output=json", "--chrome-flags=--headless --no-sandbox --disable-gpu",
		}, flags...)...)
		cmd.Env = append(os.Environ(), "CHROME_PATH="+browser)
		out, err := cmd.CombinedOutput()
		if err == nil {
			return
		}
		if again == 5 || !bytes.Contains(out, []byte("Please run Lighthouse again")) {
			t.Fatalf("lighthouse: %v\n%s", err, out)
		}
	}
}
