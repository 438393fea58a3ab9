package seal

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"
	"testing/iotest"
)

func wantVersionError(t *testing.T, err error) {
	t.Helper()
	var e *VersionError
	if !errors.As(err, &e) {
		t.Errorf("got %v, want *VersionError", err)
	}
}

var ad = [][]byte{[]byte("table"), []byte("key")}

func mustSeal(t testing.TB, p *Purpose, salt, plain []byte) []byte {
	t.Helper()
	blob, err := p.Seal(ad, salt, plain)
	if err != nil {
		t.Fatal(err)
	}
	return blob
}

func TestSealAndOpen(t *testing.T) {
	p := testRing(t, RingConfig{}).Purpose("p")
	for _, plain := range [][]byte{nil, {1}, bytes.Repeat([]byte{2}, 5000)} {
		for _, salt := range [][]byte{nil, bytes.Repeat([]byte{3}, 32)} {
			blob := mustSeal(t, p, salt, plain)
			if len(blob) != len(plain)+Overhead {
				t.Errorf("%d bytes for %d", len(blob), len(plain))
			}
			if got, err := p.Open(ad, salt, blob); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%x, %v", got, err)
			}
			if bytes.Equal(blob, mustSeal(t, p, salt, plain)) {
				t.Error("sealed twice, same bytes")
			}
		}
	}
}

func TestEveryInputCounts(t *testing.T) {
	ring := testRing(t, RingConfig{})
	p := ring.Purpose("p")
	salt := bytes.Repeat([]byte{3}, 32)
	blob := mustSeal(t, p, salt, []byte("plain"))
	for name, c := range map[string]struct {
		purpose *Purpose
		ad      [][]byte
		salt    []byte
	}{
		"purpose":        {ring.Purpose("q"), ad, salt},
		"deployment":     {testRing(t, RingConfig{Deployment: []byte("x")}).Purpose("p"), ad, salt},
		"server key":     {testRing(t, RingConfig{Server: testServerKey(t, 9, 1)}).Purpose("p"), ad, salt},
		"root":           {testRing(t, RingConfig{Roots: []Root{testRoot(9, 1)}, Primary: 1}).Purpose("p"), ad, salt},
		"salt":           {p, ad, bytes.Repeat([]byte{4}, 32)},
		"no salt":        {p, ad, nil},
		"longer salt":    {p, ad, append(bytes.Clone(salt), 0)},
		"field":          {p, [][]byte{[]byte("table"), []byte("kez")}, salt},
		"fewer fields":   {p, ad[:1], salt},
		"more fields":    {p, [][]byte{ad[0], ad[1], nil}, salt},
		"fields shifted": {p, [][]byte{[]byte("tablek"), []byte("ey")}, salt},
		"fields joined":  {p, [][]byte{[]byte("tablekey")}, salt},
		"fields swapped": {p, [][]byte{ad[1], ad[0]}, salt},
	} {
		if _, err := c.purpose.Open(c.ad, c.salt, blob); !errors.Is(err, ErrOpen) {
			t.Errorf("other %s: %v", name, err)
		}
	}
	for i := range blob {
		bent := bytes.Clone(blob)
		bent[i] ^= 1 << (i % 8)
		_, err := p.Open(ad, salt, bent)
		if i >= 1 && i < 1+versionSize {
			wantVersionError(t, err)
		} else if !errors.Is(err, ErrOpen) {
			t.Errorf("byte %d: %v", i, err)
		}
		if _, err := p.Open(ad, salt, blob[:i]); !errors.Is(err, ErrOpen) {
			t.Errorf("cut to %d: %v", i, err)
		}
	}
}

func TestMAC(t *testing.T) {
	ring := testRing(t, RingConfig{})
	p := ring.Purpose("p")
	tag, err := p.MAC([]byte("ab"), []byte("c"))
	if err != nil || len(tag) != tagSize {
		t.Fatalf("%x, %v", tag, err)
	}
	if err := p.Verify(tag, []byte("ab"), []byte("c")); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"shifted":  p.Verify(tag, []byte("a"), []byte("bc")),
		"fewer":    p.Verify(tag, []byte("ab")),
		"more":     p.Verify(tag, []byte("ab"), []byte("c"), nil),
		"purpose":  ring.Purpose("q").Verify(tag, []byte("ab"), []byte("c")),
		"no tag":   p.Verify(nil, []byte("ab"), []byte("c")),
		"cut":      p.Verify(tag[:tagSize-1], []byte("ab"), []byte("c")),
		"extended": p.Verify(append(bytes.Clone(tag), 0), []byte("ab"), []byte("c")),
	} {
		if !errors.Is(err, ErrOpen) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range tag {
		bent := bytes.Clone(tag)
		bent[i] ^= 1
		err := p.Verify(bent, []byte("ab"), []byte("c"))
		if i >= 1 && i < 1+versionSize {
			wantVersionError(t, err)
		} else if !errors.Is(err, ErrOpen) {
			t.Errorf("byte %d: %v", i, err)
		}
	}
}

