package drills

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

// program builds the binary under test, once.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(os.Getenv(buildDir), "keyturn")
	build := exec.Command("go", "build", "-o", path, "../cmd/keyturn")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/keyturn: %w\n%s", err, out)
	}
	return path, nil
})

// buildDir names the directory that TestMain made for the binary.
const buildDir = "KEYTURN_DRILLS_BUILD_DIR"

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "keyturn-drills-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if err := os.Setenv(buildDir, dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// full tells whether the drills run at the size that their pass figures ask for.
func full() bool { return os.Getenv("KEYTURN_DRILLS") == "full" }

// size picks how large a drill is.
func size(small, large int) int {
	if full() {
		return large
	}
	return small
}

// drill is one drill under way.
type drill struct {
	*testing.T
	name string
	seed uint64
}

// begin names a drill and draws its seed, or takes the one given.
func begin(t *testing.T, name string) *drill {
	t.Helper()
	d := &drill{T: t, name: name, seed: rand.Uint64()}
	if given := os.Getenv("KEYTURN_DRILLS_SEED"); given != "" {
		var err error
		if d.seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("KEYTURN_DRILLS_SEED: %v", err)
		}
	}
	return d
}

// random is the randomness of one of the drill's goroutines.
func (d *drill) random(stream int) *rand.Rand { return rand.New(rand.NewPCG(d.seed, uint64(stream))) }

// report prints the drill's line.
func (d *drill) report(format string, args ...any) {
	verdict := "passed"
	if d.Failed() {
		verdict = "MISSED"
	}
	fmt.Printf("drill %s: seed=%d %s: %s\n", d.name, d.seed, verdict, fmt.Sprintf(format, args...))
}

// must ends the drill on an error of the harness.
func (d *drill) must(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

// crowd runs do in n goroutines, each with its number, and gives the first error.
func crowd(n int, do func(i int) error) error {
	var group sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		group.Go(func() { errs[i] = do(i) })
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
