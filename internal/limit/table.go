package limit

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// ways is how many slots a network may stand in. Eight keep the newcomer's choice
// good (at half load one in fifty meets a set without a full bucket) and the search
// within three cache lines.
const ways = 8

// locks is how many mutexes guard the table: enough that cores rarely meet.
const locks = 64

// key is a network in eight bytes and a family. The zero key is the callers
// without an address.
type key struct {
	bits   uint64
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

// slot holds the bucket of one network. An unused slot is the zero slot: the full
// bucket of the callers without an address, which is true of it.
type slot struct {
	key    key
	bucket bucket
}

// table is a fixed number of slots in sets of a few; a secret hash picks a
// network's set.
type table struct {
	seed  maphash.Seed
	sets  [][ways]slot
	locks [locks]sync.Mutex
}

// newTable makes a table for about networks networks.
func newTable(networks int) *table {
	if networks <= 0 {
		networks = DefaultNetworks
	}
	networks = min(networks, maxNetworks)
	return &table{seed: maphash.MakeSeed(), sets: make([][ways]slot, (networks+ways-1)/ways)}
}

// take removes one token from a network's bucket. permit is asked when there is a
// token and may refuse it, with its own wait; nil permits. It is called under the
// lock of the set.
func (t *table) take(n netip.Prefix, s shape, now time.Duration, permit func() (time.Duration, bool)) (time.Duration, bool) {
	k := keyOf(n)
	i := maphash.Comparable(t.seed, k) % uint64(len(t.sets))
	lock, set := &t.locks[i%locks], &t.sets[i]
	lock.Lock()
	defer lock.Unlock()

	at, known := find(set, k)
	held := bucket(0)
	if known {
		held = set[at].bucket
	}
	next, wait, ok := held.take(s, now)
	if ok && permit != nil {
		wait, ok = permit()
	}
	if ok {
		set[at] = slot{k, next}
	}
	return wait, ok
}

// find is the slot of a network, or the one to give to it: the one whose bucket is
// the soonest full, or has been the longest.
func find(set *[ways]slot, k key) (at int, known bool) {
	for i := range set {
		if set[i].key == k {
			return i, true
		}
		if set[i].bucket < set[at].bucket {
			at = i
		}
	}
	return at, false
}
