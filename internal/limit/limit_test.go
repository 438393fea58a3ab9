package limit

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fakeClock is a wall clock that a test moves.
type fakeClock struct{ at atomic.Int64 }

func newFakeClock() *fakeClock {
	c := new(fakeClock)
	c.at.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
	return c
}

func (c *fakeClock) Now() time.Time        { return time.Unix(0, c.at.Load()) }
func (c *fakeClock) move(by time.Duration) { c.at.Add(int64(by)) }

// ipv6 is the nth /64 of some provider.
func ipv6(n int) netip.Prefix {
	var a [16]byte
	a[0], a[1] = 0x20, 0x01
	binary.BigEndian.PutUint32(a[4:], uint32(n))
	return netip.PrefixFrom(netip.AddrFrom16(a), 64)
}

func taken(f *Flood, network netip.Prefix, tries int) int {
	n := 0
	for range tries {
		if _, ok := f.Allow(network); ok {
			n++
		}
	}
	return n
}

func TestNetwork(t *testing.T) {
	for _, c := range []struct{ name, addr, want string }{
		{"IPv4", "192.0.2.7", "192.0.2.7/32"},
		{"IPv4 written as IPv6", "::ffff:192.0.2.7", "192.0.2.7/32"},
		{"IPv6", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"IPv6 with a zone", "fe80::1%eth0", "fe80::/64"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Network(netip.MustParseAddr(c.addr)).String(); got != c.want {
				t.Errorf("Network(%s) = %s, want %s", c.addr, got, c.want)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		if got := Network(netip.Addr{}); got != (netip.Prefix{}) {
			t.Errorf("Network of no address = %s, want the zero prefix", got)
		}
	})
}

func TestKeyOf(t *testing.T) {
	same := func(a, b string) bool { return keyOf(netip.MustParsePrefix(a)) == keyOf(netip.MustParsePrefix(b)) }
	if !same("2001:db8::/64", "2001:db8::1234/128") {
		t.Error("two addresses of one /64 are counted apart")
	}
	if same("2001:db8::/64", "2001:db8:0:1::/64") {
		t.Error("two /64 are counted together")
	}
	if same("192.0.2.1/32", "192.0.2.2/32") {
		t.Error("two IPv4 addresses are counted together")
	}
	if !same("192.0.2.1/32", "::ffff:192.0.2.1/128") {
		t.Error("an IPv4 address written as IPv6 is counted apart")
	}
	if keyOf(netip.MustParsePrefix("0.0.0.0/32")) == keyOf(netip.MustParsePrefix("::/64")) {
		t.Error("the families share a key")
	}
	if keyOf(netip.Prefix{}) != (key{}) {
		t.Error("a caller without an address has a key of his own")
	}
}

func TestFlood(t *testing.T) {
	clock := newFakeClock()
	f := NewFlood(FloodConfig{Rate: 2, Burst: 5, Now: clock.Now})
	a, b := ipv6(1), netip.MustParsePrefix("192.0.2.1/32")

	if n := taken(f, a, 9); n != 5 {
		t.Fatalf("a burst of 5 let %d requests through", n)
	}
	wait, ok := f.Allow(a)
	if ok || wait != 500*time.Millisecond {
		t.Fatalf("empty bucket: wait %v, ok %v; want 500ms, false", wait, ok)
	}
	if n := taken(f, b, 9); n != 5 {
		t.Errorf("another network got %d of its 5", n)
	}
	clock.move(wait - 1)
	if _, ok := f.Allow(a); ok {
		t.Error("allowed before retryAfter had passed")
	}
	clock.move(1)
	if _, ok := f.Allow(a); !ok {
		t.Error("refused after retryAfter had passed")
	}
	clock.move(time.Hour)
	if n := taken(f, a, 9); n != 5 {
		t.Errorf("after an idle hour %d requests at once, want the burst of 5", n)
	}
}

func TestFloodClockSetBack(t *testing.T) {
	clock := newFakeClock()
	f := NewFlood(FloodConfig{Rate: 1, Burst: 3, Now: clock.Now})
	clock.move(time.Hour)
	if n := taken(f, ipv6(1), 3); n != 3 {
		t.Fatalf("got %d of 3", n)
	}
	clock.move(-30 * time.Minute)
	if wait, ok := f.Allow(ipv6(1)); ok || wait > time.Second {
		t.Errorf("clock set back: wait %v, ok %v; want at most the second that a token takes, and no token for free", wait, ok)
	}
}

func TestFloodDefaultsLimit(t *testing.T) {
	clock := newFakeClock()
	if n := taken(NewFlood(FloodConfig{Now: clock.Now}), ipv6(1), 10*DefaultFloodBurst); n != DefaultFloodBurst {
		t.Errorf("the zero configuration let %d requests through, want %d", n, DefaultFloodBurst)
	}
	flood := NewFlood(FloodConfig{Now: clock.Now})
	taken(flood, ipv6(1), DefaultFloodBurst)
	if wait, ok := flood.Allow(ipv6(1)); ok || wait != time.Second/DefaultFloodRate {
		t.Errorf("the zero configuration gives a token back after %v", wait)
	}
	if n := taken(NewFlood(FloodConfig{Rate: 0.01, Burst: 3}), ipv6(1), 9); n != 3 {
		t.Errorf("by the wall clock %d requests, want 3", n)
	}
	failures := NewFailures(FailuresConfig{Now: clock.Now})
	n := 0
	for range 10 * DefaultFailuresNetwork {
		if _, ok := failures.Take(ipv6(1)); ok {
			n++
		}
	}
	if n != DefaultFailuresNetwork {
		t.Errorf("the zero configuration let %d failures through, want %d", n, DefaultFailuresNetwork)
	}
}

func TestFloodConcurrent(t *testing.T) {
	clock := newFakeClock()
	f := NewFlood(FloodConfig{Rate: 1, Burst: 100, Now: clock.Now})
	var passed atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for i := range 400 {
				if _, ok := f.Allow(ipv6(i % 2)); ok {
					passed.Add(1)
				}
			}
		})
	}
	group.Wait()
	if passed.Load() != 200 {
		t.Errorf("8 callers on two networks took %d, want 200", passed.Load())
	}
}

