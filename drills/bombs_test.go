package drills

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// TestBombs: small requests made to cost a parser much cost it little.
func TestBombs(t *testing.T) {
	d := begin(t, "parser bombs")
	s := deploy(d, flooded("KEYTURN_LIMITS_FAILURES_NETWORK=1000000", "KEYTURN_LIMITS_FAILURES_PROCESS=1000000")...)
	c := s.client()
	p := d.warmUp(c)
	base, measured := s.peakMemory()

	var times []time.Duration
	statuses := map[int]int{}
	judge := func(name string, send func() (answer, error)) {
		for range size(3, 200) {
			start := time.Now()
			a, err := send()
			if err != nil {
				d.Fatalf("%s: %v", name, err)
			}
			times = append(times, time.Since(start))
			statuses[a.status]++
			if a.status < 400 || a.status > 499 || a.status == http.StatusTooManyRequests {
				d.Errorf("%s: status %d: %.200s", name, a.status, a.body)
			}
		}
	}
	for name, body := range jsonBombs() {
		for _, path := range []string{signUpOptions, signUpFinish, signInOptions, signInFinish, "/v1/sign-out"} {
			judge(name+" to "+path, func() (answer, error) { return c.send(http.MethodPost, path, []byte(body)) })
		}
	}
	for name, fault := range registrationBombs() {
		judge(name, func() (answer, error) {
			options, err := c.ask(signUpOptions, map[string]string{"username": "bomber"})
			if err != nil {
				return answer{}, err
			}
			made, err := webauthntest.New(webauthntest.Phone()).Create(options, c.page, fault)
			if err != nil {
				return answer{}, err
			}
			return c.finish(signUpFinish, made)
		})
	}
	for name, fault := range assertionBombs() {
		judge(name, func() (answer, error) { return c.signIn(p, fault) })
	}
	d.afterwards(s, c, p)
	d.Logf("answers by status: %v", statuses)
	d.report("%d bombs, all 4xx, median %s, slowest %s%s", len(times),
		quantile(times, 0.5).Round(time.Microsecond), quantile(times, 1).Round(time.Microsecond), d.growth(s, base, measured))
}

// jsonBombs are bodies, some within the size limit and some beyond it.
func jsonBombs() map[string]string {
	nest := func(open, end string, depth int) string {
		return `{"credential":` + strings.Repeat(open, depth) + "0" + strings.Repeat(end, depth) + "}"
	}
	names := strings.Builder{}
	for i := range 5000 {
		fmt.Fprintf(&names, `"n%d":0,`, i)
	}
	return map[string]string{
		"100,000 arrays":            nest("[", "]", 100_000),
		"30,000 arrays":             nest("[", "]", 30_000),
		"30,000 arrays left open":   `{"credential":` + strings.Repeat("[", 60_000),
		"8,000 objects":             nest(`{"a":`, "}", 8_000),
		"a megabyte of base64":      `{"credential":{"id":"` + strings.Repeat("QUFB", 1<<18) + `"}}`,
		"60 KB of base64":           `{"credential":{"id":"` + strings.Repeat("QUFB", 15_000) + `"}}`,
		"one name 10,000 times":     `{` + strings.Repeat(`"a":0,`, 10_000) + `"a":0}`,
		"5,000 names":               `{` + names.String() + `"z":0}`,
		"a number of 60,000 digits": `{"credential":` + strings.Repeat("9", 60_000) + `}`,
		"a number beyond numbers":   `{"username":1e999999999}`,
		"escapes":                   `{"username":"` + strings.Repeat(`\u0000`, 10_000) + `"}`,
		"half a surrogate":          `{"username":"` + strings.Repeat(`\ud800`, 10_000) + `"}`,
		"no UTF-8":                  `{"username":"` + strings.Repeat("\xff", 60_000) + `"}`,
		"two values":                `{}` + strings.Repeat(`{}`, 20_000),
		"white space":               `{` + strings.Repeat(" \n", 30_000) + `"a":0}`,
	}
}

// cborBombs are items that promise more than they hold, or nest without end.
func cborBombs() map[string][]byte {
	repeat := func(n int, item ...byte) []byte { return bytes.Repeat(item, n) }
	head := func(major byte, n uint64) []byte {
		return binary.BigEndian.AppendUint64([]byte{major<<5 | 27}, n)
	}
	keys := head(5, 8000)
	for i := range uint16(8000) {
		keys = append(keys, 0x19, byte(i>>8), byte(i), 0)
	}
	return map[string][]byte{
		"arrays 50,000 deep":         repeat(50_000, 0x81),
		"maps 25,000 deep":           repeat(25_000, 0xa1, 0x00),
		"tags 50,000 deep":           repeat(50_000, 0xc1),
		"an array of 2^63":           head(4, 1<<63),
		"a map of 2^63":              head(5, 1<<63),
		"bytes of 2^63":              head(2, 1<<63),
		"text of 2^63":               head(3, 1<<63),
		"a map of 2^64-1":            head(5, 1<<64-1),
		"an array of 2^31-1":         head(4, 1<<31-1),
		"an array of 2^24 and zeros": append(head(4, 1<<24), repeat(50_000, 0)...),
		"bytes of 2^30":              append(head(2, 1<<30), repeat(50_000, 0)...),
		"indefinite array":           append([]byte{0x9f}, repeat(50_000, 0)...),
		"indefinite map":             append([]byte{0xbf}, repeat(50_000, 0)...),
		"indefinite bytes":           append([]byte{0x5f}, repeat(25_000, 0x41, 0)...),
		"indefinite in indefinite":   repeat(50_000, 0x9f),
		"one key 25,000 times":       append(head(5, 25_000), repeat(25_000, 0, 0)...),
		"8,000 keys":                 keys,
		"nothing":                    {},
	}
}

