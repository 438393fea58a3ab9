package limit

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"net/netip"
	"sync"
	"time"
)

// ways is how many slots a network may stand in. Eight keep the newcomer's choice
// good (at half load one in fifty meets a set without a full bucket) and the search
// within two cache lines.
const ways = 8

// locks is how many mutexes guard the table: enough that cores rarely meet.
const locks = 64

// firstSets is how many sets a table begins with: 4096 slots, 64 KiB.
const firstSets = 512

// key is a network in eight bytes and a family. The zero key is the callers
// without an address.
type key struct {
	prefix uint64
	family uint8 // 0, 4 or 6
}

func keyOf(network netip.Prefix) key {
	network = Network(network.Addr())
	switch addr := network.Addr(); {
	case addr.Is4():
		four := addr.As4()
		return key{uint64(binary.BigEndian.Uint32(four[:])), 4}
	case addr.Is6():
		sixteen := addr.As16()
		return key{binary.BigEndian.Uint64(sixteen[:8]), 6}
	default:
		return key{}
	}
}

// slot holds the bucket of one network, by the network's secret hash: of 2⁶⁴, no two
// networks share one. An unused slot is the zero slot, which is true of whoever's hash it
// is: his bucket is full.
type slot struct {
	tag    uint64
	bucket bucket
}

// set are the slots that a network may stand in: two cache lines.
type set [ways]slot

// table is a number of slots in sets of a few; the low bits of a network's tag pick its
// set. It begins small and doubles, up to its most, whenever a bucket would have to be
// forgotten that is not full.
type table struct {
	seed maphash.Seed
	most int // sets
	// Each lock guards the sets whose number ends like its own, and all of them together
	// guard which sets there are.
	locks [locks]sync.Mutex
	sets  []set // a power of two
	ends  uint64
}

// newTable makes a table for about networks networks.
func newTable(networks int) *table {
	if networks <= 0 {
		networks = DefaultNetworks
	}
	most := ceilingPower((min(networks, maxNetworks) + ways - 1) / ways)
	first := min(most, firstSets)
	return &table{seed: maphash.MakeSeed(), most: most, sets: make([]set, first), ends: uint64(min(first, locks) - 1)}
}

// ceilingPower is the power of two that is n, or the next above it.
func ceilingPower(n int) int { return 1 << bits.Len(uint(n-1)) }

// take removes one token from a network's bucket. permit is asked when there is a
// token and may refuse it, with its own wait; nil permits. It is called under the
// lock of the set.
func (t *table) take(n netip.Prefix, s shape, now time.Duration, permit func() (time.Duration, bool)) (time.Duration, bool) {
	tag := maphash.Comparable(t.seed, keyOf(n))
	lock := &t.locks[tag&t.ends]
	lock.Lock()
	here := t.setOf(tag)
	at, known := find(here, tag)
	for !known && time.Duration(here[at].bucket) > now && len(t.sets) < t.most {
		was := len(t.sets)
		lock.Unlock()
		t.double(was)
		lock.Lock()
		here = t.setOf(tag)
		at, known = find(here, tag)
	}
	defer lock.Unlock()

	held := bucket(0)
	if known {
		held = here[at].bucket
	}
	next, wait, ok := held.take(s, now)
	if ok && permit != nil {
		wait, ok = permit()
	}
	if ok {
		here[at] = slot{tag, next}
	}
	return wait, ok
}

func (t *table) setOf(tag uint64) *set { return &t.sets[tag&uint64(len(t.sets)-1)] }

// double makes twice as many sets of was many, unless another caller has. A set becomes
// two, so every slot finds its own place in one of them free. The largest table there is
// by default takes 5 ms to come to be, once.
func (t *table) double(was int) {
	for i := range t.locks {
		t.locks[i].Lock()
		defer t.locks[i].Unlock()
	}
	if len(t.sets) != was {
		return
	}
	old := t.sets
	t.sets = make([]set, 2*was)
	for i := range old {
		for at, s := range old[i] {
			if s != (slot{}) {
				t.setOf(s.tag)[at] = s
			}
		}
	}
}

// find is the slot of a network, or the one to give to it: the one whose bucket is
// the soonest full, or has been the longest.
func find(here *set, tag uint64) (at int, known bool) {
	for i := range here {
		if here[i].tag == tag {
			return i, true
		}
		if here[i].bucket < here[at].bucket {
			at = i
		}
	}
	return at, false
}
