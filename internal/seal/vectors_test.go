package seal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

// hexBytes are bytes that read as hexadecimal in JSON.
type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexBytes) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

// vectors let another implementation check that it reads our format. Sealing draws
// a salt and a nonce, so they are for opening.
type vectors struct {
	About      string         `json:"about"`
	Deployment hexBytes       `json:"deployment"`
	Root       hexBytes       `json:"root_v1"`
	Server     hexBytes       `json:"server_key_v1"`
	Records    []recordVector `json:"records"`
	Subs       []subVector    `json:"subs"`
	MACs       []macVector    `json:"macs"`
}

type recordVector struct {
	Purpose   string     `json:"purpose"`
	AD        []hexBytes `json:"associated_data"`
	ExtraSalt hexBytes   `json:"extra_salt"`
	Purposed  hexBytes   `json:"purpose_key"`
	RecordKey hexBytes   `json:"record_key"`
	Blob      hexBytes   `json:"blob"`
	Plaintext hexBytes   `json:"plaintext"`
	Opens     bool       `json:"opens"`
}

type subVector struct {
	Purpose   string     `json:"purpose"`
	Info      []hexBytes `json:"info"`
	AD        []hexBytes `json:"associated_data"`
	Key       hexBytes   `json:"key"`
	Sealed    hexBytes   `json:"sealed"`
	Plaintext hexBytes   `json:"plaintext"`
}

type macVector struct {
	Purpose string     `json:"purpose"`
	Parts   []hexBytes `json:"parts"`
	Tag     hexBytes   `json:"tag"`
}

const vectorsFile = "testdata/vectors.json"

func plainFields(h []hexBytes) (b [][]byte) {
	for _, f := range h {
		b = append(b, f)
	}
	return b
}

func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	text, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	ring := vectorRing(t, v)
	version := Version{Root: 1, Server: 1}
	for i, r := range v.Records {
		p := ring.Purpose(r.Purpose)
		keys, err := ring.keys(r.Purpose, version)
		if err != nil || !bytes.Equal(keys.key(), r.Purposed) {
			t.Errorf("record %d: purpose key %+v, %v", i, keys, err)
			continue
		}
		k, err := recordKey(ring, r.Purposed, r.Blob, r.ExtraSalt)
		if err != nil || !bytes.Equal(k, r.RecordKey) {
			t.Errorf("record %d: record key %x, %v", i, k, err)
		}
		got, err := p.Open(plainFields(r.AD), r.ExtraSalt, r.Blob)
		if r.Opens && (err != nil || !bytes.Equal(got, r.Plaintext)) || !r.Opens && !errors.Is(err, ErrOpen) {
			t.Errorf("record %d: %x, %v", i, got, err)
		}
	}
	for i, s := range v.Subs {
		sub := Sub{Version: version, Info: plainFields(s.Info), AD: plainFields(s.AD)}
		k, err := ring.Purpose(s.Purpose).subKey(sub)
		if err != nil || !bytes.Equal(k, s.Key) {
			t.Errorf("sub %d: key %x, %v", i, k, err)
		}
		got, err := ring.Purpose(s.Purpose).OpenSub(sub, s.Sealed)
		if err != nil || !bytes.Equal(got, s.Plaintext) {
			t.Errorf("sub %d: %x, %v", i, got, err)
		}
	}
	for i, m := range v.MACs {
		tag, err := ring.Purpose(m.Purpose).MAC(plainFields(m.Parts)...)
		if err != nil || !bytes.Equal(tag, m.Tag) {
			t.Errorf("mac %d: %x, %v", i, tag, err)
		}
	}
	if len(v.Records) < 4 || len(v.Subs) < 2 || len(v.MACs) < 2 {
		t.Errorf("%d records, %d subs, %d macs", len(v.Records), len(v.Subs), len(v.MACs))
	}
}

func recordKey(ring *Ring, purposed, blob, extraSalt []byte) ([]byte, error) {
	k, err := ring.derivation().key(purposed, (*[saltSize]byte)(blob[1+versionSize:]), "record/v1", extraSalt)
	return k[:], err
}

func vectorRing(t *testing.T, v vectors) *Ring {
	t.Helper()
	return testRing(t, RingConfig{
		Deployment: v.Deployment,
		Server:     ServerKey{hide(&secrets{keys: map[uint32][]byte{1: v.Server}, primary: 1})},
		Roots:      []Root{{version: 1, key: hide((*[keySize]byte)(v.Root))}},
		Primary:    1,
	})
}

func writeVectors(t *testing.T) {
	t.Helper()
	v := vectors{
		About: "Keyturn's sealed formats. The comments of Ring.key, Purpose, Sub and MAC in package seal define them; " +
			"L{…} precedes each field by its length as 4 bytes, big-endian.",
		Deployment: []byte("a deployment: 16"),
		Root:       bytes.Repeat([]byte{0x52}, keySize),
		Server:     bytes.Repeat([]byte{0x53}, keySize),
	}
	ring := vectorRing(t, v)
	version := Version{Root: 1, Server: 1}
	fields := []hexBytes{[]byte("accounts"), []byte("body"), []byte("key"), {0, 0, 0, 0, 0, 0, 0, 1}}
	must := func(b []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, r := range []recordVector{
		{Purpose: "accounts", Plaintext: []byte("plaintext"), Opens: true},
		{Purpose: "accounts", AD: fields, Plaintext: []byte{}, Opens: true},
		{Purpose: "credentials", AD: fields, ExtraSalt: bytes.Repeat([]byte{0x61}, 32), Plaintext: []byte("plaintext"), Opens: true},
		{Purpose: "credentials", AD: fields, Plaintext: []byte("another field in the associated data")},
	} {
		p := ring.Purpose(r.Purpose)
		r.Blob = must(p.Seal(plainFields(r.AD), r.ExtraSalt, r.Plaintext))
		r.Purposed = must(ring.derive(r.Purpose, v.Root, v.Server))
		r.RecordKey = must(recordKey(ring, r.Purposed, r.Blob, r.ExtraSalt))
		if !r.Opens {
			r.AD = append(append([]hexBytes{}, r.AD...), []byte("more"))
		}
		v.Records = append(v.Records, r)
	}
	for _, s := range []subVector{
		{Purpose: "ticket", Info: []hexBytes{[]byte("ticket/v1"), []byte("id")}, AD: fields, Plaintext: []byte("plaintext")},
		{Purpose: "ticket", Plaintext: []byte{}},
	} {
		sub := Sub{Version: version, Info: plainFields(s.Info), AD: plainFields(s.AD)}
		s.Key = must(ring.Purpose(s.Purpose).subKey(sub))
		s.Sealed = must(ring.Purpose(s.Purpose).SealSub(nil, sub, s.Plaintext))
		v.Subs = append(v.Subs, s)
	}
	for _, m := range []macVector{{Purpose: "event-link"}, {Purpose: "event-link", Parts: fields}} {
		m.Tag = must(ring.Purpose(m.Purpose).MAC(plainFields(m.Parts)...))
		v.MACs = append(v.MACs, m)
	}
	text := must(json.MarshalIndent(v, "", "  "))
	if err := os.WriteFile(vectorsFile, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