func TestFailures(t *testing.T) {
	clock := newFakeClock()
	f := NewFailures(FailuresConfig{PerNetwork: 3, PerProcess: 5, Now: clock.Now})
	take := func(n int) bool { _, ok := f.Take(ipv6(n)); return ok }

	for i := range 3 {
		if !take(1) {
			t.Fatalf("failure %d of 3 refused", i+1)
		}
	}
	if wait, ok := f.Take(ipv6(1)); ok || wait != 20*time.Second {
		t.Fatalf("network budget empty: wait %v, ok %v; want 20s, false", wait, ok)
	}
	if first, second := take(2), take(2); !first || !second {
		t.Fatal("what the first network was refused was taken from the process's budget")
	}
	wait, ok := f.Take(ipv6(2))
	if ok || wait != 12*time.Second {
		t.Fatalf("process budget empty: wait %v, ok %v; want 12s, false", wait, ok)
	}
	clock.move(wait)
	if !take(2) {
		t.Error("a refusal by the process was taken from the network's budget")
	}
	if take(3) {
		t.Error("the process's budget let a sixth failure through")
	}
}

// TestTableForgetsNothingOfValue floods a small table with far more networks than
// it has slots. Whoever owes more than the newcomers stays remembered.
func TestTableForgetsNothingOfValue(t *testing.T) {
	clock := newFakeClock()
	f := NewFlood(FloodConfig{Rate: 0.001, Burst: 10, Networks: 64, Now: clock.Now})
	attacker := netip.MustParsePrefix("192.0.2.1/32")
	if n := taken(f, attacker, 10); n != 10 {
		t.Fatalf("got %d of 10", n)
	}
	for i := range 100_000 {
		if _, ok := f.Allow(ipv6(i)); !ok {
			t.Fatalf("network %d, never seen, is refused because the table is full", i)
		}
	}
	if n := taken(f, attacker, 10); n != 0 {
		t.Errorf("flooding the table with others gave the attacker %d requests back", n)
	}
}

