package drills

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

const (
	// large is a body far beyond any limit, in bytes.
	large = 10 << 20
	// memoryGrowth is how far an attack may raise the most memory ever held, in bytes.
	memoryGrowth = 64 << 20
)

// TestOversize: bodies that are too large, or lie about their size, are refused
// without being kept.
func TestOversize(t *testing.T) {
	d := begin(t, "oversize")
	s := deploy(d, flooded("KEYTURN_LIMITS_FAILURES_NETWORK=1000000", "KEYTURN_LIMITS_FAILURES_PROCESS=1000000")...)
	c := s.client()
	p := d.warmUp(c)
	base, measured := s.peakMemory()

	paths := []string{
		signUpOptions, signUpFinish, signInOptions, signInFinish, "/v1/enrolment/passkey/options", "/v1/enrolment/passkey",
		"/v1/sign-out", "/v1/nothing/here",
	}
	forms := oversized()
	statuses, each := map[int]int{}, size(2, 100)
	var sent int
	for _, path := range paths {
		for _, form := range forms {
			answers := d.atOnce(each, func(int) (answer, error) {
				a, err := s.pour(path, form)
				if err != nil && form.malformed {
					return answer{}, nil // it hung up on what is no request
				}
				if err != nil {
					err = fmt.Errorf("%s: %s: %w", path, form.name, err)
				}
				return a, err
			})
			for _, a := range answers {
				sent++
				statuses[a.status]++
				if hungUp := form.malformed && a.status == 0; !hungUp && (a.status < 400 || a.status > 499 || a.status == http.StatusTooManyRequests) {
					d.Errorf("%s: %s: status %d: %.200s", path, form.name, a.status, a.body)
				}
			}
		}
	}
	figure := fmt.Sprintf("%d bodies in %d forms on %d routes, all refused (%d by hanging up)", sent, len(forms), len(paths), statuses[0])
	d.afterwards(s, c, p)
	d.Logf("answers by status: %v", statuses)
	d.report("%s%s", figure, d.growth(s, base, measured))
}

// warmUp lets honest people in, so that the memory measured first is not that of a
// server which has never done anything.
func (d *drill) warmUp(c *client) *person {
	d.Helper()
	p := d.newcomer(c, "honest", webauthntest.Phone())
	for range 30 {
		d.signsIn(c, p)
	}
	return p
}

// afterwards demands that the server is what it was.
func (d *drill) afterwards(s *deployment, c *client, p *person) {
	d.Helper()
	s.alive()
	d.signsIn(c, p)
}

// growth judges how far the peak memory rose above base, and tells it.
func (d *drill) growth(s *deployment, base int, measured bool) string {
	d.Helper()
	if !measured {
		return ", memory not measured on this system"
	}
	peak, _ := s.peakMemory()
	if peak-base >= memoryGrowth {
		d.Errorf("peak memory grew from %d to %d bytes", base, peak)
	}
	return fmt.Sprintf(", peak memory %d + %d MiB", base>>20, (peak-base)>>20)
}

// oversizedForm is one way to send too much: what stands between the request line and
// the body, the body, and whether the client stops sending after it.
type oversizedForm struct {
	name    string
	headers string
	body    func(io.Writer) error
	ends    bool
	// malformed: no request by HTTP's own rules. Who refuses one may hang up before the
	// client has taken the answer.
	malformed bool
}

func oversized() []oversizedForm {
	const typed = "Content-Type: application/json\r\n"
	length := fmt.Sprintf("Content-Length: %d\r\n", large)
	const chunked = "Transfer-Encoding: chunked\r\n"
	return []oversizedForm{
		{name: "as it says", headers: typed + length, body: fill},
		{name: "chunked", headers: typed + chunked, body: inChunks},
		{name: "without a type", headers: length, body: fill},
		{name: "less than it says", headers: typed + length, body: write(`{"username":"`), ends: true},
		{name: "more than it says", headers: typed + "Content-Length: 100\r\n", body: fill},
		{name: "two lengths", malformed: true, headers: typed + length + "Content-Length: 10\r\n", body: fill},
		{name: "a negative length", malformed: true, headers: typed + "Content-Length: -1\r\n", body: fill},
		{name: "a length beyond numbers", malformed: true, headers: typed + "Content-Length: 99999999999999999999\r\n", body: fill},
		{name: "length and chunks", headers: typed + length + chunked, body: inChunks},
		{name: "a chunk beyond numbers", headers: typed + chunked, body: write("fffffffffffffffff\r\n{"), ends: true},
		{name: "a chunk that says 2^63-1", headers: typed + chunked, body: write("7fffffffffffffff\r\n{"), ends: true},
		{name: "an endless chunk extension", headers: typed + chunked, body: func(w io.Writer) error {
			if err := write("1;x=")(w); err != nil {
				return err
			}
			return fill(w)
		}},
		{name: "headers", headers: typed + "X-Large: " + string(bytes.Repeat([]byte{'x'}, 1<<20)) + "\r\n" + length, body: fill},
		{name: "compressed", headers: typed + "Content-Encoding: gzip\r\nContent-Length: 100\r\n", body: fill},
	}
}

func write(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

// fill writes a large string that is JSON as far as it goes.
func fill(w io.Writer) error {
	part := bytes.Repeat([]byte{'x'}, 64<<10)
	copy(part, `{"username":"`)
	for range large / len(part) {
		if _, err := w.Write(part); err != nil {
			return err
		}
		part[0], part[1] = 'x', 'x'
	}
	return nil
}

func inChunks(w io.Writer) error {
	part := append([]byte("10000\r\n"), append(bytes.Repeat([]byte{' '}, 64<<10), '\r', '\n')...)
	for range large >> 16 {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return write("0\r\n\r\n")(w)
}

// pour posts a body by hand and reads the answer, which may come at any time; a server
// that hangs up on the rest is right to.
func (s *deployment) pour(path string, form oversizedForm) (answer, error) {
	conn, err := net.Dial("tcp", s.address())
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return answer{}, err
	}
	go func() {
		// An error here is the server hanging up; what it answered is read below.
		_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost:%d\r\nOrigin: %s\r\n%s\r\n", path, s.port, s.url, form.headers)
		if err == nil && form.body(conn) == nil && form.ends {
			_ = conn.(*net.TCPConn).CloseWrite()
		}
	}()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: body}, err
}
