package drills

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// fullPatience is how soon all is well after there is room again.
const fullPatience = 5 * time.Second

// TestDiskFull: the file system of the database runs full. Nobody is told of an account
// that was not written, nothing that was written is damaged, and all is well as soon as
// there is room. It needs root, who may mount a file system of 8 MiB.
func TestDiskFull(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may mount a small file system")
	}
	d := begin(t, "disk full on SQLite")
	dir := d.TempDir()
	d.must(syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8m,mode=0700"))
	d.Cleanup(func() { d.must(syscall.Unmount(dir, 0)) })
	path := filepath.Join(dir, "keyturn.db")
	s := deploy(d, flooded("KEYTURN_STORE=sqlite:"+path)...)
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
		slowest = max(slowest, r.roomAgain(round))
	}
	lost := r.lost(d)
	whole, absent, half := r.remains(d)
	s.alive()
	s.stop()
	d.wholeDatabase(path, int64(len(r.acknowledged)-lost+whole+absent))
	d.report("full %d times: %d refused, %d registrations acknowledged: %d lost; of those refused %d whole, %d absent, %d half-written; well again after at most %s",
		rounds, refusals, len(r.acknowledged), lost, whole, absent, half, slowest.Round(time.Millisecond))
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

// TestSyncFails: from some moment on, the system says of each fsync that it failed.
// Nothing is acknowledged any more, and what was before is there after a restart.
func TestSyncFails(t *testing.T) {
	tracer, err := exec.LookPath("strace")
	if err != nil {
		if slices.Contains(strings.Split(os.Getenv("KEYTURN_TEST_REQUIRE"), ","), "strace") {
			t.Fatal(err)
		}
		t.Skip("strace is missing, which makes fsync fail")
	}
	d := begin(t, "fsync fails on SQLite")
	s := deploy(d, flooded()...)
	random := d.random(0)
	r := newRegistrations(s, 1)
	runs, late := size(3, 200), 0
	for run := range runs {
		for i := range random.IntN(20) {
			r.one(fmt.Sprintf("before-%d-%d", run, i))
		}
		stop := s.breakSync(tracer)
		for i := range 5 {
			if r.one(fmt.Sprintf("after-%d-%d", run, i)) {
				late++
				d.Errorf("run %d: a registration was acknowledged after syncs had begun to fail", run)
			}
		}
		s.kill()
		stop()
		s.start()
	}
	lost := r.lost(d)
	whole, absent, half := r.remains(d)
	s.alive()
	s.stop()
	d.wholeDatabase(s.database(), int64(len(r.acknowledged)-lost+whole+absent))
	d.report("%d runs: %d registrations acknowledged, %d of them after a failed sync, %d lost; of those refused %d whole, %d absent, %d half-written",
		runs, len(r.acknowledged), late, lost, whole, absent, half)
}

// breakSync makes each sync of the server fail from now on, as far as the system says.
// stop ends it, once the server has ended.
func (s *deployment) breakSync(tracer string) (stop func()) {
	s.d.Helper()
	const syncs = "fsync,fdatasync,sync_file_range,msync"
	cmd := exec.Command(tracer, "-f", "-p", strconv.Itoa(s.cmd.Process.Pid), "-e", "trace="+syncs, "-e", "inject="+syncs+":error=EIO")
	said, err := cmd.StderrPipe()
	s.d.must(err)
	s.d.must(cmd.Start())
	lines := bufio.NewScanner(said)
	if !lines.Scan() || !strings.Contains(lines.Text(), "attached") {
		s.d.Fatalf("strace cannot attach: %q", lines.Text())
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for lines.Scan() {
			_ = lines.Text() // its pipe must not fill up
		}
	}()
	return func() {
		<-drained
		_ = cmd.Wait() // it ends with what it traces, by the same signal
	}
}