// registrationBombs are bombs where a registration carries CBOR or certificates, under
// a right ticket.
func registrationBombs() map[string]webauthntest.Mutation {
	faults := map[string]webauthntest.Mutation{}
	for name, bomb := range cborBombs() {
		faults["attestation object: "+name] = webauthntest.EditAttestationBytes(func([]byte) []byte { return bomb })
		faults["behind the attestation object: "+name] = webauthntest.EditAttestationBytes(func(b []byte) []byte {
			return append(append(bytes.Clone(b), bomb...), 0)
		})
		faults["key: "+name] = webauthntest.EditKeyBytes(func([]byte) []byte { return bomb })
		faults["extensions: "+name] = webauthntest.SetExtensions(bomb)
	}
	statement := func(format string, members map[string]any) webauthntest.Mutation {
		return webauthntest.EditAttestation(func(o map[string]any) { o["fmt"], o["attStmt"] = format, members })
	}
	// DER whose every SEQUENCE claims to hold all the rest, and one without an end.
	nested := []byte{}
	for i := 10_000; i > 0; i-- {
		nested = append(nested, 0x30, 0x82, byte(4*i>>8), byte(4*i))
	}
	chain := make([]any, 60)
	for i := range chain {
		chain[i] = nested[:700]
	}
	lies := append([]byte{0xff, 0x54, 0x43, 0x47, 0x80, 0x17, 0xff, 0xff}, bytes.Repeat([]byte{0xff}, 2000)...)
	for name, certificates := range map[string][]any{
		"nested certificate": {nested}, "60 certificates": chain, "endless certificate": {bytes.Repeat([]byte{0x30, 0x80}, 10_000)},
		"no certificate": {}, "empty certificate": {[]byte{}},
	} {
		faults["packed: "+name] = statement("packed", map[string]any{"alg": int64(-7), "sig": []byte{0x30, 0}, "x5c": certificates})
		faults["tpm: "+name] = statement("tpm", map[string]any{
			"ver": "2.0", "alg": int64(-7), "sig": []byte{0x30, 0}, "x5c": certificates, "certInfo": lies, "pubArea": lies,
		})
		faults["android-key: "+name] = statement("android-key", map[string]any{"alg": int64(-7), "sig": []byte{0x30, 0}, "x5c": certificates})
		faults["apple: "+name] = statement("apple", map[string]any{"x5c": certificates})
		faults["fido-u2f: "+name] = statement("fido-u2f", map[string]any{"sig": []byte{0x30, 0}, "x5c": certificates})
	}
	faults["credential ID longer than the data"] = webauthntest.EditAuthenticatorData(func(b []byte) []byte {
		bent := bytes.Clone(b)
		if len(bent) > 55 {
			bent[53], bent[54] = 0xff, 0xff
		}
		return bent
	})
	faults["client data 20,000 deep"] = webauthntest.EditClientData(deepClientData)
	return faults
}

// assertionBombs are bombs where an assertion is parsed.
func assertionBombs() map[string]webauthntest.Mutation {
	faults := map[string]webauthntest.Mutation{
		"client data 20,000 deep": webauthntest.EditClientData(deepClientData),
		"a signature of 30 KB":    webauthntest.EditSignature(func([]byte) []byte { return bytes.Repeat([]byte{0x30, 0x80}, 15_000) }),
		"a nested signature":      webauthntest.EditSignature(func([]byte) []byte { return bytes.Repeat([]byte{0x30, 0x82, 0xff, 0xff}, 200) }),
		"no authenticator data":   webauthntest.EditAuthenticatorData(func([]byte) []byte { return nil }),
		"a user handle of 30 KB":  webauthntest.SetMember("response.userHandle", strings.Repeat("QUFB", 10_000)),
	}
	for name, bomb := range cborBombs() {
		faults["extensions: "+name] = webauthntest.SetExtensions(bomb)
	}
	return faults
}

// deepClientData keeps the challenge and adds a member that nests.
func deepClientData(b []byte) []byte {
	bent := bytes.TrimSuffix(bytes.Clone(b), []byte{'}'})
	return append(bent, `,"x":`+strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)+`}`...)
}
