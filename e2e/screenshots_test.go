package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// screenshotDir names the directory for pictures of the pages.
const screenshotDir = "KEYTURN_TEST_SCREENSHOTS"

// TestScreenshots takes pictures of the pages for people to look at, narrow and
// wide, light and dark:
//
//	KEYTURN_TEST_SCREENSHOTS=/tmp/pages go test ./e2e -run TestScreenshots
func TestScreenshots(t *testing.T) {
	dir := os.Getenv(screenshotDir)
	if dir == "" {
		t.Skip("set " + screenshotDir + " to a directory to get pictures of the pages")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p := signUp(t, builtIn())
	p.photograph(dir, "account-added")
	p.open("/account")
	p.await("the list of passkeys", "document.querySelector('#passkeys > li[data-testid=passkey]')")
	p.photograph(dir, "account")
	p.signOut()
	p.photograph(dir, "sign-in")

	p.key.verifyUser(false)
	p.byUsername()
	p.awaitStatus(saidCalm)
	p.photograph(dir, "sign-in-cancelled")
	p.open("/sign-up")
	p.photograph(dir, "sign-up")
	p.fill("username", "-")
	p.click("create")
	p.await("an error", "document.querySelector('#status').textContent.trim() !== ''")
	p.photograph(dir, "sign-up-refused")
	p.open("/enrol")
	p.photograph(dir, "enrol-without-ticket")
	p.askForLink("nobody@example.com")
	p.photograph(dir, "sign-in-mailed")
	p.open("/dev/mail")
	p.press("#mails button")
	p.await("the frame", "document.querySelector('iframe')?.clientHeight > 300")
	p.photograph(dir, "mailbox-open")
	p.press("#mail-links a")
	p.await("the question", "document.querySelector('#use-link')")
	p.photograph(dir, "link-open")
}

// photograph writes NAME-WIDTH-SCHEME.png for each width and colour scheme.
func (b *browser) photograph(dir, name string) {
	b.t.Helper()
	for _, width := range []int64{360, 1280} {
		for _, scheme := range []string{"light", "dark"} {
			b.look(view{width: width, zoom: 1, scheme: scheme})
			b.picture(dir, fmt.Sprintf("%s-%d-%s", name, width, scheme))
			if wide := eval[int](b, "document.documentElement.scrollWidth"); int64(wide) > width {
				b.t.Errorf("%s scrolls sideways: %d px in a window of %d", name, wide, width)
			}
		}
	}
}

// picture writes NAME.png, the whole page.
func (b *browser) picture(dir, name string) {
	b.t.Helper()
	picture := run(b, "screenshot", chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(name, "/", "-")+".png"), picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
