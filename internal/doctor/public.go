package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/keyturn/keyturn/internal/settings"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// soon is how long before its end a certificate is worth a warning.
const soon = 14 * 24 * time.Hour

// answer is what a public address answered.
type answer struct {
	status int
	body   []byte
	header http.Header
	ends   time.Time // of the certificate; zero: there is none
}

// get asks a public address, following nothing: what is elsewhere is not here.
func (p *Patient) get(ctx context.Context, address string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, netWait)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return answer{}, fmt.Errorf("doctor: %w", err)
	}
	transport := p.Transport
	if transport == nil {
		own := &http.Transport{TLSClientConfig: p.TLS, Proxy: http.ProxyFromEnvironment}
		defer own.CloseIdleConnections()
		transport = own
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return answer{}, fmt.Errorf("doctor: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	a := answer{status: response.StatusCode, header: response.Header}
	if response.TLS != nil && len(response.TLS.PeerCertificates) > 0 {
		a.ends = response.TLS.PeerCertificates[0].NotAfter
	}
	a.body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return answer{}, fmt.Errorf("doctor: %w", err)
	}
	return a, nil
}

// offline tells whether an error says that nobody was reached, rather than that who was
// reached is wrong. A connection that is refused was refused by somebody.
func offline(err error) bool {
	if untrusted(err) || errors.Is(err, syscall.ECONNREFUSED) {
		return false
	}
	if _, found := errors.AsType[*net.DNSError](err); found {
		return true
	}
	op, found := errors.AsType[*net.OpError](err)
	return found && op.Op == "dial" || errors.Is(err, context.DeadlineExceeded)
}

func untrusted(err error) bool {
	if _, found := errors.AsType[*tls.CertificateVerificationError](err); found {
		return true
	}
	var (
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	return errors.As(err, &authority) || errors.As(err, &name) || errors.As(err, &invalid)
}

// publicURL asks ourselves by the name that people use.
func publicURL(ctx context.Context, p *Patient) (Level, string) {
	set := p.Settings
	if set.Development() {
		return skip("in development nobody comes from outside")
	}
	a, err := p.get(ctx, set.PublicURL+"/healthz")
	switch {
	case err != nil && untrusted(err):
		return fail("the certificate of %s is not trusted (%v); give the proxy one for this name", set.PublicURL, err)
	case err != nil && offline(err):
		return skip("not checked: %s cannot be reached from here (%v)", set.PublicURL, err)
	case err != nil:
		return fail("%s does not answer as it should (%v); check the proxy", set.PublicURL, err)
	case a.status == http.StatusMisdirectedRequest:
		return fail("%s leads to a Keyturn that does not know the name; let the proxy pass Host on unchanged", set.PublicURL)
	case a.status >= 500:
		return fail("%s/healthz answers %d; is the server running, and the proxy's address for it right?", set.PublicURL, a.status)
	case a.status != http.StatusOK || !strings.Contains(string(a.body), `"ok"`):
		return fail("%s/healthz answers %d and is not this server; check where the proxy leads", set.PublicURL, a.status)
	case !a.ends.IsZero() && a.ends.Sub(p.Now()) < soon:
		return warn("the certificate of %s ends at %s; renew it", set.PublicURL, a.ends.UTC().Format(time.RFC3339))
	}
	return ok("%s leads here", set.PublicURL)
}

// document reads a well-known file of the RP ID, which is where browsers and systems
// look for it, whoever serves that host.
func (p *Patient) document(ctx context.Context, name string, into any) (level Level, sentence string) {
	address := "https://" + p.Settings.RPID + "/.well-known/" + name
	a, err := p.get(ctx, address)
	switch {
	case err != nil && offline(err):
		return skip("not checked: %s cannot be reached from here (%v)", address, err)
	case err != nil:
		return fail("%s cannot be read (%v)", address, err)
	case a.status != http.StatusOK:
		return fail("%s answers %d, and must answer 200 without a redirect; let that host serve what this server has there", address, a.status)
	case json.Unmarshal(a.body, into) != nil:
		return fail("%s is not the JSON that it should be; let that host serve what this server has there", address)
	}
	return OK, ""
}

// relatedOrigins: browsers ask the RP ID's own host whether another may use its passkeys.
func relatedOrigins(ctx context.Context, p *Patient) (Level, string) {
	set := p.Settings
	switch {
	case len(set.RPRelatedOrigins) == 0:
		return skip("there are none")
	case set.Development():
		return skip("in development nobody comes from outside")
	}
	var file struct {
		Origins []string `json:"origins"`
	}
	if level, sentence := p.document(ctx, "webauthn", &file); level != OK {
		return level, sentence
	}
	for _, origin := range set.RPRelatedOrigins {
		if !slices.Contains(file.Origins, origin) {
			return fail("https://%s/.well-known/webauthn does not name %s, so its pages cannot use the passkeys; add it there", set.RPID, origin)
		}
	}
	return ok("https://%s/.well-known/webauthn names them all", set.RPID)
}

// associations: Apple's and Google's systems ask the RP ID's own host which apps may use
// its passkeys.
func associations(ctx context.Context, p *Patient) (Level, string) {
	set := p.Settings
	switch {
	case len(set.RPApps) == 0:
		return skip("there are no apps")
	case set.Development():
		return skip("in development nobody comes from outside")
	}
	for _, look := range []func(context.Context, *Patient) (Level, string){appleApps, androidApps} {
		if level, sentence := look(ctx, p); level != OK {
			return level, sentence
		}
	}
	return ok("the association files of %s name every app", set.RPID)
}

func (p *Patient) apps(platform string) (list []settings.App) {
	for _, app := range p.Settings.RPApps {
		if app.Platform == platform {
			list = append(list, app)
		}
	}
	return list
}

func appleApps(ctx context.Context, p *Patient) (Level, string) {
	apps := p.apps("apple")
	if len(apps) == 0 {
		return OK, ""
	}
	var file struct {
		Credentials struct {
			Apps []string `json:"apps"`
		} `json:"webcredentials"`
	}
	if level, sentence := p.document(ctx, "apple-app-site-association", &file); level != OK {
		return level, sentence
	}
	for _, app := range apps {
		if !slices.Contains(file.Credentials.Apps, app.ID) {
			return fail("apple-app-site-association of %s does not name %s; let that host serve what this server has there", p.Settings.RPID, app.ID)
		}
	}
	return OK, ""
}

func androidApps(ctx context.Context, p *Patient) (Level, string) {
	apps := p.apps("android")
	if len(apps) == 0 {
		return OK, ""
	}
	var file []struct {
		Target struct {
			Package string   `json:"package_name"`
			Digests []string `json:"sha256_cert_fingerprints"`
		} `json:"target"`
	}
	if level, sentence := p.document(ctx, "assetlinks.json", &file); level != OK {
		return level, sentence
	}
	for _, app := range apps {
		digest, found := strings.ToUpper(fmt.Sprintf("%x", app.Certificate)), false
		for _, statement := range file {
			for _, there := range statement.Target.Digests {
				found = found || statement.Target.Package == app.ID && strings.ReplaceAll(there, ":", "") == digest
			}
		}
		if !found {
			return fail("assetlinks.json of %s does not name %s with its certificate; let that host serve what this server has there", p.Settings.RPID, app.ID)
		}
	}
	return OK, ""
}
