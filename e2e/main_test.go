package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// program builds the binary under test, once; tests that need no server do not
// pay for it.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(os.Getenv(buildDir), "keyturn")
	build := exec.Command("go", "build", "-o", path, "../cmd/keyturn")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/keyturn: %w\n%s", err, out)
	}
	return path, nil
})

// buildDir names the directory that TestMain made for the binary.
const buildDir = "KEYTURN_TEST_BUILD_DIR"

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "keyturn-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if err := os.Setenv(buildDir, dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// need skips a test whose tool is missing, or fails it when KEYTURN_TEST_REQUIRE
// names the tool.
func need(t *testing.T, tool string, missing error) {
	t.Helper()
	switch {
	case missing == nil:
	case slices.Contains(strings.Split(os.Getenv("KEYTURN_TEST_REQUIRE"), ","), tool):
		t.Fatalf("%s is required here and missing: %v", tool, missing)
	default:
		t.Skipf("no %s: %v", tool, missing)
	}
}

// findBrowser looks for a Chromium on the path.
func findBrowser() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("neither chromium nor google-chrome is on the path")
}

// findPages looks for what the binary embeds: without it there is nothing to browse.
func findPages() error {
	if _, err := os.Stat("../console/dist/manifest.json"); err != nil {
		return errors.New("the pages are not built; run make console")
	}
	return nil
}
