package drills

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// devPaths are ways to write the paths that exist in development only.
var devPaths = []string{
	"/dev", "/dev/", "/dev?x=1", "/dev/mail", "/dev/mail/1", "//dev", "/dev//", "/./dev", "/x/../dev", "/%64ev", "/dev%2f",
	"/dev;x", "/DEV", "/dev.html", "/assets/../dev", "/assets/%2e%2e/dev",
}

// TestDevelopmentIsPrivate: what exists in development only is for whoever sits at
// this machine: not for a stranger behind a proxy, nor for a page of a foreign name
// that was pointed at this address (DNS rebinding).
func TestDevelopmentIsPrivate(t *testing.T) {
	d := begin(t, "development")
	s := deploy(d, flooded()...)
	here := get(d, s.address(), "/dev", fmt.Sprintf("Host: localhost:%d", s.port))
	if here.status != http.StatusOK || len(here.body) == 0 {
		d.Fatalf("/dev at this machine: status %d: the drill has nothing to look for", here.status)
	}
	asked, served := 0, 0
	refuse := func(what string, a answer, statuses ...int) {
		asked++
		if !slices.Contains(statuses, a.status) || strings.Contains(string(a.body), string(here.body)) {
			served++
			d.Errorf("%s: status %d: %.200s", what, a.status, a.body)
		}
	}
	for name, proxy := range proxies(s) {
		front := httptest.NewServer(proxy)
		d.Cleanup(front.Close)
		for _, path := range devPaths {
			for _, host := range []string{fmt.Sprintf("localhost:%d", s.port), "public.example"} {
				a := get(d, front.Listener.Addr().String(), path, "Host: "+host)
				refuse(fmt.Sprintf("%s by %s as %s", path, name, host), a, http.StatusNotFound, http.StatusMisdirectedRequest)
			}
		}
	}
	for _, path := range devPaths {
		for _, host := range foreignHosts(s.port) {
			refuse(path+" at "+host, get(d, s.address(), path, "Host: "+host), http.StatusNotFound, http.StatusMisdirectedRequest)
		}
		for _, header := range []string{
			"X-Forwarded-For: 127.0.0.1", "x-forwarded-for:", "X-Forwarded-Host: localhost", "X-Forwarded-Proto: http",
			"Forwarded: for=127.0.0.1", "Via: 1.1 proxy", "X-Real-Ip: 127.0.0.1",
		} {
			a := get(d, s.address(), path, fmt.Sprintf("Host: localhost:%d", s.port), header)
			refuse(path+" with "+header, a, http.StatusNotFound)
		}
		// What is no request at all is refused before anybody asks for its host.
		for _, headers := range [][]string{{}, {"Host: a", "Host: b"}, {"Host: a b"}, {"Host: localhost@evil.example"}} {
			refuse(fmt.Sprintf("%s with %q", path, headers), get(d, s.address(), path, headers...),
				http.StatusBadRequest, http.StatusNotFound, http.StatusMisdirectedRequest)
		}
	}
	s.alive()
	d.report("%d requests by proxies and foreign names, %d paths, %d were not refused", asked, len(devPaths), served)
}

// proxies are the ways in which a server meant for one machine gets published.
func proxies(s *deployment) map[string]http.Handler {
	target := &url.URL{Scheme: "http", Host: s.address()}
	rewrite := func(change func(*httputil.ProxyRequest)) http.Handler {
		return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
			change(r)
		}}
	}
	return map[string]http.Handler{
		"the default proxy":     httputil.NewSingleHostReverseProxy(target),
		"one that forwards all": rewrite(func(r *httputil.ProxyRequest) { r.SetXForwarded() }),
		"one that keeps the host right": rewrite(func(r *httputil.ProxyRequest) {
			r.SetXForwarded()
			r.Out.Host = fmt.Sprintf("localhost:%d", s.port)
		}),
		"one that says Forwarded": rewrite(func(r *httputil.ProxyRequest) {
			r.Out.Header.Set("Forwarded", "for=203.0.113.7")
		}),
		"one that says Via":       rewrite(func(r *httputil.ProxyRequest) { r.Out.Header.Set("Via", "1.1 front") }),
		"one that says X-Real-IP": rewrite(func(r *httputil.ProxyRequest) { r.Out.Header.Set("X-Real-Ip", "203.0.113.7") }),
	}
}

// foreignHosts are names under which a page of a stranger, or a mistake, may reach us.
func foreignHosts(port int) []string {
	hosts := []string{
		"localhost", "localhost:80", "localhost:1", "localhost:0" + fmt.Sprint(port), "[::1]", "127.0.0.1", "0.0.0.0", "2130706433",
		fmt.Sprintf("localhost:%d.evil.example", port),
	}
	for _, name := range []string{
		"evil.example", "127.0.0.1", "127.1", "localhost.evil.example", "evil.localhost", "localhost.", "[::1]", "[::ffff:127.0.0.1]",
		"0.0.0.0", "0x7f000001",
	} {
		hosts = append(hosts, fmt.Sprintf("%s:%d", name, port))
	}
	return append(hosts, "evil.example", "localhost.evil.example")
}

// get sends a request with just these headers and a target that nobody tidies.
func get(d *drill, address, target string, headers ...string) answer {
	d.Helper()
	conn, err := net.Dial("tcp", address)
	d.must(err)
	defer func() { _ = conn.Close() }()
	d.must(conn.SetDeadline(time.Now().Add(10 * time.Second)))
	text := "GET " + target + " HTTP/1.1\r\n" + strings.Join(append(headers, "Connection: close"), "\r\n") + "\r\n\r\n"
	_, err = io.WriteString(conn, text)
	d.must(err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	d.must(err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	d.must(err)
	return answer{status: response.StatusCode, header: response.Header, body: body}
}
