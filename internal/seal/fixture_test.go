package seal

import (
	"crypto/rand"
	"encoding/base64"
	"testing"
)

// testServerKey is a server key of the given versions, the last one primary. Equal
// seeds make equal keys.
func testServerKey(t testing.TB, seed byte, versions ...uint32) ServerKey {
	t.Helper()
	var text []byte
	for _, v := range versions {
		key := make([]byte, keySize)
		key[0], key[1] = seed, byte(v)
		text = append(text, serverKeyLabel+" v"+string(rune('0'+v))+" "+base64.StdEncoding.EncodeToString(key)+"\n"...)
	}
	s, err := ParseServerKey(text, "test")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// testRoot is a root whose value follows from its version and seed.
func testRoot(seed byte, version uint32) Root {
	key := &[keySize]byte{seed, byte(version)}
	return Root{version: version, key: hide(key)}
}

func testRing(t testing.TB, c RingConfig) *Ring {
	t.Helper()
	if c.Deployment == nil {
		c.Deployment = []byte("deployment")
	}
	if c.Server.s == nil {
		c.Server = testServerKey(t, 1, 1)
	}
	if c.Roots == nil {
		c.Roots, c.Primary = []Root{testRoot(2, 1)}, 1
	}
	c.Random = rand.Reader
	r, err := NewRing(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
