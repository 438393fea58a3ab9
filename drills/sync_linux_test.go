package drills

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/keyturn/keyturn/internal/store/postgres/postgrestest"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// TestSyncFails: from some moment on, in the middle of whatever is under way, the system
// says of each fsync of the database that it failed. Nothing that was asked for after
// that is acknowledged, and what was acknowledged before is there after a restart.
func TestSyncFails(t *testing.T) {
	tracer, err := exec.LookPath("strace")
	if err != nil {
		if slices.Contains(strings.Split(os.Getenv("KEYTURN_TEST_REQUIRE"), ","), "strace") {
			t.Fatal(err)
		}
		t.Skip("strace is missing, which makes fsync fail")
	}
	t.Run("SQLite", func(t *testing.T) {
		d := begin(t, "fsync fails on SQLite")
		s := deploy(d, flooded()...)
		people := d.breakSyncs(s, breakage{
			tracer:    tracer,
			processes: func() []int { return []int{s.cmd.Process.Pid} },
			end:       s.kill,
			restart:   s.start,
		})
		s.stop()
		d.wholeDatabase(s.database(), people)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		d := begin(t, "fsync fails on PostgreSQL")
		engine := postgrestest.NewEngine(t)
		s := ownEngine(d, engine.Address())
		d.breakSyncs(s.deployment, breakage{
			tracer:    tracer,
			processes: func() []int { return d.family(engine.Postmaster()) },
			end:       func() { engine.Crash(t) },
			restart: func() {
				engine.Start(t)
				s.awaitReady()
			},
		})
	})
}

// breakage is how the syncs of a database are made to fail, and how it gets well.
type breakage struct {
	tracer    string
	processes func() []int // that write
	end       func()       // of those processes
	restart   func()
}

// breakSyncs does it again and again, and tells how many people there are in the end.
func (d *drill) breakSyncs(s *deployment, b breakage) (people int64) {
	d.Helper()
	random := d.random(0)
	r := newRegistrations(s, 1)
	runs, late := size(3, 200), 0
	for run := range runs {
		late += r.untilBroken(run, random.IntN(20), b)
		b.restart()
	}
	if late > 0 {
		d.Errorf("%d registrations were acknowledged that began after a sync had failed", late)
	}
	lost := r.lost(d)
	whole, absent, half := r.remains(d)
	s.alive()
	d.report("%d runs: %d registrations acknowledged, %d of them begun after a failed sync, %d lost; of those refused %d whole, %d absent, %d half-written",
		runs, len(r.acknowledged), late, lost, whole, absent, half)
	return int64(len(r.acknowledged) - lost + whole + absent)
}

// untilBroken signs people up, breaks the syncs after so many, and goes on until each of
// those who sign people up was refused several times. late is how many were acknowledged
// although they began after a sync had failed.
func (r *registrations) untilBroken(run, after int, b breakage) (late int) {
	r.s.d.Helper()
	enough := make(chan struct{}) // as many are signed up as there must be
	broken := make(chan struct{}) // a sync has failed
	var done, tooLate atomic.Int64
	if after == 0 {
		close(enough)
	}
	var workers sync.WaitGroup
	for worker := range 4 {
		workers.Go(func() {
			for i, more := 0, 3; more > 0; i++ {
				var failing bool
				select {
				case <-broken:
					failing = true
					more--
				default:
				}
				p := &person{name: fmt.Sprintf("sync-%d-%d-%d", run, worker, i), key: webauthntest.New(webauthntest.Phone())}
				a, err := r.client.signUp(p)
				r.note(p, a, err)
				if err != nil || a.status != http.StatusCreated {
					continue
				}
				if failing {
					tooLate.Add(1)
				}
				if done.Add(1) == int64(after) {
					close(enough)
				}
			}
		})
	}
	<-enough
	stop := r.s.d.breakSync(b, broken)
	workers.Wait()
	b.end()
	stop()
	return int(tooLate.Load())
}

// breakSync makes each sync of the processes, and of those they start, fail from now on,
// as far as the system says. broken is closed when one has. stop waits for the end of
// those processes.
func (d *drill) breakSync(b breakage, broken chan<- struct{}) (stop func()) {
	d.Helper()
	const syncs = "fsync,fdatasync,sync_file_range,msync"
	args := []string{"-f", "-e", "trace=" + syncs, "-e", "inject=" + syncs + ":error=EIO"}
	for _, pid := range b.processes() {
		args = append(args, "-p", strconv.Itoa(pid))
	}
	cmd := exec.Command(b.tracer, args...)
	said, err := cmd.StderrPipe()
	d.must(err)
	d.must(cmd.Start())
	lines := bufio.NewScanner(said)
	if !lines.Scan() || !strings.Contains(lines.Text(), "attached") {
		d.Fatalf("strace cannot attach: %q", lines.Text())
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for told := false; lines.Scan(); { // to the end: its pipe must not fill up
			if !told && strings.Contains(lines.Text(), "(INJECTED)") {
				told = true
				close(broken)
			}
		}
	}()
	return func() {
		<-drained
		_ = cmd.Wait() // it ends with what it traces, by the same signal
	}
}

// family is a process and its children.
func (d *drill) family(pid int) []int {
	d.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	d.must(err)
	family := []int{pid}
	for child := range strings.FieldsSeq(string(text)) {
		n, err := strconv.Atoi(child)
		d.must(err)
		family = append(family, n)
	}
	return family
}