// TestTableReusesFullBucketsFirst: buckets that are full anyhow go before any that
// are not.
func TestTableReusesFullBucketsFirst(t *testing.T) {
	clock := newFakeClock()
	f := NewFlood(FloodConfig{Rate: 1, Burst: 2, Networks: ways, Now: clock.Now})
	for i := range ways - 1 {
		taken(f, ipv6(i), 1)
	}
	clock.move(time.Minute)
	taken(f, ipv6(100), 1) // in use, and the table is at its end
	taken(f, ipv6(101), 1) // takes the slot of a bucket long full
	if n := taken(f, ipv6(100), 2); n != 1 {
		t.Errorf("the bucket in use gave %d more, want 1: it was forgotten before a full one", n)
	}
}

// TestTableGrowsForgettingNothing: as long as a table may grow, whoever has used up his
// bucket stays known, however many come after him.
func TestTableGrowsForgettingNothing(t *testing.T) {
	clock := newFakeClock()
	f := NewFlood(FloodConfig{Rate: 0.001, Burst: 2, Networks: maxNetworks, Now: clock.Now})
	const networks = 8 * ways * firstSets
	for i := range networks {
		if n := taken(f, ipv6(i), 3); n != 2 {
			t.Fatalf("network %d got %d of its 2", i, n)
		}
	}
	for i := range networks {
		if _, ok := f.Allow(ipv6(i)); ok {
			t.Fatalf("network %d of %d was forgotten", i, networks)
		}
	}
	if len(f.table.sets) <= firstSets {
		t.Errorf("%d sets for %d networks", len(f.table.sets), networks)
	}
}

// TestTableStaysSmall: buckets that are full again make room for newcomers, so that a
// table is as large as what is owed to it at one time.
func TestTableStaysSmall(t *testing.T) {
	clock := newFakeClock()
	f := NewFlood(FloodConfig{Rate: 1, Burst: 5, Now: clock.Now})
	for i := range 100_000 {
		taken(f, ipv6(i), 1)
		clock.move(10 * time.Millisecond) // a hundred are owed something at a time
	}
	if n := len(f.table.sets); n != firstSets {
		t.Errorf("%d sets, want the %d of the beginning", n, firstSets)
	}
}

// TestTableGrowsUnderLoad: many callers meet a table that doubles below them; nobody gets
// more than he may.
func TestTableGrowsUnderLoad(t *testing.T) {
	clock := newFakeClock()
	f := NewFlood(FloodConfig{Rate: 0.001, Burst: 2, Now: clock.Now})
	const networks, callers = 3 * ways * firstSets, 4
	var passed atomic.Int64
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for i := range networks {
				if _, ok := f.Allow(ipv6(i)); ok {
					passed.Add(1)
				}
			}
		})
	}
	group.Wait()
	if got := passed.Load(); got != 2*networks {
		t.Errorf("%d requests passed, want %d", got, 2*networks)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	clock := newFakeClock()
	before := heap()
	f := NewFlood(FloodConfig{Now: clock.Now})
	made := heap()
	for i := range 1_000_000 {
		f.Allow(ipv6(i))
	}
	after := heap()
	if made > before+256<<10 {
		t.Errorf("a table that nobody has used takes %d bytes, want at most 256 KiB", made-before)
	}
	if after > made+9<<20 {
		t.Errorf("a million networks let it grow by %d bytes, want at most 8 MiB", after-made)
	}
	for networks, want := range map[int]int{1 << 40: maxNetworks / ways, 0: DefaultNetworks / ways, 1: 1, ways + 1: 2} {
		if got := newTable(networks).most; got != want {
			t.Errorf("a table for %d networks may have %d sets, want %d", networks, got, want)
		}
	}
	runtime.KeepAlive(f)
}

func BenchmarkFloodAllow(b *testing.B) {
	f := NewFlood(FloodConfig{})
	networks := make([]netip.Prefix, 1<<16)
	for i := range networks {
		networks[i] = ipv6(i)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			f.Allow(networks[i&(1<<16-1)])
		}
	})
}
