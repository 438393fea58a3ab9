package drills

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/store/postgres/postgrestest"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// fullPatience is how soon all is well after there is room again.
const fullPatience = 5 * time.Second

// TestDiskFull: the file system of the database runs full. Nobody is told of an account
// that was not written, nothing that was written is damaged, and all is well as soon as
// there is room and the engine, if it had to end, was started again. It needs root, who
// may mount a small file system.
func TestDiskFull(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may mount a small file system")
	}
	t.Run("SQLite", func(t *testing.T) {
		d := begin(t, "disk full on SQLite")
		dir := d.TempDir()
		d.mountSmall(dir, "size=8m,mode=0700")
		path := filepath.Join(dir, "keyturn.db")
		s := deploy(d, flooded("KEYTURN_STORE=sqlite:"+path)...)
		people := d.fillDisk(s, dir, func() {})
		s.stop()
		d.wholeDatabase(path, people)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		d := begin(t, "disk full on PostgreSQL")
		var dir string
		engine := postgrestest.NewEngineOn(t, func(empty string) {
			dir = empty
			d.mountSmall(dir, "size=80m,mode=0755")
		})
		s := ownEngine(d, engine.Address())
		d.fillDisk(s.deployment, dir, func() { engine.Revive(t) })
	})
}

// mountSmall puts a small file system at dir, until the drill ends.
func (d *drill) mountSmall(dir, options string) {
	d.Helper()
	d.must(syscall.Mount("tmpfs", dir, "tmpfs", 0, options))
	d.Cleanup(func() {
		d.must(syscall.Unmount(dir, 0))
		d.must(os.Remove(dir))
	})
}

// fillDisk lets the file system at dir run full again and again, while people sign up,
// and tells how many there are in the end. revive helps the engine once there is room.
func (d *drill) fillDisk(s *deployment, dir string, revive func()) (people int64) {
	d.Helper()
	r := newRegistrations(s, 1)
	rounds, slowest, refusals := size(2, 20), time.Duration(0), 0
	for round := range rounds {
		ballast := filepath.Join(dir, "ballast")
		layBallast(d, ballast)
		refused := r.fullDisk(round)
		if refused == 0 {
			d.Fatalf("round %d: the disk is full and nobody was refused", round)
		}
		refusals += refused
		d.must(os.Remove(ballast))
		revive()
		slowest = max(slowest, r.roomAgain(round))
	}
	lost := r.lost(d)
	whole, absent, half := r.remains(d)
	s.alive()
	d.report("full %d times: %d refused, %d registrations acknowledged: %d lost; of those refused %d whole, %d absent, %d half-written; well again after at most %s",
		rounds, refusals, len(r.acknowledged), lost, whole, absent, half, slowest.Round(time.Millisecond))
	return int64(len(r.acknowledged) - lost + whole + absent)
}

// layBallast writes a file until there is no room for another byte.
func layBallast(d *drill, path string) {
	d.Helper()
	file, err := os.Create(path)
	d.must(err)
	defer func() { _ = file.Close() }() // that it was not written is the purpose
	for block := make([]byte, 4096); ; {
		if _, err := file.Write(block); err != nil {
			return
		}
	}
}

// fullDisk lets people sign up until thirty in a row were refused, and tells how many
// were. What room there is left in the database's own files is used up before.
func (r *registrations) fullDisk(round int) (refused int) {
	inARow := 0
	for i := 0; inARow < 30 && i < 5000; i++ {
		if r.one(fmt.Sprintf("full-%d-%d", round, i)) {
			inARow = 0
			continue
		}
		inARow++
		refused++
	}
	return refused
}

// roomAgain signs people up until it works, and tells how long that took.
func (r *registrations) roomAgain(round int) time.Duration {
	r.s.d.Helper()
	start := time.Now()
	for i := 0; ; i++ {
		ok := r.one(fmt.Sprintf("room-%d-%d", round, i))
		took := time.Since(start)
		if took > fullPatience {
			r.s.d.Fatalf("round %d: nobody can sign up %s after there was room again", round, took)
		}
		if ok {
			return took
		}
	}
}

// one signs one person up, and tells whether it was acknowledged.
func (r *registrations) one(name string) bool {
	p := &person{name: name, key: webauthntest.New(webauthntest.Phone())}
	a, err := r.client.signUp(p)
	before := len(r.acknowledged)
	r.note(p, a, err)
	return len(r.acknowledged) > before
}