func TestSub(t *testing.T) {
	ring := testRing(t, RingConfig{})
	p := ring.Purpose("p")
	s := Sub{Version: p.Primary(), Info: [][]byte{[]byte("ab"), []byte("c")}, AD: ad}
	raw, err := p.SealSub([]byte("header"), s, []byte("plain"))
	if err != nil || !bytes.HasPrefix(raw, []byte("header")) || len(raw) != 6+5+SubOverhead {
		t.Fatalf("%x, %v", raw, err)
	}
	if got, err := p.OpenSub(s, raw[6:]); err != nil || string(got) != "plain" {
		t.Errorf("%q, %v", got, err)
	}
	for name, change := range map[string]func(*Sub){
		"info":         func(s *Sub) { s.Info = [][]byte{[]byte("a"), []byte("bc")} },
		"fewer info":   func(s *Sub) { s.Info = s.Info[:1] },
		"ad":           func(s *Sub) { s.AD = ad[:1] },
		"fields moved": func(s *Sub) { s.AD = [][]byte{[]byte("tablek"), []byte("ey")} },
	} {
		other := s
		change(&other)
		if _, err := p.OpenSub(other, raw[6:]); !errors.Is(err, ErrOpen) {
			t.Errorf("other %s: %v", name, err)
		}
	}
	if _, err := ring.Purpose("q").OpenSub(s, raw[6:]); !errors.Is(err, ErrOpen) {
		t.Errorf("other purpose: %v", err)
	}
	for n := range len(raw) - 6 {
		if _, err := p.OpenSub(s, raw[6:6+n]); !errors.Is(err, ErrOpen) {
			t.Errorf("cut to %d: %v", n, err)
		}
	}
	s.Version.Root = 7
	_, err = p.OpenSub(s, raw[6:])
	wantVersionError(t, err)
	_, err = p.SealSub(nil, s, nil)
	wantVersionError(t, err)
}

