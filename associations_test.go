package keyturn_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/keyturn/keyturn"
	"github.com/keyturn/keyturn/internal/settings"
)

// The apps of rp.apps stand in the files that the platforms fetch, the certificates of
// one Android app together.
func TestAssociationFiles(t *testing.T) {
	set := production(t, loginOrigin)
	for _, written := range []string{
		"apple:ABCDE12345.com.example.app",
		"android:com.example.app/" + strings.Repeat("0a", 32),
		"android:com.example.app/" + strings.Repeat("FF", 32),
	} {
		app, err := settings.ParseApp(written)
		if err != nil {
			t.Fatal(err)
		}
		set.RPApps = append(set.RPApps, app)
	}
	server := open(t, keyturn.Config{Settings: set})
	for path, want := range map[string]string{
		"apple-app-site-association": `{"webcredentials":{"apps":["ABCDE12345.com.example.app"]}}`,
		"assetlinks.json": `[{"relation":["delegate_permission/common.handle_all_urls","delegate_permission/common.get_login_creds"],` +
			`"target":{"namespace":"android_app","package_name":"com.example.app","sha256_cert_fingerprints":["` +
			strings.TrimSuffix(strings.Repeat("0A:", 32), ":") + `","` + strings.TrimSuffix(strings.Repeat("FF:", 32), ":") + `"]}}]`,
	} {
		recorder := httptest.NewRecorder()
		server.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, loginOrigin+"/.well-known/"+path, nil))
		if got := strings.TrimSpace(recorder.Body.String()); recorder.Code != http.StatusOK || got != want {
			t.Errorf("%s: %d %s\nwant %s", path, recorder.Code, got, want)
		}
	}
}
