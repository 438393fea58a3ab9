package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// lighthouse is the tool that the folder of its name pins.
const lighthouse = "lighthouse/node_modules/.bin/lighthouse"

// TestLighthouse: every page is as good as it gets in what Lighthouse knows of
// accessibility and good practice. How fast it is depends on the machine, and whether
// search engines find it is not wanted: both are only told.
func TestLighthouse(t *testing.T) {
	browser, err := findBrowser()
	need(t, "browser", err)
	need(t, "browser", findPages())
	_, err = os.Stat(lighthouse)
	need(t, "node", err)
	s := startServer(t)
	for _, path := range []string{"/sign-in", "/sign-up", "/enrol", "/dev/gallery?state=account"} {
		t.Run(path, func(t *testing.T) {
			report := filepath.Join(t.TempDir(), "report.json")
			cmd := exec.Command(lighthouse, s.url+path, "--quiet", "--output=json", "--output-path="+report,
				"--chrome-flags=--headless --no-sandbox --disable-gpu")
			cmd.Env = append(os.Environ(), "CHROME_PATH="+browser)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("lighthouse: %v\n%s", err, out)
			}
			var found struct {
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
			for name, least := range map[string]float64{"accessibility": 0.95, "best-practices": 0.95, "performance": 0, "seo": 0} {
				category, ok := found.Categories[name]
				t.Logf("%s: %.0f", name, category.Score*100)
				if !ok || category.Score < least {
					t.Errorf("%s: %.0f, want at least %.0f", name, category.Score*100, least*100)
				}
			}
		})
	}
}