func TestRotation(t *testing.T) {
	one, two := testRoot(2, 1), testRoot(2, 2)
	ring := testRing(t, RingConfig{Roots: []Root{one}, Primary: 1})
	p := ring.Purpose("p")
	old := mustSeal(t, p, nil, []byte("old"))
	tag, err := p.MAC([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := ring.Replace([]Root{one, two}, 2); err != nil {
		t.Fatal(err)
	}
	if v := p.Primary(); v != (Version{Root: 2, Server: 1}) {
		t.Errorf("primary %+v", v)
	}
	if got, err := p.Open(ad, nil, old); err != nil || string(got) != "old" {
		t.Errorf("%q, %v", got, err)
	}
	if err := p.Verify(tag, []byte("x")); err != nil {
		t.Error(err)
	}
	fresh := mustSeal(t, p, nil, nil)
	if v, ok := ParseVersion(fresh[1:9]); !ok || v != p.Primary() {
		t.Errorf("sealed under %+v", v)
	}
	if err := ring.Replace([]Root{two}, 2); err != nil {
		t.Fatal(err)
	}
	_, err = p.Open(ad, nil, old) // its key was cached: gone is gone
	wantVersionError(t, err)
	wantVersionError(t, p.Verify(tag, []byte("x")))

	for name, bad := range map[string]struct {
		roots   []Root
		primary uint32
	}{
		"no roots": {nil, 1}, "primary absent": {[]Root{one}, 2}, "twice": {[]Root{one, one}, 1}, "empty": {[]Root{one, {}}, 1},
	} {
		if err := ring.Replace(bad.roots, bad.primary); err == nil {
			t.Errorf("%s: replaced", name)
		}
	}
	if p.Primary().Root != 2 {
		t.Error("a refused replacement changed the ring")
	}
}

func TestMissingIsAskedOnce(t *testing.T) {
	ahead := testRing(t, RingConfig{Roots: []Root{testRoot(2, 1), testRoot(2, 2)}, Primary: 2}).Purpose("p")
	blob := mustSeal(t, ahead, nil, []byte("x"))
	asked, bring := 0, false
	var ring *Ring
	ring = testRing(t, RingConfig{Missing: func() {
		asked++
		if bring {
			if err := ring.Replace([]Root{testRoot(2, 1), testRoot(2, 2)}, 1); err != nil {
				t.Error(err)
			}
		}
	}})
	_, err := ring.Purpose("p").Open(ad, nil, blob)
	wantVersionError(t, err)
	bring = true
	if _, err := ring.Purpose("p").Open(ad, nil, blob); err != nil || asked != 2 {
		t.Errorf("asked %d times, %v", asked, err)
	}
	// A server key version comes with the process, not with the store.
	blob[8]++
	_, err = ring.Purpose("p").Open(ad, nil, blob)
	wantVersionError(t, err)
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
}

func TestNewRingRefuses(t *testing.T) {
	whole := RingConfig{
		Deployment: []byte("d"), Server: testServerKey(t, 1, 1), Roots: []Root{testRoot(2, 1)}, Primary: 1, Random: rand.Reader,
	}
	for name, strip := range map[string]func(*RingConfig){
		"deployment": func(c *RingConfig) { c.Deployment = nil },
		"server key": func(c *RingConfig) { c.Server = ServerKey{} },
		"roots":      func(c *RingConfig) { c.Roots = nil },
		"randomness": func(c *RingConfig) { c.Random = nil },
	} {
		c := whole
		strip(&c)
		if _, err := NewRing(c); err == nil {
			t.Errorf("made without %s", name)
		}
	}
	dry := errors.New("dry")
	whole.Random = iotest.ErrReader(dry)
	r, err := NewRing(whole)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Purpose("p").Seal(nil, nil, nil); !errors.Is(err, dry) {
		t.Errorf("sealed without randomness: %v", err)
	}
	if _, _, err := r.Purpose("p").NewIndex(nil); !errors.Is(err, dry) {
		t.Errorf("index without randomness: %v", err)
	}
}

func TestIndex(t *testing.T) {
	p := testRing(t, RingConfig{}).Purpose("p")
	ix, blob, err := p.NewIndex(ad)
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.OpenIndex(ad, blob)
	if err != nil || !bytes.Equal(ix.MAC("a", []byte("x")), again.MAC("a", []byte("x"))) {
		t.Errorf("opened again it differs: %v", err)
	}
	if _, err := p.OpenIndex(ad[:1], blob); !errors.Is(err, ErrOpen) {
		t.Errorf("in another place: %v", err)
	}
	if _, err := p.OpenIndex(ad, mustSeal(t, p, nil, make([]byte, 31))); !errors.Is(err, ErrOpen) {
		t.Errorf("31 bytes: %v", err)
	}
	other, _, err := p.NewIndex(ad)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, answer := range [][]byte{
		ix.MAC("a", []byte("x")), ix.MAC("b", []byte("x")), ix.MAC("a"), ix.MAC("a", nil), ix.MAC("a", []byte("x"), nil),
		other.MAC("a", []byte("x")), ix.Stream("a", 32, []byte("x")), ix.Stream("b", 32, []byte("x")),
	} {
		if len(answer) != 32 || seen[string(answer)] {
			t.Errorf("%x: length or collision", answer)
		}
		seen[string(answer)] = true
	}
}

// FuzzOpen: nothing panics, and nothing opens that was not sealed. The root is drawn,
// for the engine's other processes must not open this one's seeds.
func FuzzOpen(f *testing.F) {
	key := new([keySize]byte)
	if _, err := rand.Read(key[:]); err != nil {
		f.Fatal(err)
	}
	p := testRing(f, RingConfig{Roots: []Root{{version: 1, key: hide(key)}}, Primary: 1}).Purpose("p")
	whole := mustSeal(f, p, nil, []byte("plain"))
	f.Add(whole)
	f.Add(whole[:Overhead])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, blob []byte) {
		_, err := p.Open(ad, nil, blob)
		if err == nil && !bytes.Equal(blob, whole) {
			t.Errorf("opened what was not sealed: %x", blob)
		}
	})
}

func BenchmarkSealAndOpen(b *testing.B) {
	p := testRing(b, RingConfig{}).Purpose("p")
	salt, plain := make([]byte, 32), make([]byte, 300)
	for b.Loop() {
		blob, err := p.Seal(ad, salt, plain)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.Open(ad, salt, blob); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIndexMAC(b *testing.B) {
	ix, _, err := testRing(b, RingConfig{}).Purpose("p").NewIndex(nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		ix.MAC("lookup", ad...)
	}
}
