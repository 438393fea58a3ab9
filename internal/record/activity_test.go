package record

import (
	"bytes"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

// TestEventAlone: an event opens without the one before it, for its own place, time
// and person only.
func TestEventAlone(t *testing.T) {
	v := openVault(t)
	whole := sealAll(t, v, 1).event
	if body, err := v.OpenEventAlone(whole); err != nil || string(body) != "what" {
		t.Fatalf("%q, %v", body, err)
	}
	unlinked := whole
	unlinked.Link = nil
	if _, err := v.OpenEventAlone(unlinked); err != nil {
		t.Errorf("without a link: %v", err)
	}
	for name, change := range map[string]func(*store.Event){
		"another chain":  func(e *store.Event) { e.Chain++ },
		"another number": func(e *store.Event) { e.Number++ },
		"another time":   func(e *store.Event) { e.At = e.At.Add(time.Millisecond) },
		"another person": func(e *store.Event) { e.Account = []byte("you") },
		"nobody":         func(e *store.Event) { e.Account = nil },
		"no body":        func(e *store.Event) { e.Body = nil },
	} {
		t.Run(name, func(t *testing.T) {
			bent := whole
			change(&bent)
			_, err := v.OpenEventAlone(bent)
			wantTampered(t, err, codeEvent)
		})
	}
	flips(t, whole.Body, func(t *testing.T, body []byte) {
		bent := whole
		bent.Body = body
		_, err := v.OpenEventAlone(bent)
		wantTampered(t, err, codeEvent)
	})
}

// TestEventID: the name of an event is a UUID of version 8, its own and always the same.
func TestEventID(t *testing.T) {
	v := openVault(t)
	seen := map[ID]bool{}
	for chain := range uint32(4) {
		for number := range uint64(64) {
			id := v.EventID(chain, number)
			if id != v.EventID(chain, number) || seen[id] || id.Version() != 8 || id.Variant().String() != "RFC4122" {
				t.Fatalf("event %d/%d is %s", chain, number, id)
			}
			seen[id] = true
		}
	}
	if openVault(t).EventID(1, 1) == v.EventID(1, 1) {
		t.Error("another server names its events alike: whoever has one can tell the number")
	}
}

// TestPosition: a position comes back as it went, to its own account, and nothing else
// is one.
func TestPosition(t *testing.T) {
	v := openVault(t)
	p := store.Position{At: milli(start), Chain: 3, Number: 1 << 40}
	cursor, err := v.SealPosition(id(1), p)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := v.OpenPosition(id(1), cursor); err != nil || back != p {
		t.Errorf("%+v, %v; want %+v", back, err, p)
	}
	if _, err := v.OpenPosition(id(2), cursor); err == nil {
		t.Error("it leads through another account")
	}
	flips(t, cursor, func(t *testing.T, bent []byte) {
		if _, err := v.OpenPosition(id(1), bent); err == nil {
			t.Error("a bent cursor opens")
		}
	})
	event := sealAll(t, v, 1).event
	for name, other := range map[string][]byte{"nothing": nil, "an event": event.Body, "zeros": bytes.Repeat([]byte{0}, len(cursor))} {
		if _, err := v.OpenPosition(id(1), other); err == nil {
			t.Errorf("%s is a position", name)
		}
	}
	short, err := v.purposes[store.TableEvents].Seal(positionAD(id(1)), nil, make([]byte, positionSize-1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.OpenPosition(id(1), short); err == nil {
		t.Error("a short position is one")
	}
}
